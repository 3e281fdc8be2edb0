"""Open a store by its URL.

A store is registered by an entry point of the group ``luisy.stores``: its name is the URL's scheme,
its value a callable that takes the URL and returns a `luisy_protocol.store.Store`. A plain absolute
path is taken for a ``file://`` URL.

A URL is not a place for secrets: it is shown in messages and in the history of the shell. One with
a user name, a password or a query that looks like a credential is refused, and not shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl, urlsplit

from luisy_protocol.errors import ConfigurationError, LuisyError, MissingPackage
from luisy_protocol.store import Store

GROUP = "luisy.stores"
_PACKAGES = {"az": "luisy-cloud", "s3": "m80-cloud", "firecrest": "firecrest-client"}
_SECRET_NAME = re.compile(r"sig|key|token|secret|password|credential", re.IGNORECASE)


def open_store(url: str) -> Store:
    """Return the store that a URL, or an absolute path, names.

    Args:
        url: For instance ``file:///mnt/team/store`` or ``az://account/container``.

    Raises:
        ConfigurationError: If the URL is malformed, holds a credential, or has a scheme that no
            installed package offers.
        MissingPackage: If the package that offers the scheme is not installed, or is broken.
    """
    path = Path(os.path.expanduser(url))  # noqa: PTH111 - the other one fails for an unknown user
    if path.is_absolute():
        url = path.as_uri()
    scheme = _scheme(url)
    found = sorted(entry_points(group=GROUP, name=scheme), key=lambda point: point.value)
    if not found:
        raise _unknown(scheme, url)
    if len({point.value for point in found}) > 1:
        owners = " and ".join(_owner(point) for point in found)
        raise ConfigurationError(f"{owners} both offer '{scheme}://'; uninstall one of them")
    factory = _load(found[0], scheme)
    try:
        return factory(url)
    except LuisyError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"{_owner(found[0])} cannot open {url}: {type(error).__name__}: {error}"
        ) from error


def _scheme(url: str) -> str:
    try:
        split = urlsplit(url)
    except ValueError as error:
        raise ConfigurationError("the store's URL is malformed; one looks like az://a/b") from error
    secret = any(_SECRET_NAME.search(name) for name, _ in parse_qsl(split.query))
    if "@" in split.netloc or ("@" in url and "://" not in url) or secret:
        raise ConfigurationError(
            f"the store's URL ({split.scheme}://...) holds a credential, and URLs are shown and "
            "kept in histories: take it out, set it in the environment, and renew it"
        )
    if not split.scheme or "://" not in url:
        raise ConfigurationError(
            f"'{url}' is neither a store's URL, as in file:///mnt/team/store, nor an absolute path"
        )
    return split.scheme.lower()


def _unknown(scheme: str, url: str) -> LuisyError:
    if scheme in _PACKAGES:
        package = _PACKAGES[scheme]
        return MissingPackage(f"{url} needs the package {package}: pip install {package}")
    known = {point.name for point in entry_points(group=GROUP)} | _PACKAGES.keys()
    offered = ", ".join(f"{name}://" for name in sorted(known))
    return ConfigurationError(f"there is no store for '{scheme}://' ({url}); there is {offered}")


def _load(point: EntryPoint, scheme: str) -> Callable[[str], Store]:
    try:
        return cast("Callable[[str], Store]", point.load())
    except Exception as error:
        owner = _owner(point)
        raise MissingPackage(
            f"{owner} offers '{scheme}://' but cannot be loaded ({type(error).__name__}: {error}); "
            f"pip install --force-reinstall {owner}"
        ) from error


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
