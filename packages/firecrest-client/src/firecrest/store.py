"""The store ``firecrest://machine/path``: a folder on a machine, reached through FirecREST.

An object is a plain file of its key's name below the folder, so that jobs on the machine can use it
as it is. A name with signs that FirecREST refuses, or that its listings garble, is percent-encoded:
``a b.txt`` becomes ``a%20b.txt``. The promises of `luisy_protocol.store`, as far as FirecREST
allows:

1. An object appears whole: it is sent to a temporary name in the reserved folder ``.luisy-store``,
   compared with the checksum that the machine computes, and moved to its own name.
2. The etag is the time of modification and the size, as the listing tells them, that is by the
   second. A writer that would leave the etag as it was waits for the next second. Two writers
   within the same second may still leave the same etag for contents of the same size: do not write
   one key from two places at once.
3. There is no compare-and-swap, because FirecREST has no condition on any of its calls. A
   conditional write is refused (`NotSupported`), so several people cannot share records in such a
   store.
4. Small files travel directly, large ones through the staging area, by the server's own limit.
5. A folder cannot hold ``a`` and ``a/b`` at once. Links are not listed and are no objects.

Each process makes its client from the environment (`firecrest.settings`), when it is first used.
"""

from __future__ import annotations

import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from luisy_protocol.errors import (
    ConfigurationError,
    Conflict,
    IntegrityError,
    InvalidKey,
    NotFound,
    NotSupported,
)
from luisy_protocol.keys import validate_key, validate_prefix
from luisy_protocol.store import Advance, Downloaded, ObjectInfo

from firecrest.errors import (
    CommandTimeout,
    NotADirectory,
    NotImplementedOnAPIversion,
    PathNotFound,
)
from firecrest.settings import Settings

if TYPE_CHECKING:
    from firecrest.blocking import Firecrest
    from firecrest.types import LsFile

RESERVED = ".luisy-store"
LONGEST_NAME = 255
ATTEMPTS = 5
SAFE = "+=,@"


def open_store(url: str) -> FirecrestStore:
    """Return the store of a URL (entry point ``firecrest`` of the group ``luisy.stores``).

    Raises:
        ConfigurationError: If the URL names no machine or no folder.
    """
    split = urlsplit(url)
    root = unquote(split.path).rstrip("/")
    if not split.netloc or not root or split.query or split.fragment:
        raise ConfigurationError(
            f"{url} is not the URL of a folder on a machine, as in firecrest://cluster/home/me/data"
        )
    return FirecrestStore(split.netloc, root)


