"""Runs one server by hand: prints the settings for a shell, and serves until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import suppress

from luisy_test_servers import azurite, s3_server

USAGE = "usage: python -m luisy_test_servers azurite|s3"


def main(arguments: list[str]) -> int:
    """Serve the one that is named."""
    if arguments == ["azurite"]:
        with azurite() as blobs:
            _wait(AZURE_STORAGE_CONNECTION_STRING=blobs.connection_string)
    elif arguments == ["s3"]:
        with s3_server() as s3:
            _wait(
                CLOUD_ENDPOINT=s3.endpoint,
                CLOUD_ACCESS_KEY=s3.access_key,
                CLOUD_SECRET_KEY=s3.secret_key,
            )
    else:
        print(USAGE, file=sys.stderr)
        return 2
    return 0


def _wait(**settings: str) -> None:
    # By an exception: a handler that sets an event hangs when it comes while the event is locked.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        for name, value in settings.items():
            print(f"export {name}='{value}'", flush=True)
        print("serving; Ctrl-C ends it", file=sys.stderr)
        threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
