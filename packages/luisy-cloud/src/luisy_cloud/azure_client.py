"""Open a container with Azure's SDK: the way in, retries, time limits, sizes of blocks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from luisy_protocol.errors import ConfigurationError, MissingPackage

from luisy_cloud.azure_errors import redacted
from luisy_cloud.azure_settings import AzureSettings

if TYPE_CHECKING:
    from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential, TokenCredential
    from azure.core.pipeline.transport import RequestsTransport
    from azure.storage.blob import ContainerClient

    from luisy_cloud.azure_session import AzureSession

    Credential = AzureNamedKeyCredential | AzureSasCredential | TokenCredential

SINGLE = 4 * 1024 * 1024
BLOCK = 8 * 1024 * 1024


class _SignatureFilter(logging.Filter):
    """Blots the signatures of SAS tokens out of what the HTTP library logs at its lowest level."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if "sig=" in message.lower():
            record.msg, record.args = redacted(message), None
        return True


_signature_filter = _SignatureFilter()


def open_container(
    settings: AzureSettings, session: AzureSession, *, single: int = SINGLE
) -> ContainerClient:
    """Return the SDK's client of the container; nothing is sent yet.

    Args:
        settings: Where it is and how to enter.
        session: The connections.
        single: Up to how many bytes go in one request.

    Raises:
        ConfigurationError: If the connection string is malformed.
        MissingPackage: If there is neither key nor token, and azure-identity is not installed.
    """
    from azure.storage.blob import ContainerClient, ExponentialRetry

    for name in ("urllib3.connectionpool", "urllib3.util.retry", "azure.storage.blob"):
        logging.getLogger(name).addFilter(_signature_filter)
    retry = ExponentialRetry(
        initial_backoff=1,
        increment_base=2,
        random_jitter_range=1,
        retry_total=settings.retries,
        retry_connect=min(settings.retries, 2),
        retry_read=settings.retries,
        retry_status=settings.retries,
    )
    options = {
        "retry_policy": retry,
        "transport": _transport(settings, session),
        "max_single_put_size": single,
        "max_block_size": BLOCK,
        "max_single_get_size": single,
        "max_chunk_get_size": BLOCK,
    }
    try:
        if settings.connection_string:
            return ContainerClient.from_connection_string(
                settings.connection_string.reveal(), settings.container, **options
            )
        return ContainerClient(
            settings.endpoint, settings.container, credential=_credential(settings), **options
        )
    except ValueError as error:
        if not settings.connection_string:
            raise ConfigurationError(f"{settings.endpoint} cannot be used: {error}") from error
        # The error's text may quote the connection string.
        raise ConfigurationError(
            "LUISY_AZURE_CONNECTION_STRING is malformed; copy it again from the portal"
        ) from None


def _transport(settings: AzureSettings, session: AzureSession) -> RequestsTransport:
    from azure.core.pipeline.transport import RequestsTransport

    return RequestsTransport(
        session=session,
        session_owner=False,
        connection_verify=session.trusted,
        connection_timeout=min(20.0, settings.timeout),
        read_timeout=settings.timeout,
        connection_data_block_size=BLOCK,  # each range in one piece
    )


def _credential(settings: AzureSettings) -> Credential:
    from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential

    if settings.key:
        account = settings.account or _account_of(settings.endpoint)
        return AzureNamedKeyCredential(account, settings.key.reveal())
    if settings.sas_token:
        return AzureSasCredential(settings.sas_token.reveal().lstrip("?"))
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError as error:
        raise MissingPackage(
            "no key is set (LUISY_AZURE_STORAGE_KEY, LUISY_AZURE_SAS_TOKEN or "
            "LUISY_AZURE_CONNECTION_STRING); to log in by identity instead: "
            "pip install 'luisy-cloud[identity]'"
        ) from error
    return DefaultAzureCredential()


def _account_of(endpoint: str) -> str:
    host_and_path = endpoint.partition("://")[2]
    host, _, path = host_and_path.partition("/")
    return path or host.partition(".")[0]
