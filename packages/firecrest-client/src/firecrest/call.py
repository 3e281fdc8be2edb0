"""One call of one method: its attempts, its responses and its answer.

Rules of repetition, the same for every endpoint:

1. 429: every verb is repeated, because the server did nothing. The wait is `Retry-After` (seconds
   or a date), else `RateLimit-Reset`, else 1, 2, 4 ... 10 seconds. At most `num_retries_rate_limit`
   times (20 if it is None).
2. No connection at all (refused, no such host): every verb is repeated, because nothing was sent.
3. A connection that was cut, no answer in time, 500, 502, 503 and 504: only a request that is
   marked repeatable. Where `Retry-After` tells how long to wait, that counts.
4. Rules 2 and 3 together at most `num_retries` times per request, waiting a quarter of a second,
   doubled each time, less up to half of it by chance, so that many clients do not come back as one.
5. A server that asks for a wait of more than five minutes is not waited for.
6. An authorization server that is busy or away counts as one to which nothing was sent.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from firecrest.answers import read_answer
from firecrest.errors import NotImplementedOnAPIversion, Response, ServerUnreachable
from firecrest.steps import AskToken, Pause, Request, Steps, Work
from firecrest.types import Parameters

if TYPE_CHECKING:
    from firecrest.client import Client

T = TypeVar("T")
TOO_MANY_REQUESTS = 429
LONGEST_TOLD_WAIT = 300.0
DEFAULT_RATE_LIMIT_RETRIES = 20
TEMPORARY = frozenset({500, 502, 503, 504})


class Call:
    """Sends the requests of one call and keeps their responses."""

    __slots__ = ("client", "responses")

    def __init__(self, client: Client, responses: list[Response] | None = None) -> None:
        self.client = client
        self.responses = [] if responses is None else list(responses)

    # The answer's shape depends on the endpoint; the endpoint's return type describes it.
    def send(self, request: Request, *, expects: int = 200) -> Steps[Any]:
        """Send a request as often as the rules allow and return the JSON of its answer.

        Raises:
            FirecrestException: If the answer is not the expected one.
            ServerUnreachable: If there is none.
        """
        response = yield from self.fetch(request)
        return read_answer(request, response, self.responses, expects=expects)

    def fetch(self, request: Request) -> Steps[Response]:
        """Send a request as often as the rules allow and return the response, whatever it says."""
        limited = failed = 0
        while True:
            try:
                response: Response = yield request
            except ServerUnreachable as error:
                if not self._may_repeat(request, error, failed):
                    raise
                wait, failed = _backoff(failed), failed + 1
                trouble = str(error)
            else:
                self.responses.append(response)
                asked = self._wait_after(request, response, limited, failed)
                if asked is None:
                    return response
                wait, trouble = asked, f"HTTP {response.status_code}"
                is_limit = response.status_code == TOO_MANY_REQUESTS
                limited, failed = limited + is_limit, failed + (not is_limit)
            self.client.log(logging.INFO, f"{trouble}; trying again in {wait:.1f} s")
            yield Pause(wait)

    def _may_repeat(self, request: Request, error: ServerUnreachable, failed: int) -> bool:
        if error.is_permanent or failed >= self.client.num_retries:
            return False
        return request.is_repeatable or not error.was_sent

    def _wait_after(
        self, request: Request, response: Response, limited: int, failed: int
    ) -> float | None:
        """How long to wait before the request is repeated, or None if it is not."""
        status = response.status_code
        if status == TOO_MANY_REQUESTS:
            allowed = self.client.num_retries_rate_limit
            allowed = DEFAULT_RATE_LIMIT_RETRIES if allowed is None else allowed
            is_allowed, wait = limited < allowed, rate_limit_wait(response.headers, limited)
        elif status in TEMPORARY and request.is_repeatable:
            told = _told_wait(response.headers, "Retry-After")
            is_allowed = failed < self.client.num_retries
            wait = _backoff(failed) if told is None else told
        else:
            return None
        return wait if is_allowed and wait <= LONGEST_TOLD_WAIT else None

    def pause(self, seconds: float) -> Steps[float]:
        """Wait, and return the time of the driver's monotonic clock."""
        now: float = yield Pause(seconds)
        return now

    def work(self, run: Callable[[], T]) -> Steps[T]:
        """Run something that blocks where it does not hold up others, and return its result."""
        result: T = yield Work(run)
        return result

    def token(self) -> Steps[str]:
        """Return the access token of the moment."""
        token: str = yield AskToken()
        return token

    def parameters(self) -> Steps[Parameters]:
        """Return the settings of the server."""
        request = Request("GET", "/status/parameters", "read the parameters", is_repeatable=True)
        answer: Parameters = (yield from self.send(request))["out"]
        return answer

    def require(self, feature: str, minimum: tuple[int, ...]) -> Steps[None]:
        """Make sure that the server is new enough; asks it once per client.

        Raises:
            NotImplementedOnAPIversion: If it is not.
        """
        version = self.client.api_version
        if version is None:
            version = self.client.learn_version((yield from self.parameters()))
        if version < minimum:
            wanted = ".".join(map(str, minimum))
            raise NotImplementedOnAPIversion(
                f"{feature} needs FirecREST {wanted}; the server is {'.'.join(map(str, version))}"
            )


def _backoff(failed: int) -> float:
    return 0.25 * 2.0**failed * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def rate_limit_wait(headers: Mapping[str, str], limited: int) -> float:
    """Return how many seconds a 429 asks to wait."""
    told = _told_wait(headers, "Retry-After", "RateLimit-Reset")
    return float(min(2**limited, 10)) if told is None else told


def _told_wait(headers: Mapping[str, str], *names: str) -> float | None:
    for name in names:
        text = headers.get(name, "").strip()
        seconds = _seconds(text) if text else None
        if seconds is not None:
            return seconds
    return None


def _seconds(text: str) -> float | None:
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
