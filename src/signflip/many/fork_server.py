"""Where worker processes come from: a server that has imported what they need, and forks.

A forked process inherits the locks that its parent's threads hold. The server has no threads that
hold any, and imports once for all workers. Elsewhere than on Linux, system libraries forbid even
that, and each worker is a fresh process.
"""

import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import signal
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext, SpawnContext

METHODS = ("signflip.methods",)
SEARCH = (*METHODS, "signflip.exact.warm")
"""What to import for workers that may run any method, and for those that run the exact one."""

LOST = 255
"""Exit code that multiprocessing makes up for a worker whose server was killed."""

_FORKS = sys.platform == "linux"


def context() -> ForkServerContext | SpawnContext:
    """What starts worker processes."""
    if _FORKS:
        return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")


def start(imports: Sequence[str]) -> None:
    """Have the server got ready in the background, unless it is there already.

    Args:
        imports: modules that take long to import. A worker that needs others imports them itself.
    """
    if not _FORKS:
        return
    multiprocessing.set_forkserver_preload(list(imports))
    multiprocessing.resource_tracker.ensure_running()  # which the server needs, and unblocks SIGINT
    # Ctrl-C goes to the whole group of processes; the server has no ear for it while it imports
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def wait() -> None:
    """Wait until the server forks at once, by having it fork once.

    Who is interrupted while the server imports has asked it for a process, and is gone when it
    forks. This one has nothing to miss then; a worker would miss its pool, and say so.
    """
    if _FORKS:
        context().Process(target=_nothing, daemon=True).start()


def _nothing() -> None:
    pass
