"""Requests are signed as Azure's SDK signs them, and a token travels in the query."""

import base64
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_cloud.azure_access import SasToken, SharedKey

KEY = base64.b64encode(b"a key of an account").decode()
VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
NAMES = (
    "Content-MD5",
    "Content-Type",
    "If-Match",
    "x-ms-blob-content-md5",
    "x-ms-blob-type",
    "x-ms-meta-sha256",
    "x-ms-range",
)
SIZES = {"Content-Length": st.just("0") | st.integers(min_value=1).map(str)}
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)
HEADERS = st.fixed_dictionaries({}, optional={**dict.fromkeys(NAMES, VISIBLE), **SIZES})


def signature_of_the_sdk(method, target, headers):
    from azure.core.pipeline import PipelineContext, PipelineRequest
    from azure.core.pipeline.transport import HttpRequest
    from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

    request = HttpRequest(method, f"https://team.blob.core.windows.net{target}", dict(headers))
    SharedKeyCredentialPolicy("team", KEY).on_request(
        PipelineRequest(request, PipelineContext(None))
    )
    return request.headers["Authorization"]


@given(
    method=st.sampled_from(["GET", "PUT"]),
    name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
    query=st.fixed_dictionaries({}, optional={"comp": st.just("block"), "blockid": VALUES}),
    headers=HEADERS,
)
def test_signature_is_that_of_the_sdk(method, name, query, headers):
    key = SharedKey("team", KEY, version="2026-02-06")
    path = f"/container/{quote(name, safe='/~')}"
    target, signed = key.allowed(method, path, query=query, headers=headers)
    own = signed.pop("Authorization")
    assert signed.keys() == {*headers, "x-ms-date", "x-ms-version"}
    assert own == signature_of_the_sdk(method, target, signed)


def test_what_is_no_key_is_an_error():
    with pytest.raises(ValueError, match=r"."):
        SharedKey("team", "a", version="2026-02-06")


def test_token_travels_in_the_query_and_asks_for_its_own_version():
    target, headers = SasToken("sv=2021-08-06&sig=x%2Fy").allowed(
        "PUT", "/container/a", query={"comp": "block", "blockid": "a+/="}, headers={"a": "b"}
    )
    found = parse_qs(urlsplit(target).query)
    assert found == {
        "comp": ["block"],
        "blockid": ["a+/="],
        "sv": ["2021-08-06"],
        "sig": ["x/y"],
    }
    assert headers == {"a": "b", "x-ms-version": "2021-08-06"}


def test_neither_shows_its_secret():
    shown = repr([vars(SasToken("sv=1&sig=secret")), vars(SharedKey("team", KEY, version="1"))])
    assert "secret" not in shown
    assert KEY not in shown
