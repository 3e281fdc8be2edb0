"""Translate what boto3 raises into the errors of `luisy_protocol.errors`, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

_SET = (
    "set CLOUD_ACCESS_KEY and CLOUD_SECRET_KEY, or cloud.access_key and cloud.secret_key in "
    "~/.minus80.conf"
)
_GONE = "it does not exist"
_CHANGED = "somebody else changed it in between; try again"
_DAMAGED = "the bytes that arrived are not those that were sent"
_LACKING = "the server cannot do that"
_ELSEWHERE = "the bucket is in another region; set CLOUD_REGION or cloud.region"

_BY_CODE: Mapping[str, tuple[type[LuisyError], str]] = {
    "NoSuchBucket": (BucketMissing, "the bucket does not exist"),
    "NoSuchKey": (NotFound, _GONE),
    "NoSuchUpload": (NotFound, _GONE),
    "PreconditionFailed": (Conflict, _CHANGED),
    "ConditionalRequestConflict": (Conflict, _CHANGED),
    "OperationAborted": (Conflict, _CHANGED),
    "InvalidAccessKeyId": (AccessDenied, f"the access key is not known there; {_SET}"),
    "InvalidClientTokenId": (AccessDenied, f"the access key is not known there; {_SET}"),
    "SignatureDoesNotMatch": (AccessDenied, f"the secret key is wrong; {_SET}"),
    "AuthFailure": (AccessDenied, f"the credentials are wrong; {_SET}"),
    "ExpiredToken": (AccessDenied, "the credentials have expired; log in again"),
    "InvalidToken": (AccessDenied, "the session token is not valid; log in again"),
    "BadDigest": (IntegrityError, _DAMAGED),
    "InvalidDigest": (IntegrityError, _DAMAGED),
    "XAmzContentSHA256Mismatch": (IntegrityError, _DAMAGED),
    "InvalidPart": (IntegrityError, _DAMAGED),
    "NotImplemented": (NotSupported, _LACKING),
    "MethodNotAllowed": (NotSupported, _LACKING),
    "PermanentRedirect": (ConfigurationError, _ELSEWHERE),
    "TemporaryRedirect": (ConfigurationError, _ELSEWHERE),
    "AuthorizationHeaderMalformed": (ConfigurationError, _ELSEWHERE),
    "IllegalLocationConstraintException": (ConfigurationError, _ELSEWHERE),
    "SlowDown": (Unavailable, "the server is overloaded or broken, try again later"),
    "RequestTimeout": (Unavailable, "the connection is too slow or broken, try again later"),
}
_BY_STATUS: Mapping[int, tuple[type[LuisyError], str]] = {
    301: (ConfigurationError, _ELSEWHERE),
    401: (AccessDenied, f"these credentials may not; ask whoever owns the bucket, or {_SET}"),
    403: (AccessDenied, f"these credentials may not; ask whoever owns the bucket, or {_SET}"),
    404: (NotFound, _GONE),
    405: (NotSupported, _LACKING),
    409: (Conflict, _CHANGED),
    412: (Conflict, _CHANGED),
    429: (Unavailable, "the server is overloaded, try again later"),
    501: (NotSupported, _LACKING),
}


@contextmanager
def s3_errors(action: str, *, url: str) -> Iterator[None]:
    """Turn boto3's errors in the block into a `LuisyError`.

    Args:
        action: What is tried, as in "read a/b": the message begins with "cannot " and this.
        url: The store's URL, for the message.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise translate_response(error, f"cannot {action} in {url}") from error
    except BotoCoreError as error:
        raise translate_local(error, f"cannot {action} in {url}") from error


def translate_response(error: ClientError, what: str) -> LuisyError:
    """Return the error for an answer of the server."""
    said = error.response.get("Error", {})
    code = str(said.get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "RequestTimeTooSkewed":
        return AccessDenied(f"{what}: this machine's clock is off{_skew(error)}; set it")
    found = _BY_CODE.get(code) or _BY_STATUS.get(status)
    if found:
        kind, reason = found
        return kind(f"{what}: {reason}")
    text = f"{what}: {code} {said.get('Message', '')}".strip()
    if status >= 500:
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
    from botocore import exceptions as boto

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
        return Unavailable(
            f"{what}: {server} does not answer; check the address, or try again later"
        )
    if isinstance(error, boto.FlexibleChecksumError | boto.ChecksumError):
        return IntegrityError(f"{what}: the bytes that arrived are not those that were stored")
    return ConfigurationError(f"{what}: {_sentence(error)}")


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
