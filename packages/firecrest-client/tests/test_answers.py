"""Which response becomes which exception."""

import json
import pickle

import pytest
from firecrest import errors
from firecrest.answers import ERROR_HEADERS, read_answer
from firecrest.steps import Request
from luisy_protocol import errors as shared

REQUEST = Request("GET", "/x", "do it on 'cluster'")


class Response:
    def __init__(self, status, body=None, headers=None):
        self.status_code = status
        self.text = body if isinstance(body, str) else json.dumps(body)
        self.content = self.text.encode()
        self.headers = headers or {}


def refused(response, expects=200):
    with pytest.raises(errors.FirecrestException) as caught:
        read_answer(REQUEST, response, [response], expects=expects)
    return caught.value


@pytest.mark.parametrize("header", ERROR_HEADERS)
@pytest.mark.parametrize("status", [400, 404])
def test_error_header_decides_whatever_the_status(header, status):
    error = refused(Response(status, {"description": "failed"}, {header: "because"}))
    assert isinstance(error, errors.HeaderException)
    assert type(error) is ERROR_HEADERS[header]
    assert str(error).startswith("Cannot do it on 'cluster': because; failed (HTTP 4")
    assert header in str(error)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.FirecrestException),
        (401, errors.UnauthorizedException),
        (404, errors.NotFound),
        (413, errors.SizeLimitExceeded),
        (429, errors.TooManyRequests),
        (500, errors.ServerError),
        (503, errors.ServerError),
    ],
)
def test_status_decides_without_a_header(status, kind):
    assert type(refused(Response(status, {"description": "x"}))) is kind


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"description": "Error on ls operation", "error": "no such file"}, "no such file"),
        ({"description": "Failed to upload file", "error": "No file in query"}, "No file in query"),
        ({"description": "Failed to download file"}, "Failed to download file"),
        ({"description": "Failed to send. Over 5 bytes"}, "Failed to send. Over 5 bytes"),
        ({"description": "No system.", "error": "not found"}, "No system; not found"),
    ],
)
def test_reason_leaves_out_what_says_only_that_it_failed(body, reason):
    assert str(refused(Response(400, body))) == f"Cannot do it on 'cluster': {reason} (HTTP 400)"


def test_other_success_than_the_documented_is_unexpected():
    error = refused(Response(202, {}))
    assert type(error) is errors.UnexpectedStatusException
    assert error._expected_status_code == 200


def test_body_that_is_no_json_is_told():
    assert type(refused(Response(200, "<html>login</html>"))) is errors.NoJSONException


def test_html_of_a_gateway_becomes_plain_words():
    error = refused(Response(502, "<html><h1>502 Bad Gateway</h1></html>"))
    assert "502 Bad Gateway" in str(error)
    assert "<" not in str(error)


def test_signatures_of_an_object_store_are_not_repeated():
    body = (
        "<Error><Code>SignatureDoesNotMatch</Code><Message>No match.</Message>"
        "<SignatureProvided>s3cr3t</SignatureProvided></Error>"
    )
    error = refused(Response(403, body))
    assert "SignatureDoesNotMatch No match" in str(error)
    assert "s3cr3t" not in str(error)


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        (errors.NotFound, shared.NotFound),
        (errors.PathNotFound, FileNotFoundError),
        (errors.PermissionDenied, PermissionError),
        (errors.PermissionDenied, shared.AccessDenied),
        (errors.UnauthorizedException, shared.AccessDenied),
        (errors.IsADirectory, IsADirectoryError),
        (errors.NotADirectory, NotADirectoryError),
        (errors.AlreadyExists, FileExistsError),
        (errors.CommandTimeout, TimeoutError),
        (errors.MachineNotAvailable, shared.Unavailable),
        (errors.ServerError, shared.Unavailable),
        (errors.TaskNotFound, errors.NotFound),
    ],
)
def test_exception_is_also_what_a_caller_expects(kind, parent):
    error = kind([], "message")
    assert isinstance(error, parent)
    assert isinstance(error, errors.FirecrestException)
    assert str(error) == "message"
    assert error.responses == []


def test_every_exception_is_below_the_common_root():
    for name in errors.__all__:
        if name != "Response":
            assert issubclass(getattr(errors, name), shared.LuisyError)


@pytest.mark.parametrize(
    "error",
    [
        errors.PathNotFound([Response(400)], "not there"),
        errors.UnexpectedStatusException([], 201, "unexpected"),
        errors.PollingIterException("task", "too long"),
        errors.TaskFailed([], "failed"),
        errors.ServerTimeout("no answer"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_exception_survives_the_way_from_another_process(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    facts = ("task_id", "_expected_status_code", "was_sent")
    assert [getattr(copy, f, None) for f in facts] == [getattr(error, f, None) for f in facts]
