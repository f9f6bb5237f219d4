"""What surrounds new processes of ours: Python's path, the folder of sockets, signals.

Python's multiprocessing starts its helpers by `python -c`, which imports from the working folder
before all else: a file of the user's that is called `random.py` would run in them. It puts a socket
into the folder of temporary files, whose path may be too long for one, or on a disk that has none.
And a signal of the terminal goes to the whole group of processes, of which only we have an answer.
"""

import multiprocessing.resource_tracker
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import util
from pathlib import Path
from threading import RLock

from signflip.errors import WorkerError
from signflip.many.interrupts import TERMINAL_SIGNALS

_SAFE_PATH = "PYTHONSAFEPATH"
_lock = RLock()  # the environment and the folder of temporary files belong to all threads


@contextmanager
def fit_for_processes() -> Iterator[None]:
    """While the context lasts, Python's helper processes can be started.

    They leave the working folder alone, have their sockets in a folder for sockets, and do not hear
    the terminal.

    Raises:
        WorkerError: no folder can hold a socket.
    """
    with _lock, _without_working_folder():
        if sys.platform == "linux":
            _have_folder_for_sockets()
        with _terminal_unheard():
            yield


@contextmanager
def _without_working_folder() -> Iterator[None]:
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


@contextmanager
def _terminal_unheard() -> Iterator[None]:
    # a helper has no ear for signals while it imports, and inherits what is blocked; the tracker of
    # resources unblocks Ctrl-C, here too
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
    try:
        multiprocessing.resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _have_folder_for_sockets() -> None:
    """Let multiprocessing make its own folder, once for a process, where sockets can be."""
    config = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    if config.get("tempdir") is not None:
        return
    before = tempfile.tempdir
    tried = []
    try:
        for folder in _folders():
            if fault := _fault_of(folder):
                tried.append(f"{folder} ({fault})")
                continue
            tempfile.tempdir = folder
            util.get_temp_dir()
            return
    finally:
        tempfile.tempdir = before
    raise WorkerError(
        f"no folder can hold the socket of worker processes: {', '.join(tried)}; set TMPDIR to a "
        "folder with a short path on a local disk that you can write to"
    )


def _folders() -> Iterator[str]:
    with suppress(FileNotFoundError):  # all folders of temporary files are closed
        yield tempfile.gettempdir()
    for folder in (os.environ.get("XDG_RUNTIME_DIR"), "/tmp", "/var/tmp", "/dev/shm"):
        if folder and Path(folder).is_dir():
            yield folder


def _fault_of(folder: str) -> str | None:
    """Why there can be no socket as long as multiprocessing's in `folder`, if so."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="pymp-", dir=folder) as own,
            socket.socket(socket.AF_UNIX) as listener,
        ):
            listener.bind(str(Path(own, "listener-abcdefgh")))
    except OSError as error:
        return error.strerror or str(error)
    return None
