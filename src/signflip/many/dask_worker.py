"""What runs inside a Dask worker: chunks of tasks, in processes that can be ended.

A Dask task runs in a thread, which nothing can end. So each thread hands its tasks to a process of
its own, kept from chunk to chunk, as on one machine.
"""

import multiprocessing
import pickle
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError
from functools import partial

from distributed import Reschedule, Worker, WorkerPlugin, get_worker

from signflip.errors import WorkerError
from signflip.many import fork_server
from signflip.many.answer import versions
from signflip.many.chunks import Chunk, HardLimits, Reply, run_chunk
from signflip.many.workers import WorkerPool

CHUNK = 0.5
"""Seconds of work in a chunk: enough that shipping costs little, few enough to be lost lightly."""


def run_on_worker(run: str, chunk: bytes) -> bytes:
    """Run the tasks of a chunk until its time is spent.

    Args:
        run: name of the run, and of its plugin.
        chunk: a pickled `Chunk`. Bytes, since Dask looks for its own objects in all else.

    Returns:
        A pickled `Reply`.

    Raises:
        WorkerError: this worker has another version, or cannot have processes.
        MissingExtraError: a solver's package is not installed here.
    """
    plugin = get_worker().plugins.get(run)
    if not isinstance(plugin, Processes):
        time.sleep(0.05)
        raise Reschedule  # this worker has just joined, or the run is over
    return pickle.dumps(plugin.run(pickle.loads(chunk)))


class Processes(WorkerPlugin):
    """What a Dask worker has for a run: its networks, and a process for each chunk at once.

    Dask sends it to each worker once, also to those that join later.

    Args:
        version: of Signflip, which the worker must have too.
        networks: of all tasks, as `packed` makes them.
    """

    def __init__(self, version: str, networks: Mapping[str, bytes]) -> None:
        self._version = version
        self._networks = networks

    def setup(self, worker: Worker) -> None:
        """Make it possible that a Dask worker has processes, and get ready for them."""
        self._fault: WorkerError | None = None
        self._lock = threading.Lock()
        self._idle: list[_GuardedProcess] = []
        self._busy: set[_GuardedProcess] = set()
        self._closed = False
        # Dask's nanny starts its worker as a daemon, and a daemon may have no children, lest they
        # outlive it. These end with their parent by themselves, see `workers`.
        process = multiprocessing.current_process()
        if process.daemon:
            process.daemon = False
        its = versions().get("signflip", "of no version")
        if its != self._version:
            self._fault = other_version(worker.address, f"Signflip {its}", self._version)
        try:
            fork_server.start(fork_server.SEARCH)
        except WorkerError as error:
            self._fault = error

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002 (Dask's protocol)
        """End all processes: the run is over, or the worker closes, and would wait for them."""
        with self._lock:
            self._closed = True
            idle, busy = self._idle, list(self._busy)
            self._idle = []
        for process in busy:
            process.pool.cancel()
        for process in idle:
            process.pool.close()

    def run(self, chunk: Chunk) -> Reply:
        """Run tasks until their time is spent; if their process ends by itself, once more.

        Raises:
            WorkerError: this worker has another version, or cannot have processes.
        """
        if self._fault is not None:
            raise self._fault
        with self._lock:
            process = self._idle.pop() if self._idle else _GuardedProcess(self._networks)
            self._busy.add(process)
        try:
            return process.run(chunk)
        except CancelledError as error:  # this worker closes; or nobody wants the answer any more
            raise Reschedule from error
        finally:
            with self._lock:
                self._busy.remove(process)
                closed = self._closed
                if not closed:
                    self._idle.append(process)
            if closed:
                process.pool.close()


def other_version(worker: str, its: str, ours: str) -> WorkerError:
    """The error of a worker that has another version of Signflip, or none."""
    return WorkerError(
        f"the Dask worker {worker} has {its}, this is {ours}; install signflip=={ours} there, with "
        "the same extras, and start it again"
    )


class _GuardedProcess:
    """A process for one chunk at a time, which is ended if a task goes beyond its hard limit."""

    def __init__(self, networks: Mapping[str, bytes]) -> None:
        self.pool = WorkerPool(1, common=networks)
        self._limits = HardLimits(CHUNK)

    def run(self, chunk: Chunk) -> Reply:
        ((_, reply),) = self.pool.run(
            partial(run_chunk, seconds=CHUNK), [chunk], limit=self._limits.of, retries=1
        )
        self._limits.answered(chunk, reply)
        return reply
