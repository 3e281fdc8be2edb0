"""What a store holds for some projects: one listing and one read of records for each.

Which objects are one output is told by the records. A record with `files` is a directory output,
and the objects that it lists below ``key + "/"`` belong to it; what else lies there (leftovers of
an earlier version of it) belongs to nobody. A record without `files` is the object of its key.
Every object that no record covers is an output by itself.

A listing contradicts a record where an object is missing, has another size, or was stored with a
note of another digest. Then the output is not complete, and nobody may trust it. An external
output is the exception: no code made it, a person did, who may replace it by other means at any
time. A contradicted record of an external output is out of date, and its objects count as
unrecorded and replaced. So does one that has no note where the store keeps notes: it was put there
by other means, whatever its size.

Objects whose name below the project begins with ``.luisy`` are the project's own book-keeping.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping

from luisy_protocol.record import Content, Record
from luisy_protocol.record_log import RecordSet
from luisy_protocol.store import ObjectInfo, Store
from luisy_protocol.store_records import StoreRecords
from luisy_protocol.sync import RemoteOutput


class Inventory:
    """What a store held when it was listed.

    Attributes:
        objects: Each object by its key, without the book-keeping.
        records: The store's record of each output, by key.
        legacy: The keys that luisy 1.4 noted and nobody has recorded since.
        unreadable: The projects whose records are there and cannot be read, or not all of them.
        warnings: What was wrong with the records, a sentence each.
    """

    def __init__(
        self,
        objects: Mapping[str, ObjectInfo],
        records: Mapping[str, Record],
        *,
        legacy: Collection[str] = (),
        unreadable: Collection[str] = (),
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.objects = objects
        self.records = records
        self.legacy = legacy
        self.unreadable = unreadable
        self.warnings = warnings
        self._keys = sorted(objects)
        self._keeps_notes = any(info.sha256 for info in objects.values())
        self._outdated = {
            record.key
            for record in records.values()
            if not record.hash and not self.is_as_recorded(record)
        }

    def outputs(self) -> dict[str, RemoteOutput]:
        """Return every output by its key; a file that has a record but no object is none."""
        valid = [record for key, record in self.records.items() if key not in self._outdated]
        found = {
            record.key: RemoteOutput(record.key, record, files, self.is_as_recorded(record))
            for record in valid
            if (files := self._present(record)) or record.files is not None
        }
        covered = {record.key for record in valid if record.files is None}
        for record in valid:
            if record.files is not None:
                covered.update(self._keys_below(record.key))
        for key, info in self.objects.items():
            if key not in covered:
                found[key] = self._unrecorded(key, {key: info.size})
        return found

    def folder(self, key: str) -> RemoteOutput | None:
        """Return the objects below `key` as one directory output without a record."""
        files = {name: self.objects[name].size for name in self._keys_below(key)}
        return self._unrecorded(key, files) if files else None

    def leftovers(self) -> Iterator[ObjectInfo]:
        """Yield the objects below a recorded directory output that no record lists."""
        for record in self.records.values():
            if record.files is not None and record.key not in self._outdated:
                listed = contents_of(record)
                for key in self._keys_below(record.key):
                    if key not in listed and key not in self.records:
                        yield self.objects[key]

    def is_as_recorded(self, record: Record) -> bool:
        """Tell whether nothing in the listing contradicts the record."""
        contents = contents_of(record)
        is_noted = (
            record.hash
            or not self._keeps_notes
            or all(key in self.objects and self.objects[key].sha256 for key in contents)
        )
        return bool(is_noted) and all(self.may_hold(*item) for item in contents.items())

    def may_hold(self, key: str, content: Content) -> bool:
        """Tell whether the object is there, and neither its size nor its note says otherwise."""
        info = self.objects.get(key)
        return (
            info is not None and info.size == content.size and info.sha256 in {None, content.sha256}
        )

    def holds(self, key: str, content: Content) -> bool:
        """Tell whether the object has that content, by its note.

        In a store without notes the record tells.
        """
        info = self.objects.get(key)
        if info is None or not self.may_hold(key, content):
            return False
        if info.sha256 or self._keeps_notes:
            return info.sha256 is not None
        return self._recorded_content(key) == content

    def _unrecorded(self, key: str, files: Mapping[str, int]) -> RemoteOutput:
        return RemoteOutput(key, None, files, is_complete=True, is_replaced=key in self._outdated)

    def _recorded_content(self, key: str) -> Content | None:
        end = len(key)
        while end > 0:
            record = self.records.get(key[:end])
            if record is not None:
                return _content_at(record, key)
            end = key.rfind("/", 0, end)
        return None

    def _present(self, record: Record) -> dict[str, int]:
        return {key: self.objects[key].size for key in contents_of(record) if key in self.objects}

    def _keys_below(self, folder: str) -> Iterator[str]:
        prefix = folder + "/"
        for index in range(bisect_left(self._keys, prefix), len(self._keys)):
            if not self._keys[index].startswith(prefix):
                return
            yield self._keys[index]


def contents_of(record: Record) -> dict[str, Content]:
    """Return the content of each object of a recorded output, by the object's key."""
    if record.files is None:
        return {record.key: Content(record.sha256, record.size)}
    return {f"{record.key}/{name}": content for name, content in record.files.items()}


def _content_at(record: Record, key: str) -> Content | None:
    if record.files is None:
        return Content(record.sha256, record.size) if key == record.key else None
    return record.files.get(key.removeprefix(record.key + "/"))


def project_of(key: str) -> str:
    """Return the project that a key belongs to."""
    return key.partition("/")[0]


def take_inventory(store: Store, projects: Iterable[str]) -> Inventory:
    """List what a store holds for some projects.

    Raises:
        Unavailable, AccessDenied, NotFound: If the store cannot be read.
        ConfigurationError: If a newer version of luisy wrote the records.
    """
    found: dict[str, ObjectInfo] = {}
    for project in dict.fromkeys(projects):
        found.update((info.key, info) for info in store.list(f"{project}/"))
    return _with_records(store, found)


def take_whole_inventory(store: Store) -> Inventory:
    """List what a store holds for all projects.

    Raises:
        Unavailable, AccessDenied, NotFound: If the store cannot be read.
        ConfigurationError: If a newer version of luisy wrote the records.
    """
    return _with_records(store, {info.key: info for info in store.list() if "/" in info.key})


def _with_records(store: Store, found: Mapping[str, ObjectInfo]) -> Inventory:
    known: dict[str, RecordSet] = {}
    for project in {project_of(key): None for key in found}:
        kept = StoreRecords(store, project)
        if kept.key in found:
            known[project] = kept.read()
    return Inventory(
        {key: info for key, info in found.items() if not _is_own(key)},
        {key: record for own in known.values() for key, record in own.records.items()},
        legacy={key for own in known.values() for key in own.legacy},
        unreadable={project for project, own in known.items() if own.warnings},
        warnings=tuple(warning for own in known.values() for warning in own.warnings),
    )


def _is_own(key: str) -> bool:
    return key.partition("/")[2].startswith(".luisy")
