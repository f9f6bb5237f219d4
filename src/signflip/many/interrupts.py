"""Ctrl-C and SIGTERM: as exceptions, and at a time of our choosing."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
"""Exit code after Ctrl-C, as shells have it."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def end_on_sigterm() -> None:
    """From now on SIGTERM is an exception, so that what was found is written and workers end."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the context ends; only the main thread ever hears them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []

    def remember(number: int, _: FrameType | None) -> None:
        waiting.append(number)

    # one that Python did not set is None, and cannot be set again
    heard = [number for number in _SIGNALS if signal.getsignal(number) is not None]
    handlers = {number: signal.signal(number, remember) for number in heard}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for pending in waiting:
            signal.raise_signal(pending)
