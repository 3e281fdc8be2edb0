"""AWS Signature Version 4 for the built-in staging area: presigned forms and presigned links.

Source: "Signature Version 4" in the Amazon S3 API reference (POST policies and query-string
authentication). Only what a FirecREST client meets is here: a POST form whose policy names the
bucket and the key, and a GET link with ``host`` as its one signed header.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

_REGION = "us-east-1"
_ALGORITHM = "AWS4-HMAC-SHA256"
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs and checks with one pair of keys."""

    access_key: str
    secret_key: str = field(repr=False)

    def form(self, bucket: str, key: str, *, lifetime: int) -> dict[str, str]:
        """Return the fields of a form that may upload one object."""
        now = datetime.now(UTC)
        fields = {
            "key": key,
            "x-amz-algorithm": _ALGORITHM,
            "x-amz-credential": self._credential(now),
            "x-amz-date": now.strftime(_STAMP),
        }
        conditions = [{"bucket": bucket}, *({name: value} for name, value in fields.items())]
        expiration = (now + timedelta(seconds=lifetime)).strftime("%Y-%m-%dT%H:%M:%SZ")
        text = json.dumps({"expiration": expiration, "conditions": conditions})
        policy = base64.b64encode(text.encode()).decode()
        return {**fields, "policy": policy, "x-amz-signature": self._sign(policy, now)}

    def accepts_form(self, bucket: str, fields: Mapping[str, str]) -> bool:
        """Tell whether a form was signed here, is not expired and says what its policy says."""
        try:
            when = _moment(fields["x-amz-date"])
            policy = json.loads(base64.b64decode(fields["policy"]))
            expiration = datetime.fromisoformat(policy["expiration"])
            wanted = {k: v for each in policy["conditions"] for k, v in each.items()}
        except (KeyError, ValueError, TypeError, AttributeError):
            return False
        signed = self._sign(fields["policy"], when)
        sent = {**fields, "bucket": bucket}
        return (
            hmac.compare_digest(signed, fields.get("x-amz-signature", ""))
            and datetime.now(UTC) < expiration
            and all(sent.get(name) == value for name, value in wanted.items())
        )

    def query(self, host: str, path: str, *, lifetime: int) -> str:
        """Return the query of a link that may fetch one object."""
        now = datetime.now(UTC)
        parameters = {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": self._credential(now),
            "X-Amz-Date": now.strftime(_STAMP),
            "X-Amz-Expires": str(lifetime),
            "X-Amz-SignedHeaders": "host",
        }
        signature = self._sign_request(host, path, parameters, now)
        return urlencode({**parameters, "X-Amz-Signature": signature})

    def accepts_query(self, host: str, path: str, query: Mapping[str, str]) -> bool:
        """Tell whether a link was signed here and is not expired."""
        parameters = {name: value for name, value in query.items() if name != "X-Amz-Signature"}
        try:
            when = _moment(parameters["X-Amz-Date"])
            lifetime = timedelta(seconds=int(parameters["X-Amz-Expires"]))
        except (KeyError, ValueError):
            return False
        signed = self._sign_request(host, path, parameters, when)
        is_ours = hmac.compare_digest(signed, query.get("X-Amz-Signature", ""))
        return is_ours and datetime.now(UTC) < when + lifetime

    def _credential(self, when: datetime) -> str:
        return f"{self.access_key}/{when:%Y%m%d}/{_REGION}/s3/aws4_request"

    def _sign_request(
        self, host: str, path: str, parameters: Mapping[str, str], when: datetime
    ) -> str:
        query = urlencode(sorted(parameters.items()), quote_via=quote)
        request = f"GET\n{quote(path)}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
        scope = self._credential(when).partition("/")[2]
        digest = hashlib.sha256(request.encode()).hexdigest()
        return self._sign(f"{_ALGORITHM}\n{when.strftime(_STAMP)}\n{scope}\n{digest}", when)

    def _sign(self, text: str, when: datetime) -> str:
        key = f"AWS4{self.secret_key}".encode()
        for part in (f"{when:%Y%m%d}", _REGION, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
