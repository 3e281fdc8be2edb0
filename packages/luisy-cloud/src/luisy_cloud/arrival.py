"""Fetch outputs, files and directories, from a store into a working directory.

What the record says of the content must be true. Of an external output it need not be: a person may
have replaced it since, which no listing tells if the size is the same and the store keeps no notes.
Then it arrives as one without a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from luisy_protocol.digest import digest_listing
from luisy_protocol.errors import LuisyError, TransferFailed
from luisy_protocol.keys import path_below
from luisy_protocol.progress import TransferProgress
from luisy_protocol.record import Content
from luisy_protocol.store import Downloaded, Store
from luisy_protocol.sync import Arrived, RemoteOutput
from luisy_protocol.transfer import Download, download_all

from luisy_cloud.assembly import Assembly
from luisy_cloud.inventory import contents_of


@dataclass(slots=True)
class _Expected:
    """An output of which some files have still to arrive."""

    output: RemoteOutput
    assembly: Assembly | None
    files: dict[str, Content] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return len(self.files) == len(self.output.files)


class Arrivals:
    """One batch of downloads.

    Args:
        store: Where the outputs are.
        working_dir: Where they go.
        digests: The digest noted with an object, by its key, where there is no record.
        progress: Told of the bytes and files.
        arrived: Told of each output that is in place.
    """

    def __init__(
        self,
        store: Store,
        working_dir: Path,
        *,
        digests: Mapping[str, str],
        progress: TransferProgress,
        arrived: Callable[[Arrived], None],
    ) -> None:
        self._store = store
        self._working_dir = working_dir
        self._digests = digests
        self._progress = progress
        self._arrived = arrived
        self._expected: dict[str, _Expected] = {}
        self._failures: dict[str, Exception] = {}

    def fetch(self, outputs: Iterable[RemoteOutput], *, workers: int) -> None:
        """Fetch the outputs; one that fails leaves nothing under its final name.

        Raises:
            TransferFailed: With the error of each output that did not arrive.
        """
        wanted = (download for output in outputs for download in self._prepare(output))
        try:
            download_all(
                self._store, wanted, workers=workers, progress=self._progress, done=self._settle
            )
        except TransferFailed as failed:
            for key, error in failed.failures.items():
                self._failures.setdefault(self._expected[key].output.key, error)
        if self._failures:
            raise TransferFailed(self._failures)

    def _prepare(self, output: RemoteOutput) -> Iterator[Download]:
        try:
            yield from self._prepare_folder(output) if is_folder(output) else [self._file(output)]
        except LuisyError as error:
            self._failures[output.key] = error

    def _file(self, output: RemoteOutput) -> Download:
        key = output.key
        self._expected[key] = _Expected(output, None)
        path = path_below(self._working_dir, key)
        record = output.record
        known = Content(record.sha256, record.size) if record else None
        return self._download(output, key, path, known)

    def _download(
        self, output: RemoteOutput, key: str, path: Path, known: Content | None
    ) -> Download:
        if known is None or output.record is None or not output.record.hash:
            return Download(key, path, sha256=self._digests.get(key))
        return Download(key, path, sha256=known.sha256, size=known.size)

    def _prepare_folder(self, output: RemoteOutput) -> Iterator[Download]:
        assembly = Assembly(path_below(self._working_dir, output.key))
        expected = _Expected(output, assembly)
        known = contents_of(output.record) if output.record else {}
        for key, size in output.files.items():
            self._expected[key] = expected
            name, content = key.removeprefix(output.key + "/"), known.get(key)
            if content is not None and assembly.has(name, content):
                expected.files[name] = content
                self._progress.advance(size)
                self._progress.done(key)
            else:
                yield self._download(output, key, assembly.path_of(name), content)
        self._finish_if_whole(expected)

    def _settle(self, download: Download, found: Downloaded) -> None:
        expected = self._expected[download.key]
        content = Content(found.sha256, found.info.size)
        if expected.assembly is None:
            self._report(expected.output, content, None)
        else:
            expected.files[download.key.removeprefix(expected.output.key + "/")] = content
            self._finish_if_whole(expected)

    def _finish_if_whole(self, expected: _Expected) -> None:
        if expected.assembly is None or not expected.is_whole:
            return
        output, files = expected.output, expected.files
        assembly, expected.assembly = expected.assembly, None
        try:
            assembly.finish(files)
        except LuisyError as error:
            self._failures[output.key] = error
        else:
            self._report(output, digest_listing(files), files)

    def _report(
        self, output: RemoteOutput, content: Content, files: Mapping[str, Content] | None
    ) -> None:
        record = output.record
        is_recorded = record is not None and record.sha256 == content.sha256
        self._arrived(Arrived(output.key, content, files, record if is_recorded else None))


def is_folder(output: RemoteOutput) -> bool:
    """Tell whether an output is a directory."""
    if output.record is not None:
        return output.record.files is not None
    return output.key not in output.files
