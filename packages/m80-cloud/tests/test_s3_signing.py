"""Our signature is botocore's."""

import hashlib
import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from minus80.s3_signing import Signer

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
HOST = "s3.example.org:9000"


def signature_of_botocore(credentials, region, method, path, headers, body):
    auth = S3SigV4Auth(credentials, "s3", region)
    request = AWSRequest(method, f"http://{HOST}{path}", headers=dict(headers), data=body)
    request.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    auth._modify_request_before_signing(request)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return auth.signature(text, request)


@given(
    key=st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1),
    body=st.binary(max_size=50),
    token=st.sampled_from([None, "a/session+token=="]),
    region=st.sampled_from(["us-east-1", "eu-west-3"]),
    query=st.sampled_from(["", "?partNumber=12&uploadId=a.b-c_d~e%2Ff%3D%2B"]),
)
def test_signature_is_that_of_botocore(key, body, token, region, query):
    credentials = Credentials("AKIAEXAMPLE", "secret/of+it", token)
    path, headers = (
        f"/bucket/{quote(key, safe='/~')}{query}",
        {"range": "bytes=0-9", "if-match": "ab"},
    )
    signed = Signer(HOST, credentials=credentials, region=region).signed(
        "PUT", path, headers, sha256=hashlib.sha256(body).hexdigest(), now=NOW
    )
    expected = signature_of_botocore(credentials, region, "PUT", path, headers, body)
    assert re.search("Signature=(.*)", signed["authorization"])[1] == expected


def test_signature_of_the_example_in_the_documentation_of_amazon():
    credentials = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    signer = Signer("examplebucket.s3.amazonaws.com", credentials=credentials, region="us-east-1")
    signed = signer.signed(
        "GET",
        "/test.txt",
        {"range": "bytes=0-9"},
        sha256=hashlib.sha256().hexdigest(),
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert signed["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


@pytest.mark.parametrize("later", [datetime(2026, 2, 4, tzinfo=UTC), NOW], ids=["day", "secret"])
def test_signature_changes_with_the_day_and_the_secret(later):
    credentials = Credentials("KEY", "one")
    signer = Signer(HOST, credentials=credentials, region="us-east-1")

    def sign(now):
        return signer.signed("GET", "/a", {}, sha256="0" * 64, now=now)["authorization"]

    first = sign(NOW)
    if later == NOW:
        credentials.secret_key = "other"
    again = Signer(HOST, credentials=credentials, region="us-east-1")
    assert sign(later) != first
    expected = again.signed("GET", "/a", {}, sha256="0" * 64, now=later)["authorization"]
    assert sign(later) == expected
