"""The contracts that the luisy packages share: stores, transfers, records, keys and errors.

What moves and keeps bytes is imported when it is first used: `import luisy` needs the errors only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from luisy_protocol.errors import (
    AccessDenied,
    ConfigurationError,
    Conflict,
    IntegrityError,
    InvalidKey,
    LuisyError,
    MissingPackage,
    NotFound,
    NotSupported,
    TransferFailed,
    Unavailable,
)
from luisy_protocol.keys import join_key, path_below, validate_key, validate_prefix
from luisy_protocol.progress import Silent, TransferProgress
from luisy_protocol.record import Content, Record
from luisy_protocol.secret import Secret
from luisy_protocol.store import Advance, Downloaded, ObjectInfo, Store
from luisy_protocol.sync import Arrived, RemoteOutput, Synchroniser

if TYPE_CHECKING:
    from luisy_protocol.digest import (
        HashingReader,
        HashingWriter,
        digest_bytes,
        digest_file,
        digest_folder,
        digest_listing,
        list_folder,
    )
    from luisy_protocol.file_store import FileStore
    from luisy_protocol.local_records import LocalRecords
    from luisy_protocol.record_log import RecordSet
    from luisy_protocol.registry import open_store
    from luisy_protocol.store_records import StoreRecords
    from luisy_protocol.terminal import PlainProgress, TerminalProgress, terminal_progress
    from luisy_protocol.transfer import Download, Upload, download_all, upload_all

__all__ = [
    "AccessDenied",
    "Advance",
    "Arrived",
    "ConfigurationError",
    "Conflict",
    "Content",
    "Download",
    "Downloaded",
    "FileStore",
    "HashingReader",
    "HashingWriter",
    "IntegrityError",
    "InvalidKey",
    "LocalRecords",
    "LuisyError",
    "MissingPackage",
    "NotFound",
    "NotSupported",
    "ObjectInfo",
    "PlainProgress",
    "Record",
    "RecordSet",
    "RemoteOutput",
    "Secret",
    "Silent",
    "Store",
    "StoreRecords",
    "Synchroniser",
    "TerminalProgress",
    "TransferFailed",
    "TransferProgress",
    "Unavailable",
    "Upload",
    "digest_bytes",
    "digest_file",
    "digest_folder",
    "digest_listing",
    "download_all",
    "join_key",
    "list_folder",
    "open_store",
    "path_below",
    "terminal_progress",
    "upload_all",
    "validate_key",
    "validate_prefix",
]

_LAZY = {
    "Download": "transfer",
    "FileStore": "file_store",
    "HashingReader": "digest",
    "HashingWriter": "digest",
    "LocalRecords": "local_records",
    "PlainProgress": "terminal",
    "RecordSet": "record_log",
    "StoreRecords": "store_records",
    "TerminalProgress": "terminal",
    "Upload": "transfer",
    "digest_bytes": "digest",
    "digest_file": "digest",
    "digest_folder": "digest",
    "digest_listing": "digest",
    "download_all": "transfer",
    "list_folder": "digest",
    "open_store": "registry",
    "terminal_progress": "terminal",
    "upload_all": "transfer",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'luisy_protocol' has no attribute '{name}'")
    found = getattr(import_module(f"luisy_protocol.{_LAZY[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
