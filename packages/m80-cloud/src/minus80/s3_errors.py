"""Translate what boto3 raises into the errors of `luisy_protocol.errors`, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from luisy_protocol.errors import (
    AccessDenied,
    ConfigurationError,
    Conflict,
    IntegrityError,
    LuisyError,
    NotFound,
    NotSupported,
    Unavailable,
)

from minus80.errors import BucketMissing

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_SET = "set CLOUD_ACCESS_KEY and CLOUD_SECRET_KEY, or cloud.access_key and cloud.secret_key in ~/.minus80.conf"

_DENIED = {
    "InvalidAccessKeyId": f"the access key is not known there; {_SET}",
    "SignatureDoesNotMatch": f"the secret key is wrong; {_SET}",
    "ExpiredToken": "the credentials have expired; log in again",
    "InvalidToken": "the session token is not valid; log in again",
    "InvalidClientTokenId": f"the access key is not known there; {_SET}",
    "AuthFailure": f"the credentials are wrong; {_SET}",
}
_CONFLICTS = {"PreconditionFailed", "ConditionalRequestConflict", "OperationAborted", "412", "409"}
_ABSENT = {"NoSuchKey", "NoSuchUpload", "NotFound", "404"}
_DAMAGED = {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "InvalidPart"}
_LACKING = {"NotImplemented", "MethodNotAllowed", "501", "405"}
_WRONG_REGION = {
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "301",
}


@contextmanager
def s3_errors(action: str, *, url: str) -> Iterator[None]:
    """Turn boto3's errors in the block into a `LuisyError`.

    Args:
        action: What is tried, as in "read a/b": the message begins with "cannot " and this.
        url: The store's URL, for the message.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - heavy

    try:
        yield
    except ClientError as error:
        raise translate_response(error, f"cannot {action} in {url}") from error
    except BotoCoreError as error:
        raise translate_local(error, f"cannot {action} in {url}") from error


def translate_response(error: ClientError, what: str) -> LuisyError:
    """Return the error for an answer of the server."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return BucketMissing(f"{what}: the bucket does not exist")
    if code == "RequestTimeTooSkewed":
        return AccessDenied(f"{what}: this machine's clock is off{_skew(error)}; set it")
    if code in _DENIED:
        return AccessDenied(f"{what}: {_DENIED[code]}")
    if code in _WRONG_REGION:
        return ConfigurationError(
            f"{what}: the bucket is in another region; set CLOUD_REGION or cloud.region"
        )
    if code in _CONFLICTS or status == 412:
        return Conflict(f"{what}: somebody else changed it in between; try again")
    if code in _ABSENT or status == 404:
        return NotFound(f"{what}: it does not exist")
    if code in _DAMAGED:
        return IntegrityError(f"{what}: the bytes that arrived are not those that were sent")
    if code in _LACKING:
        return NotSupported(f"{what}: the server cannot do that")
    return _by_status(error, status, what)


def _by_status(error: ClientError, status: int, what: str) -> LuisyError:
    said = error.response.get("Error", {})
    text = f"{what}: {said.get('Code', status)} {said.get('Message', '')}".strip()
    if status in {401, 403}:
        return AccessDenied(
            f"{what}: these credentials may not do it; ask whoever owns the bucket, or {_SET}"
        )
    if status >= 500 or status == 429 or said.get("Code") in {"SlowDown", "RequestTimeout"}:
        return Unavailable(f"{text}; the server is overloaded or broken, try again later")
    return LuisyError(text)


def _skew(error: ClientError) -> str:
    date = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    if not date:
        return ""
    minutes = round((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds() / 60)
    return f" by {abs(minutes)} minutes ({'ahead' if minutes > 0 else 'behind'})" if minutes else ""


def translate_local(error: BotoCoreError, what: str) -> LuisyError:
    """Return the error for what boto3 itself found wrong, or for a connection that failed."""
    from botocore import exceptions as boto  # noqa: PLC0415 - heavy

    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
        return AccessDenied(f"{what}: there are no credentials; {_SET}")
    if isinstance(
        error,
        boto.CredentialRetrievalError
        | boto.TokenRetrievalError
        | boto.SSOError
        | boto.UnauthorizedSSOTokenError
        | boto.LoginError,
    ):
        return AccessDenied(f"{what}: {_sentence(error)}; log in again")
    if isinstance(error, boto.SSLError):
        return Unavailable(
            f"{what}: the server's certificate is not trusted; if it is your own server's, set "
            "AWS_CA_BUNDLE to the file of its authority"
        )
    if isinstance(
        error,
        boto.HTTPClientError
        | boto.ConnectionError
        | boto.IncompleteReadError
        | boto.ResponseStreamingError,
    ):
        server = urlsplit(str(error.kwargs.get("endpoint_url", ""))).netloc or "the server"
        return Unavailable(f"{what}: {server} does not answer; check the address, or try again later")
    if isinstance(error, boto.FlexibleChecksumError | boto.ChecksumError):
        return IntegrityError(f"{what}: the bytes that arrived are not those that were stored")
    return ConfigurationError(f"{what}: {_sentence(error)}")


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
