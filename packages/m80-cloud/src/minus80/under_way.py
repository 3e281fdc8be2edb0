"""Who is putting at this moment, and who is cleaning up: so that both see each other.

A put needs contents that no version refers to yet, and a clean-up deletes just those. So each
leaves a mark in the bucket *before* it looks for the marks of others. As S3 is strongly
consistent, of a put and a clean-up at least one sees the other and stands back. The marks also
tell two people who put the same dataset of each other.

Rules. A put stands back from a clean-up, a clean-up from everybody. The mark of a process that was
killed is ignored once it is older than a day (a put) or an hour (a clean-up, which renews its
mark). Ages are differences of times that the server gave, so a clock that is off does no harm. A
put that took very long makes sure that its mark is still there before it commits.
"""

from __future__ import annotations

import getpass
import json
import platform
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from luisy_protocol.errors import Conflict, LuisyError, NotFound, Unavailable
from luisy_protocol.store import ObjectInfo, Store

from minus80.layout import UNDER_WAY

CLEANING = "gc"
_PUT_LIVES = timedelta(days=1)
_CLEANING_LIVES = timedelta(hours=1)
_LONG_PUT = 12 * 60 * 60
_RENEW_AFTER = 10 * 60


@dataclass(frozen=True, slots=True)
class Mark:
    """A put or a clean-up under way.

    Attributes:
        key: The mark in the bucket.
        id: Its random name.
        what: The slug of the dataset that is put, or `CLEANING`.
        user: Who does it.
        host: On which machine.
        time: When it began, by the server's clock.
        began: When it began, by this process's own clock.
    """

    key: str
    id: str
    what: str
    user: str
    host: str
    time: datetime
    began: float


@contextmanager
def marked(store: Store, what: str) -> Iterator[Mark]:
    """Mark something as under way during the block.

    Args:
        store: The bucket.
        what: The slug of the dataset that is put, or `CLEANING`.

    Raises:
        Unavailable: If a clean-up is under way, or anything is and this is a clean-up.
    """
    name, (user, host) = new_id(), _whoami()
    key = f"{UNDER_WAY}{what}/{name}"
    _write(store, key, user, host)
    try:
        marks = list(store.list(UNDER_WAY))
        now = next((info.modified for info in marks if info.key == key), None) or datetime.now(UTC)
        mark = Mark(key, name, what, user, host, now, time.monotonic())
        _stand_back(store, mark, marks)
        yield mark
    finally:
        with suppress(LuisyError):
            store.delete(key)


def others_putting(store: Store, mark: Mark) -> list[str]:
    """Return who else is putting the same dataset at this moment, in words."""
    found = []
    for info in store.list(f"{UNDER_WAY}{mark.what}/"):
        if info.key != mark.key and _lives(info, mark.time):
            with suppress(NotFound):  # just finished
                found.append(_who(store, info))
    return found


def check_still_marked(store: Store, mark: Mark) -> None:
    """Make sure that no clean-up took a very long put for dead.

    Raises:
        Conflict: If one did.
    """
    if time.monotonic() - mark.began < _LONG_PUT:
        return
    try:
        store.stat(mark.key)
    except NotFound as error:
        raise Conflict(
            f"the put of {mark.what} took so long that a clean-up ignored it; put it again, which "
            "sends only what is missing"
        ) from error


def renew(store: Store, mark: Mark, *, renewed: float) -> float:
    """Say that a clean-up still goes on, if that was last said a while ago; return when it was."""
    if time.monotonic() - renewed < _RENEW_AFTER:
        return renewed
    _write(store, mark.key, mark.user, mark.host)
    return time.monotonic()


def new_id() -> str:
    """Return a random name for a put."""
    return secrets.token_hex(8)


def _stand_back(store: Store, mark: Mark, marks: list[ObjectInfo]) -> None:
    for info in marks:
        if info.key == mark.key:
            continue
        is_cleaning = _what(info) == CLEANING
        if not _lives(info, mark.time):
            if mark.what == CLEANING:
                store.delete(info.key)
        elif mark.what == CLEANING or is_cleaning:
            doing = "cleaning up" if is_cleaning else f"putting {_what(info)}"
            who = "somebody"
            with suppress(NotFound):
                who = _who(store, info)
            hours = 1 if is_cleaning else 24
            raise Unavailable(
                f"{who} is {doing} in {store.url} at this moment; try again later (what was killed "
                f"half-way counts for {hours} h)"
            )


def _lives(info: ObjectInfo, now: datetime) -> bool:
    limit = _CLEANING_LIVES if _what(info) == CLEANING else _PUT_LIVES
    return info.modified is None or now - info.modified < limit


def _what(info: ObjectInfo) -> str:
    return info.key.removeprefix(UNDER_WAY).partition("/")[0]


def _who(store: Store, info: ObjectInfo) -> str:
    try:
        said = json.loads(store.read(info.key)[0])
        return f"{said['user']} on {said['host']}"
    except (ValueError, KeyError, TypeError):
        return "somebody"


def _write(store: Store, key: str, user: str, host: str) -> None:
    store.write(key, json.dumps({"user": user, "host": host}).encode())


def _whoami() -> tuple[str, str]:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = "unknown"
    return user, platform.node() or "unknown"
