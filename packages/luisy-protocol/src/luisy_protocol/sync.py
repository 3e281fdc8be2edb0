"""What a planner and a runner ask of the synchroniser (entry-point group ``luisy.sync``).

The entry point named ``default`` is a callable ``(store: Store, working_dir: Path) ->
Synchroniser``. The synchroniser moves outputs between a working directory and a store; it decides
nothing. Which outputs are fresh, and what is worth moving, is the planner's word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from luisy_protocol.progress import TransferProgress
from luisy_protocol.record import Content, Record


@dataclass(frozen=True, slots=True)
class RemoteOutput:
    """An output as the store holds it.

    Attributes:
        key: The output's key. A directory output has one `RemoteOutput` for all its files.
        record: The store's record, or None for an output that somebody put there by other means.
        files: The size of each object present, by its key; for a single file just the one.
        is_complete: Whether every file that the record lists is present with its size. Always True
            without a record.
        is_replaced: Whether an external output was recorded and has another content by now: what
            was made of it is out of date.
    """

    key: str
    record: Record | None
    files: Mapping[str, int]
    is_complete: bool
    is_replaced: bool = False

    @property
    def size(self) -> int:
        """The sum of the sizes in bytes."""
        return sum(self.files.values())


@dataclass(frozen=True, slots=True)
class Arrived:
    """A downloaded output: its verified content, on disk under its final name."""

    key: str
    content: Content
    files: Mapping[str, Content] | None
    record: Record | None


class Synchroniser(Protocol):
    """Moves outputs between one working directory and one store."""

    def look(self, projects: Iterable[str]) -> Mapping[str, RemoteOutput]:
        """List what the store holds for these projects, by key, with one listing and one read each.

        A file below a recorded directory output belongs to that directory. Any other object is an
        output by itself, and additionally each folder can be asked for with `folder`.

        Raises:
            Unavailable, AccessDenied, NotFound: If the store cannot be read.
        """
        ...

    def folder(self, key: str) -> RemoteOutput | None:
        """Take the unrecorded objects below ``key + "/"`` as one output, from the last `look`."""
        ...

    def download(
        self,
        outputs: Iterable[RemoteOutput],
        *,
        progress: TransferProgress,
        arrived: Callable[[Arrived], None],
    ) -> None:
        """Fetch outputs in parallel; each is verified, then renamed into place, then reported.

        For a directory, files that are there already with the right digest do not travel again.

        Raises:
            TransferFailed: With the error of each output (by the output's key) that did not arrive;
                nothing of it is under its final name. `IntegrityError`, `NotFound` and `Conflict`
                among them mean that the store changed or holds a wrong object: treat the output as
                absent.
        """
        ...

    def upload(
        self,
        records: Iterable[Record],
        *,
        progress: TransferProgress,
        stored: Callable[[Record], None],
    ) -> None:
        """Send the outputs of these local records: content first, then the store's records.

        Files that the store already holds with the same digest do not travel. The store's records
        are merged by compare-and-swap, once for many outputs, so that concurrent uploads lose
        nothing.

        Raises:
            TransferFailed: With the error of each output that was not sent; the others are
                recorded.
            NotSupported: If the store has no compare-and-swap.
        """
        ...

    def to_send(self, records: Iterable[Record]) -> tuple[int, int]:
        """Count the files and bytes that `upload` would send for these, from the last `look`."""
        ...
