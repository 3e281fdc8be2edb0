"""The settings of one process, and where each comes from.

A setting is what the program (or the command line) set last; else its environment variable, read
when it is asked for; else its default. Importing this module reads nothing.

    setting                variable                      default
    working_dir            WORKING_DIR                   -
    requirements_path      LUISY_REQUIREMENTS_PATH       - (the installed versions count)
    remote                 LUISY_REMOTE                  - (else the Azure account, if one is given)
    azure_account_name     LUISY_AZURE_ACCOUNT_NAME      -
    azure_container_name   LUISY_AZURE_CONTAINER_NAME    -
    azure_storage_key      LUISY_AZURE_STORAGE_KEY       -
    download, upload, dry_run, no_ask, hash_update_mode  False
    spark                                                the active session, else a local one
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, ClassVar, Self

from luisy_protocol.errors import ConfigurationError
from luisy_protocol.secret import Secret

_DEFAULTS: dict[str, Any] = {
    "working_dir": None,
    "requirements_path": None,
    "remote": None,
    "azure_account_name": None,
    "azure_container_name": None,
    "azure_storage_key": None,
    "download": False,
    "upload": False,
    "dry_run": False,
    "no_ask": False,
    "hash_update_mode": False,
    "spark": None,
}
_VARIABLES = {
    "working_dir": "WORKING_DIR",
    "requirements_path": "LUISY_REQUIREMENTS_PATH",
    "remote": "LUISY_REMOTE",
    "azure_account_name": "LUISY_AZURE_ACCOUNT_NAME",
    "azure_container_name": "LUISY_AZURE_CONTAINER_NAME",
    "azure_storage_key": "LUISY_AZURE_STORAGE_KEY",
}
_AZURE = ("azure_account_name", "azure_container_name", "azure_storage_key")
_PATHS = ("working_dir", "requirements_path")


class Config:
    """The one table of settings: `Config()` is the same object everywhere."""

    _instance: ClassVar[Config | None] = None
    _set: dict[str, Any]

    def __new__(cls) -> Self:
        """Return the one object."""
        if cls._instance is None:
            cls._instance = super().__new__(cls)
            cls._instance._set = {}
        instance = cls._instance
        assert isinstance(instance, cls)  # noqa: S101 - nobody derives from a singleton
        return instance

    def get_param(self, param: str) -> Any:
        """Return a setting.

        Raises:
            ConfigurationError: If there is no setting of this name.
        """
        if param in self._set:
            return self._set[param]
        _check_known(param)
        value = os.environ.get(_VARIABLES.get(param, "")) or _DEFAULTS[param]
        return Secret(value) if param == "azure_storage_key" and value else value

    def set_param(self, name: str, val: Any) -> None:
        """Set one setting; None gives it back to its environment variable.

        Raises:
            ConfigurationError: If there is no setting of this name.
        """
        _check_known(name)
        if val is None:
            self._set.pop(name, None)
        elif name in _PATHS:
            self._set[name] = _absolute(os.fspath(val)) if val else val
        elif name == "azure_storage_key" and isinstance(val, str):
            self._set[name] = Secret(val)
        else:
            self._set[name] = val

    def update(self, params: Mapping[str, Any]) -> None:
        """Set several settings."""
        for name, val in params.items():
            self.set_param(name, val)

    def reset(self) -> None:
        """Forget everything that was set; environment variables and defaults count again."""
        self._set.clear()

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Give every setting back, at the end of the block, the value that it had."""
        before = dict(self._set)
        try:
            yield
        finally:
            self._set.clear()
            self._set.update(before)

    @property
    def config(self) -> dict[str, Any]:
        """All settings as they are now."""
        return {name: self.get_param(name) for name in _DEFAULTS}

    @property
    def working_dir(self) -> str:
        """The working directory as an absolute path.

        Raises:
            ConfigurationError: If none is set.
        """
        working_dir = self.get_param("working_dir")
        if not working_dir:
            raise ConfigurationError(
                "no working directory is set: give --working-dir, call luisy.set_working_dir(...), "
                "or set the environment variable WORKING_DIR"
            )
        return _absolute(working_dir)

    @property
    def requirements_path(self) -> str | None:
        """The requirements file whose lines give the versions of libraries, as an absolute path."""
        path = self.get_param("requirements_path")
        return _absolute(path) if path else None

    @property
    def download(self) -> bool:
        """Whether outputs that are fresh in the store are downloaded."""
        return bool(self.get_param("download"))

    @property
    def upload(self) -> bool:
        """Whether outputs are uploaded after a run."""
        return bool(self.get_param("upload"))

    @property
    def remote(self) -> str | None:
        """The URL of the store: LUISY_REMOTE, else the Azure container, else None.

        Raises:
            ConfigurationError: If the Azure account is set in part; it names what is missing.
        """
        if remote := self.get_param("remote"):
            return str(remote)
        given = [name for name in _AZURE if self.get_param(name)]
        if not given:
            return None
        missing = [_VARIABLES[name] for name in _AZURE if name not in given]
        if missing:
            raise ConfigurationError(
                f"the Azure account is set in part: {' and '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} missing (with a SAS token, a connection "
                "string or a login by identity, set LUISY_REMOTE=az://<container> instead)"
            )
        return f"az://{self.get_param('azure_container_name')}"

    @property
    def spark(self) -> Any:
        """The Spark session: the one that was set, else the active one, else a new local one."""
        from luisy.spark import session

        return self.get_param("spark") or session()

    def check_params(self) -> None:
        """Check that a run can start: a working directory, and a store where one is needed.

        Raises:
            ConfigurationError: If a setting is missing.
        """
        _ = self.working_dir
        if (self.download or self.upload) and self.remote is None:
            wish = "--download" if self.download else "--upload"
            raise ConfigurationError(
                f"{wish} needs a store: set LUISY_REMOTE to its URL (like file:///shared), or "
                "LUISY_AZURE_ACCOUNT_NAME, LUISY_AZURE_CONTAINER_NAME and LUISY_AZURE_STORAGE_KEY"
            )


def set_working_dir(working_dir: str | os.PathLike[str]) -> None:
    """Set the directory that holds the outputs of all projects."""
    Config().set_param("working_dir", working_dir)


def activate_download() -> None:
    """Let `Task.read` and runs fetch from the store what is fresh there and not here."""
    Config().set_param("download", True)


def get_default_params(raw: bool = True) -> dict[str, Any]:
    """Return the defaults of all settings, or (not `raw`) of those that have one."""
    return {name: value for name, value in _DEFAULTS.items() if raw or value is not None}


def _check_known(name: str) -> None:
    if name not in _DEFAULTS:
        raise ConfigurationError(
            f"there is no setting '{name}'; the settings are {', '.join(sorted(_DEFAULTS))}"
        )


@lru_cache(maxsize=64)
def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - plain text, no links followed
