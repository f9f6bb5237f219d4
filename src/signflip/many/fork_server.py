"""Where worker processes come from: a server that has imported what they need, and forks.

A forked process inherits the locks that its parent's threads hold. The server has no threads that
hold any, and imports once for all workers. Elsewhere than on Linux, system libraries forbid even
that, and each worker is a fresh process.
"""

import multiprocessing.forkserver
import sys
from collections.abc import Sequence
from multiprocessing.context import (
    ForkServerContext,
    ForkServerProcess,
    SpawnContext,
    SpawnProcess,
)
from typing import Any

from signflip.many.surroundings import fit_for_processes

TASKS = ("signflip.many.chunks",)
SEARCH = (*TASKS, "signflip.many.prepared")
"""What to import for workers that may run any method, and for those that run the exact one."""

LOST = 255
"""Exit code that multiprocessing makes up for a worker whose server was killed."""

_FORKS = sys.platform == "linux"


class _Forked(ForkServerProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 (multiprocessing's name)
        _ensure_server()  # where it was lost
        return ForkServerProcess._Popen(process_obj)


class _Spawned(SpawnProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 (multiprocessing's name)
        with fit_for_processes():
            return SpawnProcess._Popen(process_obj)


class _ForkingContext(ForkServerContext):
    Process = _Forked


class _SpawningContext(SpawnContext):
    Process = _Spawned


_FORKING, _SPAWNING = _ForkingContext(), _SpawningContext()


def context() -> ForkServerContext | SpawnContext:
    """What starts worker processes."""
    with fit_for_processes():
        pass  # locks of the context need the tracker of resources, which is started
    return _FORKING if _FORKS else _SPAWNING


def start(imports: Sequence[str]) -> None:
    """Have the server got ready in the background, unless it is there already.

    Args:
        imports: modules that take long to import. A worker that needs others imports them itself.

    Raises:
        WorkerError: no process can be started here.
    """
    if not _FORKS:
        return
    multiprocessing.forkserver.set_forkserver_preload(list(imports))
    _ensure_server()


def wait() -> None:
    """Wait until the server forks at once, by having it fork once.

    Who is interrupted while the server imports has asked it for a process, and is gone when it
    forks. This one has nothing to miss then; a worker would miss its pool, and say so.
    """
    if _FORKS:
        context().Process(target=_nothing, daemon=True).start()


def _ensure_server() -> None:
    with fit_for_processes():
        multiprocessing.forkserver.ensure_running()


def _nothing() -> None:
    pass
