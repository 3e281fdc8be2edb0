"""Hold Ctrl-C, and the polite request to end, while what is done must not stop halfway."""

from __future__ import annotations

import signal
import threading

_INTERRUPTIONS = (signal.SIGTERM, signal.SIGINT)


class Held:
    """Interruptions are held during the block and handled at its end.

    It is their handlers that are exchanged. To block the signals in this thread would not hold
    them, for the system gives them to another; and an exception does not get through everywhere:
    Python drops those that come right after a fork, where `logging` and others have a hook.

    A process that is forked in the block lets them through itself when it is ready for them. Away
    from the main thread there is nothing to hold, for no handler runs there.
    """

    def __init__(self) -> None:
        self._came: list[int] = []
        is_here = threading.current_thread() is threading.main_thread()
        handlers = {each: signal.getsignal(each) for each in _INTERRUPTIONS if is_here}
        self._before = {each: known for each, known in handlers.items() if known is not None}

    def __enter__(self) -> None:
        try:
            for number in self._before:
                signal.signal(number, lambda number, _: self._came.append(number))
        except BaseException:
            self.let_through()
            raise

    def __exit__(self, *_: object) -> None:
        self.let_through()

    def let_through(self) -> None:
        """Handle interruptions again, first those that came meanwhile."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for came in self._came:
            signal.raise_signal(came)
