"""Every error of boto3 becomes one of ours."""

import inspect

import pytest
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError
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
from minus80.s3_errors import s3_errors, translate_local

OWN = [
    kind
    for _, kind in inspect.getmembers(exceptions, inspect.isclass)
    if issubclass(kind, BotoCoreError)
]


class _Anything(dict):
    def __missing__(self, key):
        return key


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_every_error_that_boto3_finds_itself_is_translated(kind):
    error = kind.__new__(kind)
    Exception.__init__(error, "something is wrong")
    error.kwargs = _Anything()
    found = translate_local(error, "cannot do it")
    assert type(found) in {AccessDenied, ConfigurationError, IntegrityError, Unavailable}
    assert "\n" not in str(found)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("NoSuchBucket", 404, BucketMissing),
        ("NoSuchKey", 404, NotFound),
        ("404", 404, NotFound),
        ("PreconditionFailed", 412, Conflict),
        ("ConditionalRequestConflict", 409, Conflict),
        ("AccessDenied", 403, AccessDenied),
        ("403", 403, AccessDenied),
        ("InvalidAccessKeyId", 403, AccessDenied),
        ("SignatureDoesNotMatch", 403, AccessDenied),
        ("ExpiredToken", 400, AccessDenied),
        ("RequestTimeTooSkewed", 403, AccessDenied),
        ("BadDigest", 400, IntegrityError),
        ("SlowDown", 503, Unavailable),
        ("InternalError", 500, Unavailable),
        ("TooManyRequests", 429, Unavailable),
        ("NotImplemented", 501, NotSupported),
        ("PermanentRedirect", 301, ConfigurationError),
        ("SomethingNew", 400, LuisyError),
    ],
)
def test_answer_of_the_server_is_translated(code, status, kind):
    said = {
        "Error": {"Code": code, "Message": "It is so."},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    with pytest.raises(LuisyError) as caught, s3_errors("read a", url="s3://b"):
        raise ClientError(said, "GetObject")
    assert type(caught.value) is kind
    assert str(caught.value).startswith("cannot read a in s3://b: ")
    assert isinstance(caught.value.__cause__, ClientError)
