"""Find and remove what nobody claims in a store.

Garbage is, in this order of certainty:

1. a file below a recorded directory output that its record does not list,
2. an object without a record, or a record without its object,
3. with the current tasks given: a recorded output that none of them makes or requires.

Raw files are what persons made, so they are garbage only on request. An object younger than
`MIN_AGE` is never garbage: somebody may be uploading it right now, and its record comes last. Nor
is what luisy 1.4 noted, nor anything of a project whose records cannot be read: who claims it is
not known.

A record goes before its objects, so that nobody is promised what is already gone. What somebody
has recorded or sent anew since it was listed stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from luisy_protocol.errors import NotFound
from luisy_protocol.record import Record
from luisy_protocol.store import ObjectInfo, Store
from luisy_protocol.store_records import StoreRecords

from luisy_cloud.inventory import Inventory, contents_of, project_of

MIN_AGE = timedelta(hours=24)
RAW = "raw"


@dataclass(frozen=True, slots=True)
class Garbage:
    """Something that nobody claims.

    Attributes:
        key: The output or the object.
        objects: What is to be deleted.
        reason: Why nobody claims it.
        record: Its record, which is to be forgotten, if it has one.
    """

    key: str
    objects: tuple[ObjectInfo, ...]
    reason: str
    record: Record | None = None

    @property
    def size(self) -> int:
        """The sum of the sizes in bytes."""
        return sum(info.size for info in self.objects)


def find_garbage(
    inventory: Inventory,
    *,
    claimed: Collection[str] | None = None,
    include_raw: bool = False,
    min_age: timedelta = MIN_AGE,
    now: datetime | None = None,
) -> list[Garbage]:
    """Return what nobody claims, sorted by key.

    Args:
        inventory: What the store holds.
        claimed: The keys of the outputs that the current tasks make or require; None if that is
            not known, and then every recorded output is claimed.
        include_raw: Whether raw files may be garbage.
        min_age: How old an object must be.
        now: The present time.
    """
    newest = (now or datetime.now(UTC)) - min_age
    found = [
        *_leftovers(inventory),
        *_unrecorded(inventory, claimed),
        *_outputs(inventory, claimed),
    ]
    return sorted(
        (
            garbage
            for garbage in found
            if (include_raw or not is_raw(garbage.key))
            and project_of(garbage.key) not in inventory.unreadable
            and all(info.modified and info.modified <= newest for info in garbage.objects)
        ),
        key=lambda garbage: garbage.key,
    )


def remove_garbage(store: Store, found: Iterable[Garbage]) -> Iterator[Garbage]:
    """Forget the records, then delete the objects, yielding what is gone.

    Raises:
        AccessDenied, Unavailable, Conflict: If the store does not do it; what was yielded is gone.
    """
    wanted = list(found)
    forgotten: dict[str, list[Record]] = {}
    for garbage in wanted:
        if garbage.record:
            forgotten.setdefault(project_of(garbage.key), []).append(garbage.record)
    kept: set[str] = set()
    for project, records in forgotten.items():
        kept |= StoreRecords(store, project).forget(records).records.keys()
    for garbage in wanted:
        if garbage.record and garbage.key in kept:
            continue
        gone = [info for info in garbage.objects if _is_unchanged(store, info)]
        for info in gone:
            store.delete(info.key)
        if gone or not garbage.objects:
            yield garbage


def is_raw(key: str) -> bool:
    """Tell whether a key is in the raw layer of its project."""
    return key.split("/")[1:2] == [RAW]


def _is_unchanged(store: Store, info: ObjectInfo) -> bool:
    try:
        return store.stat(info.key).etag == info.etag
    except NotFound:
        return False


def _leftovers(inventory: Inventory) -> Iterator[Garbage]:
    for info in inventory.leftovers():
        yield Garbage(info.key, (info,), "left over from an earlier version of its directory")


def _unrecorded(inventory: Inventory, claimed: Collection[str] | None) -> Iterator[Garbage]:
    for key, output in inventory.outputs().items():
        is_claimed = _is_claimed(key, claimed or ()) or _is_claimed(key, inventory.legacy)
        if output.record is None and not is_claimed:
            yield Garbage(key, (inventory.objects[key],), "no record")


def _outputs(inventory: Inventory, claimed: Collection[str] | None) -> Iterator[Garbage]:
    for key, record in inventory.records.items():
        objects = tuple(
            inventory.objects[name] for name in contents_of(record) if name in inventory.objects
        )
        if not objects and record.files != {}:
            yield Garbage(key, (), "a record without its object", record)
        elif claimed is not None and key not in claimed:
            yield Garbage(key, objects, "no current task makes it", record)


def _is_claimed(key: str, claimed: Collection[str]) -> bool:
    return key in claimed or any(
        key[:end] in claimed for end, sign in enumerate(key) if sign == "/"
    )
