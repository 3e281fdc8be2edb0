"""The contracts of the luisy packages: stores, transfers, records, keys, progress and errors."""

from luisy_protocol.digest import (
    HashingReader,
    HashingWriter,
    digest_bytes,
    digest_file,
    digest_folder,
    digest_listing,
    list_folder,
)
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
from luisy_protocol.file_store import FileStore
from luisy_protocol.keys import join_key, path_below, validate_key, validate_prefix
from luisy_protocol.local_records import LocalRecords
from luisy_protocol.progress import Silent, TransferProgress
from luisy_protocol.record import Content, Record
from luisy_protocol.record_log import RecordSet
from luisy_protocol.registry import open_store
from luisy_protocol.secret import Secret
from luisy_protocol.store import Advance, Downloaded, ObjectInfo, Store
from luisy_protocol.store_records import StoreRecords
from luisy_protocol.sync import Arrived, RemoteOutput, Synchroniser
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