class FirecrestStore:
    """A store in a folder of a machine.

    Args:
        machine: The machine.
        root: The absolute path of the folder; it is made by the first write.
        client: The client; by default one from the environment.

    Attributes:
        url: Where it is.
    """

    has_compare_and_swap = False

    def __init__(self, machine: str, root: str, *, client: Firecrest | None = None) -> None:
        if not root.startswith("/") or re.search(r"[<>|;\"'&\\()`\x00-\x1f\x7f]", root):
            raise ConfigurationError(
                f"{root!r} is not an absolute path that FirecREST takes: it refuses < > | ; \" ' & "
                "\\ ( ) and backticks"
            )
        self._machine = machine
        self._root = root.rstrip("/")
        self._given_client = client
        self._made: set[str] = set()
        self.url = f"firecrest://{machine}{quote(self._root)}"

    def __repr__(self) -> str:
        return f"FirecrestStore({self._machine!r}, {self._root!r})"

    def __getstate__(self) -> dict[str, object]:
        # A client holds connections and a token, which stay in their process.
        return {**self.__dict__, "_given_client": None, "_made": set()}

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, sorted by key."""
        folder = validate_prefix(prefix).rpartition("/")[0]
        path = self._encoded(folder) if folder else self._root
        start = f"{folder}/" if folder else ""
        found = (
            _info(start + unquote(name), entry)
            for name, entry in self._files_below(path)
            if _is_object(name, is_root=not folder)
        )
        yield from sorted(
            (info for info in found if info.key.startswith(prefix)), key=lambda info: info.key
        )

    def stat(self, key: str) -> ObjectInfo:
        """Tell about one object.

        Raises:
            NotFound: If there is no such object.
        """
        return _info(key, self._entry(key))

    def read(self, key: str) -> tuple[bytes, ObjectInfo]:
        """Return an object's content and the etag that belongs to it.

        Raises:
            NotFound: If there is no such object.
            Conflict: If it was written several times while it was read.
        """
        for _ in range(ATTEMPTS):
            info, content = self.stat(key), BytesIO()
            self._fetch(key, info, content)
            if self.stat(key) == info:
                return content.getvalue(), info
        raise Conflict(f"{key} in {self.url} changes faster than it can be read; try again")

    def write(
        self, key: str, content: bytes, *, if_match: str | None = None, if_absent: bool = False
    ) -> ObjectInfo:
        """Replace a small object in one step.

        Raises:
            NotSupported: If a condition is given.
        """
        path = self._path(key)
        if if_match is not None or if_absent:
            raise NotSupported(
                f"{self.url} has no compare-and-swap, for FirecREST has none; keep what several "
                "people write in a store that has it"
            )
        with _as_file(content) as source:
            return self._put(source, key, path, None)

    def download(
        self,
        key: str,
        path: Path,
        *,
        if_match: str | None = None,
        advance: Advance | None = None,
    ) -> Downloaded:
        """Write an object's content to `path`.

        Raises:
            NotFound: If there is no such object.
            Conflict: If it no longer has the etag `if_match`, or changed while it was read.
        """
        info = self.stat(key)
        if if_match is not None and info.etag != if_match:
            raise Conflict(f"{key} in {self.url} has changed since it was looked at; try again")
        sha256 = self._fetch(key, info, path, advance)
        if self.stat(key) != info:
            raise Conflict(f"{key} in {self.url} was written while it was read; try again")
        return Downloaded(info, sha256)

    def upload(
        self, path: Path, key: str, *, sha256: str, advance: Advance | None = None
    ) -> ObjectInfo:
        """Send a file and return what is there.

        Raises:
            IntegrityError: If the bytes sent do not have the digest `sha256`.
        """
        return self._put(Path(path), key, self._path(key), sha256, advance)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        with suppress(NotFound):
            self._entry(key)
            self._client.simple_delete(self._machine, self._path(key))

    def close(self) -> None:
        """Close the connections."""
        if self._given_client is not None:
            self._given_client.close()

    # Where things are

    @property
    def _client(self) -> Firecrest:
        if self._given_client is None:
            self._given_client = Settings.from_environment().client()
        return self._given_client

    def _path(self, key: str) -> str:
        validate_key(key)
        if key.split("/", 1)[0] == RESERVED:
            raise InvalidKey(f"the key '{key}' is not allowed: {self.url} uses that name itself")
        return self._encoded(key)

    def _encoded(self, key: str) -> str:
        names = [_quoted(name) for name in key.split("/")]
        if any(len(name) > LONGEST_NAME for name in names):
            raise InvalidKey(f"a name in the key '{key}' is too long once it is percent-encoded")
        return f"{self._root}/{'/'.join(names)}"

    def _entry(self, key: str) -> LsFile:
        path = self._path(key)
        try:
            entries = self._client.list_files(self._machine, path, show_hidden=True)
        except (PathNotFound, NotADirectory):
            entries = []
        for entry in entries:
            if entry["name"] == path and entry["type"] == "-":
                return entry
        raise NotFound(f"there is no {key} in {self.url}")

    def _files_below(self, path: str) -> Iterator[tuple[str, LsFile]]:
        """Yield the files below a folder by their path relative to it."""
        try:
            entries = self._client.list_files(self._machine, path, show_hidden=True, recursive=True)
        except (PathNotFound, NotADirectory):
            return
        except (CommandTimeout, NotImplementedOnAPIversion):
            yield from self._walk(path, "")
            return
        for entry in entries:
            if entry["type"] == "-" and entry["name"] != path:
                yield entry["name"].removeprefix("./"), entry

    def _walk(self, path: str, below: str) -> Iterator[tuple[str, LsFile]]:
        """Do the same folder by folder: the server is too old, or the tree too large."""
        for entry in self._client.list_files(self._machine, path, show_hidden=True):
            name = below + entry["name"]
            if entry["name"] in (".", ".."):
                continue
            if entry["type"] == "d":
                yield from self._walk(f"{path}/{entry['name']}", f"{name}/")
            elif entry["type"] == "-":
                yield name, entry

    # How things are done

    def _fetch(
        self, key: str, info: ObjectInfo, target: Path | BytesIO, advance: Advance | None = None
    ) -> str:
        try:
            return self._client.download(
                self._machine,
                self._path(key),
                target,
                size=info.size,
                verify=False,
                advance=advance,
            )
        except PathNotFound as error:
            raise NotFound(f"there is no {key} in {self.url}") from error

    def _put(
        self,
        source: Path,
        key: str,
        path: str,
        sha256: str | None,
        advance: Advance | None = None,
    ) -> ObjectInfo:
        """Send a file under a temporary name and move it to its own."""
        name = secrets.token_hex(16)
        reserved = f"{self._root}/{RESERVED}"
        self._make_folder(reserved)
        self._make_folder(path.rpartition("/")[0])
        try:
            sent = self._client.upload(self._machine, source, reserved, name, advance=advance)
            self._check_sent(source, sent, sha256)
            info = self._with_new_etag(source, key, path, f"{reserved}/{name}", sent)
            self._client.mv(self._machine, f"{reserved}/{name}", path)
        except BaseException:
            with suppress(Exception):
                self._client.simple_delete(self._machine, f"{reserved}/{name}")
            raise
        return info

    def _check_sent(self, source: Path, sent: str, wanted: str | None) -> None:
        if wanted is not None and sent != wanted:
            raise IntegrityError(
                f"{source} does not have the digest it had before it was sent to {self.url}; "
                "did it change meanwhile? run again"
            )

    def _with_new_etag(
        self, source: Path, key: str, path: str, temporary: str, sha256: str
    ) -> ObjectInfo:
        """Send the file again in another second, until its etag is not that of the old object."""
        old = self._old(key, path)
        folder, _, name = temporary.rpartition("/")
        while True:
            (entry,) = self._client.list_files(self._machine, temporary, show_hidden=True)
            info = _info(key, entry)
            if old is None or info.etag != old.etag:
                return info
            time.sleep(1.0 - time.time() % 1.0)
            sent = self._client.upload(self._machine, source, folder, name)
            self._check_sent(source, sent, sha256)

    def _old(self, key: str, path: str) -> ObjectInfo | None:
        """Return the object that is there already, and make sure that no folder is."""
        try:
            entries = self._client.list_files(self._machine, path, show_hidden=True)
        except PathNotFound:
            return None
        if len(entries) != 1 or entries[0]["name"] != path:
            raise NotSupported(f"{key} in {self.url} is a folder, so it cannot be an object")
        return _info(key, entries[0])

    def _make_folder(self, path: str) -> None:
        if path not in self._made:
            self._client.mkdir(self._machine, path, p=True)
            self._made.add(path)


def _is_object(name: str, *, is_root: bool) -> bool:
    """Tell whether a listed file is an object: its name is one that a key is encoded to."""
    key = unquote(name)
    if is_root and key.split("/", 1)[0] == RESERVED:
        return False
    try:
        validate_key(key)
    except InvalidKey:
        return False
    return "/".join(map(_quoted, key.split("/"))) == name


def _quoted(name: str) -> str:
    return quote(name, safe=SAFE)


def _info(key: str, entry: LsFile) -> ObjectInfo:
    # The listing tells no time zone, so the time is good for an etag and for nothing else.
    size = int(entry["size"])
    return ObjectInfo(key, size, f"{entry['last_modified']}-{size:x}")


@contextmanager
def _as_file(content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="luisy-") as folder:
        path = Path(folder) / "content"
        path.write_bytes(content)
        yield path
