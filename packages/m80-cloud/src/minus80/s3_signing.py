"""Sign a request to S3: AWS's Signature Version 4.

botocore signs any request, by way of objects that take longer to make than a small file takes to
travel. This is the same signature for the plain requests of `minus80.s3_quick`, and a test compares
the two. The body is always part of it, so that nobody on the way can exchange it.

Source: "Authenticating Requests (AWS Signature Version 4)" in the API reference of Amazon S3.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_SCHEME = "AWS4-HMAC-SHA256"


class Signer:
    """Signs requests to one server.

    Args:
        host: The server's name, with the port if the URL has one.
        credentials: botocore's credentials, which renew themselves.
        region: The region to sign for.
    """

    def __init__(self, host: str, *, credentials: Credentials, region: str) -> None:
        self._host = host
        self._credentials = credentials
        self._region = region
        self._last: tuple[tuple[str, str], bytes] = (("", ""), b"")

    def signed(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        sha256: str,
        now: datetime | None = None,
    ) -> dict[str, str]:
        """Return the headers to send.

        Args:
            method: GET or PUT.
            path: The quoted path; with a query if its parameters are quoted, and sorted by name.
            headers: What else is sent, by names in small letters; all of it is signed.
            sha256: The digest of the body.
            now: Another time than the present.
        """
        time = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
        credentials = self._credentials.get_frozen_credentials()
        sent = {**headers, "host": self._host, "x-amz-content-sha256": sha256, "x-amz-date": time}
        if credentials.token:
            sent["x-amz-security-token"] = credentials.token
        names = sorted(sent)
        lines, signs = "".join(f"{name}:{sent[name]}\n" for name in names), ";".join(names)
        place, _, query = path.partition("?")
        request = f"{method}\n{place}\n{query}\n{lines}\n{signs}\n{sha256}"
        scope = f"{time[:8]}/{self._region}/s3/aws4_request"
        text = f"{_SCHEME}\n{time}\n{scope}\n{sha256_of(request.encode())}"
        signature = _hmac(self._key(str(credentials.secret_key), time[:8]), text).hex()
        sent["authorization"] = (
            f"{_SCHEME} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={signs}, Signature={signature}"
        )
        return sent

    def _key(self, secret: str, day: str) -> bytes:
        """Return the key of a day, made once."""
        made_for, key = self._last
        if made_for != (secret, day):
            key = f"AWS4{secret}".encode()
            for word in (day, self._region, "s3", "aws4_request"):
                key = _hmac(key, word)
            self._last = (secret, day), key
        return key


def sha256_of(body: bytes | memoryview) -> str:
    """Return the digest of some bytes."""
    return hashlib.sha256(body).hexdigest()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
