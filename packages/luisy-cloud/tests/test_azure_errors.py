from __future__ import annotations

import inspect
import traceback
from types import SimpleNamespace

import azure.core.exceptions
import pytest
from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError
from luisy_cloud.azure_errors import redacted, translated
from luisy_cloud.errors import MissingContainer
from luisy_protocol.errors import AccessDenied, Conflict, LuisyError, NotFound, Unavailable


def answered(status: int, code: str = "") -> HttpResponseError:
    error = HttpResponseError("no", response=SimpleNamespace(status_code=status, reason="R"))
    if code:
        error.error_code = code
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answered(404, "ContainerNotFound"), MissingContainer),
        (answered(404, "BlobNotFound"), NotFound),
        (answered(404), NotFound),
        (answered(409, "BlobAlreadyExists"), Conflict),
        (answered(409, "ContainerBeingDeleted"), Unavailable),
        (answered(412, "ConditionNotMet"), Conflict),
        (answered(401, "NoAuthenticationInformation"), AccessDenied),
        (answered(403, "AuthenticationFailed"), AccessDenied),
        (answered(408), Unavailable),
        (answered(429), Unavailable),
        (answered(500), Unavailable),
        (answered(503, "ServerBusy"), Unavailable),
        (ServiceRequestError("no route"), Unavailable),
        (answered(400, "InvalidInput"), LuisyError),
    ],
    ids=str,
)
def test_error_of_the_sdk_becomes_one_of_ours(error, expected):
    with pytest.raises(LuisyError) as raised, translated("read p/a", "the container x"):
        raise error
    assert type(raised.value) is expected
    assert raised.value.__cause__ is error
    assert str(raised.value).startswith("cannot read p/a in the container x: ")


def kinds() -> list[type[AzureError]]:
    members = inspect.getmembers(azure.core.exceptions, inspect.isclass)
    return [kind for _, kind in members if issubclass(kind, AzureError)]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_no_error_of_the_sdk_gets_through(kind):
    request = SimpleNamespace(method="GET", url="u")
    response = SimpleNamespace(
        status_code=500, reason="R", request=request, headers={}, text=lambda: "{}"
    )
    wants_response = "response" in list(inspect.signature(kind).parameters)[:1]
    error = kind(response) if wants_response else kind("message")
    with pytest.raises(LuisyError), translated("read p/a", "the container x"):
        raise error


def test_signature_is_blotted_out_of_the_whole_chain():
    signature = "aB%2Fc%3D"
    below = OSError(f"GET /c?se=1&sig={signature}&sp=r failed")
    with pytest.raises(Unavailable) as raised, translated("read p/a", "the container x"):
        raise ServiceRequestError(below, error=below) from below
    text = "".join(traceback.format_exception(raised.value))
    assert "sig=***" in text
    assert signature not in text


def test_redacted_leaves_the_rest():
    assert redacted("a?sig=x%3D&sp=r 'SIG=y'") == "a?sig=***&sp=r 'SIG=***'"
