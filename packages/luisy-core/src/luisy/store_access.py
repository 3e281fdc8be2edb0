"""Find the store that is configured and the synchroniser that is installed."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from luisy_protocol.errors import MissingPackage
from luisy_protocol.registry import open_store
from luisy_protocol.sync import Synchroniser

GROUP = "luisy.sync"


def open_synchroniser(remote: str, working_dir: Path) -> Synchroniser:
    """Return the way between a working directory and the configured store.

    Args:
        remote: The URL of the store.
        working_dir: The working directory.

    Raises:
        ConfigurationError: If the URL cannot be used.
        MissingPackage: If the package that synchronises, or that knows the store, is not installed.
    """
    found = [*entry_points(group=GROUP, name="default")]
    if not found:
        raise MissingPackage("--download and --upload need luisy-cloud: pip install luisy-cloud")
    try:
        make = found[0].load()
    except Exception as error:
        raise MissingPackage(
            f"luisy-cloud cannot be loaded ({type(error).__name__}: {error}); "
            "pip install --force-reinstall luisy-cloud"
        ) from error
    return cast("Synchroniser", make(open_store(remote), working_dir))
