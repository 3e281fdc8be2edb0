"""Every error that crosses a package's border.

The tree, with the builtin exception that each also is::

    LuisyError
    ├── NotFound              (FileNotFoundError)   the object, task or dataset is not there
    ├── AccessDenied          (PermissionError)     credentials are missing, wrong or too weak
    ├── Conflict                                    somebody else wrote in between; read again
    ├── IntegrityError                              bytes differ from their digest; a malformed file
    ├── Unavailable           (ConnectionError)     the other side does not answer; try again later
    ├── ConfigurationError    (ValueError)          a setting or an argument is missing or wrong
    │   └── InvalidKey                              a key that no store may hold
    ├── NotSupported                                this store or server cannot do that
    ├── MissingPackage        (ImportError)         the package that adds this is not installed
    └── TransferFailed                              some files of many; carries each one's error
"""

from __future__ import annotations

from collections.abc import Mapping


class LuisyError(Exception):
    """The root: catch it to catch everything that this family of packages raises on purpose."""


class NotFound(LuisyError, FileNotFoundError):
    """Something asked for by name does not exist."""


class AccessDenied(LuisyError, PermissionError):
    """The credentials are missing, wrong or not allowed to do this."""


class Conflict(LuisyError):
    """A conditional write found another state than the one it expected."""


class IntegrityError(LuisyError):
    """Bytes do not match their digest, or a file does not have the form it must have."""


class Unavailable(LuisyError, ConnectionError):
    """A service does not answer, answers with a server error, or cut the connection."""


class ConfigurationError(LuisyError, ValueError):
    """A setting or an argument is missing, malformed or contradicts another."""


class InvalidKey(ConfigurationError):
    """A key with ``..``, an absolute path, a backslash, a control character or the like."""


class NotSupported(LuisyError):
    """The store or the server cannot do this at all."""


class MissingPackage(LuisyError, ImportError):
    """The distribution that offers the feature is not installed; the message names it."""


class TransferFailed(LuisyError):
    """Some files of a transfer failed; the others are complete.

    Attributes:
        failures: The error of each failed key.
    """

    def __init__(self, failures: Mapping[str, Exception]) -> None:
        self.failures = dict(failures)
        shown = [f"{key}: {error}" for key, error in list(self.failures.items())[:5]]
        more = len(self.failures) - len(shown)
        if more > 0:
            shown.append(f"and {more} more")
        count = len(self.failures)
        super().__init__(f"{count} file{'s' if count > 1 else ''} failed: " + "; ".join(shown))
