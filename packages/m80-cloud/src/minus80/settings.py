"""The settings: ``~/.minus80.conf``, and the environment over it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from luisy_protocol.errors import ConfigurationError
from luisy_protocol.os_errors import translated
from luisy_protocol.secret import Secret

DEFAULTS = """\
# The settings of minus80. Only you should be able to read this file.
options:
    basedir: ~/.minus80/    # where datasets live on this machine
cloud:
    endpoint:               # such as https://s3.example.org; empty for Amazon
    bucket: minus80
    access_key:             # both empty: AWS's own environment, profiles, SSO and roles
    secret_key:
    region:                 # empty: what AWS's own settings say
"""
_LOG = logging.getLogger("minus80")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_UNSET = {"", "none", "null"}


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where the bucket is and how to enter.

    Attributes:
        endpoint: The server's URL; None for Amazon.
        bucket: The bucket's name.
        access_key: The key, or None for boto3's own chain of credentials.
        secret_key: The secret that belongs to it.
        region: The region, or None for boto3's own.
    """

    endpoint: str | None
    bucket: str
    access_key: str | None = None
    secret_key: Secret | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one user.

    Attributes:
        basedir: Where datasets live on this machine.
        cloud: The bucket.
        source: The file they come from, for messages.
    """

    basedir: Path
    cloud: Cloud
    source: Path

    def with_bucket(self, bucket: str) -> Settings:
        """Return the same settings for another bucket.

        Raises:
            ConfigurationError: If no bucket can have that name.
        """
        return replace(self, cloud=replace(self.cloud, bucket=_valid_bucket(bucket, self.source)))


def settings_path() -> Path:
    """Return where the settings are: ``~/.minus80.conf``."""
    return Path.home() / ".minus80.conf"


def load_settings(path: Path | None = None, *, create: bool = True) -> Settings:
    """Read the settings, and make the file with the defaults if it is missing.

    Args:
        path: Another file than ``~/.minus80.conf``.
        create: Whether to make the file.

    Raises:
        ConfigurationError: If the file or a variable is malformed; the message names it.
    """
    path = path or settings_path()
    if create and not path.exists():
        _create(path)
    content = _parse(path)
    options, cloud = _section(content, "options", path), _section(content, "cloud", path)
    basedir = Path(_text(options, "basedir", path) or "~/.minus80/").expanduser()
    settings = Settings(basedir.absolute(), _cloud(cloud, path), path)
    _warn_if_open(path, secret=bool(_text(cloud, "secret_key", path)))
    return settings


def _create(path: Path) -> None:
    with translated(f"make the settings file {path}"), suppress(FileExistsError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(DEFAULTS)


def _parse(path: Path) -> Mapping[object, object]:
    import yaml

    if not path.exists():
        return {}
    with translated(f"read the settings file {path}"):
        raw = path.read_bytes()
    try:
        content = yaml.safe_load(raw.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        # The parser quotes the line it stumbled over, and that may hold the secret.
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"{path}{where} is not valid YAML; correct it") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path} must have the sections 'options' and 'cloud'")
    return content


def _section(content: Mapping[object, object], name: str, path: Path) -> Mapping[object, object]:
    section = content.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise ConfigurationError(f"'{name}' in {path} must be a section with settings below it")
    return section


def _text(section: Mapping[object, object], name: str, path: Path) -> str | None:
    value = section.get(name)
    if value is None or (isinstance(value, str) and value.strip().lower() in _UNSET):
        return None
    if isinstance(value, bool | dict | list):
        raise ConfigurationError(f"'{name}' in {path} must be text; put it in quotes")
    return str(value).strip()


def _cloud(section: Mapping[object, object], path: Path) -> Cloud:
    found: dict[str, str | None] = {}
    for name in ("endpoint", "bucket", "access_key", "secret_key", "region"):
        found[name] = os.environ.get(f"CLOUD_{name.upper()}") or _text(section, name, path)
    access_key, secret_key = found["access_key"], found["secret_key"]
    if bool(access_key) != bool(secret_key):
        missing = "secret_key" if access_key else "access_key"
        raise ConfigurationError(
            f"the access key and the secret key belong together, and {missing} is missing: "
            f"set cloud.{missing} in {path} or CLOUD_{missing.upper()}"
        )
    return Cloud(
        endpoint=_valid_endpoint(found["endpoint"], path),
        bucket=_valid_bucket(found["bucket"] or "minus80", path),
        access_key=access_key,
        secret_key=Secret(secret_key) if secret_key else None,
        region=found["region"],
    )


def _valid_endpoint(endpoint: str | None, path: Path) -> str | None:
    if not endpoint:
        return None
    split = urlsplit(endpoint)
    if split.scheme not in {"http", "https"} or not split.hostname or "@" in split.netloc:
        shown = endpoint if "@" not in endpoint else "(it holds a credential)"
        raise ConfigurationError(
            f"the endpoint must be a URL such as https://s3.example.org, not {shown}: correct "
            f"cloud.endpoint in {path} or CLOUD_ENDPOINT"
        )
    return endpoint.rstrip("/")


def _valid_bucket(bucket: str, path: Path) -> str:
    if not _BUCKET.fullmatch(bucket):
        raise ConfigurationError(
            f"'{bucket}' cannot be a bucket: it must be 3 to 63 small letters, digits, '-' or '.'"
            f"; correct cloud.bucket in {path} or CLOUD_BUCKET"
        )
    return bucket


def _warn_if_open(path: Path, *, secret: bool) -> None:
    if not secret or os.name != "posix":
        return
    with suppress(FileNotFoundError):
        if path.stat().st_mode & 0o077:
            _LOG.warning("others can read the secret key in %s; run: chmod 600 %s", path, path)
