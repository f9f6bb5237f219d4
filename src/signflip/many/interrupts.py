"""Ctrl-C, SIGTERM and SIGHUP: as exceptions, and at a time of our choosing."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from signflip.starting import end_quietly

_HANGUP: tuple[signal.Signals, ...] = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()

TERMINAL_SIGNALS = (signal.SIGINT, *_HANGUP)
"""What a terminal sends to all processes of a command: Ctrl-C, and that it is gone."""

_SIGNALS = (*TERMINAL_SIGNALS, signal.SIGTERM)


class _Interrupted(KeyboardInterrupt):
    """Ctrl-C.

    CPython keeps in mind that a KeyboardInterrupt left an `exec` of text, such as that by which
    each dataclass is made, though it was caught later; `python -m` then ends by SIGINT instead of
    by the exit code that was asked for. It looks at the very class.
    """


def end_on_signals() -> None:
    """From now on SIGTERM and SIGHUP are exceptions: what was found is written, and workers end.

    The next ones are not heard: a closed terminal sends SIGHUP twice, and what is being written is
    to be whole. `nohup` stays as it is, and so does a Ctrl-C that is not heard. One that is heard
    is a KeyboardInterrupt as always, after which the process can end by a code of its own.
    """

    def interrupt(_number: int, _: FrameType | None) -> None:
        raise _Interrupted

    def end(number: int, _: FrameType | None) -> None:
        for each in ending:
            # not SIG_IGN: a process that is started now would inherit it, and could not be ended
            signal.signal(each, _unheard)
        sys.exit(128 + number)

    ending = [
        signal.SIGTERM,
        *(each for each in _HANGUP if signal.getsignal(each) is not signal.SIG_IGN),
    ]
    for each in ending:
        signal.signal(each, end)
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, end_quietly):
        signal.signal(signal.SIGINT, interrupt)


def _unheard(_number: int, _: FrameType | None) -> None:
    """Nothing is done."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Signals wait until the context ends; only the main thread ever hears them."""
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
