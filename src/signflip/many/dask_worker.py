"""What runs inside a Dask worker: chunks of tasks, in processes that can be ended.

A Dask task runs in a thread, which nothing can end. So each thread hands its tasks to a process of
its own, kept from chunk to chunk, as on one machine.
"""

import multiprocessing
import pickle
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import partial

from distributed import Reschedule, Worker, WorkerPlugin, get_worker

from signflip.errors import WorkerError
from signflip.many import fork_server
from signflip.many.chunks import chunk_limit, run_chunk
from signflip.many.record import Record
from signflip.many.shipped import HardLimits, Shipped, run_shipped
from signflip.many.task import Task
from signflip.many.workers import Failure, WorkerPool

NAME = "signflip"
"""The plugin's name in the Dask worker."""

RECEPTION = 120.0
"""Seconds within which a worker that has joined gets the networks."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Chunk:
    """Tasks that a worker runs in one go.

    Attributes:
        run: name of the run that it belongs to.
        tasks: the tasks.
        seconds: no task is begun after that time.
    """

    run: str
    tasks: tuple[Task, ...]
    seconds: float


Reply = list[tuple[Record | Failure, float]] | Failure
"""What came of the first tasks of a chunk, with their seconds; the others were not begun. Or why
their process ended."""


async def receive(run: str, networks: Mapping[str, bytes], dask_worker: Worker) -> None:
    """Get a Dask worker ready for a run's chunks.

    Args:
        run: the run's name.
        networks: of all its tasks, as `packed` makes them.
        dask_worker: the worker, given by Dask.
    """
    if NAME not in dask_worker.plugins:
        await dask_worker.plugin_add(Processes(), name=NAME, catch_errors=False)
    _processes(dask_worker).networks[run] = networks


def run_tasks(chunk: bytes) -> bytes:
    """Run the tasks of a chunk until its time is spent.

    Args:
        chunk: a pickled `Chunk`. Bytes, since Dask looks for its own objects in all else.

    Returns:
        A pickled `Reply`.

    Raises:
        WorkerError: this worker has no networks, or cannot have processes.
        MissingExtraError: a solver's package is not installed here.
    """
    unpacked: Chunk = pickle.loads(chunk)
    processes = _received(unpacked.run)
    networks = processes.networks[unpacked.run]
    shipped = [Shipped(task=task, network=networks[task.case.network]) for task in unpacked.tasks]
    process = processes.take(unpacked.run)
    try:
        return pickle.dumps(process.run(shipped, unpacked.seconds))
    except CancelledError as error:  # this worker closes; or nobody wants the answer any more
        raise Reschedule from error
    finally:
        processes.give_back(process)


def end_run(run: str, dask_worker: Worker) -> None:
    """Forget a run, and end what this Dask worker still does for it."""
    if NAME in dask_worker.plugins:
        _processes(dask_worker).end(run)


class GuardedProcess:
    """A process for one chunk at a time, which is ended if a task goes beyond its hard limit."""

    def __init__(self) -> None:
        self._pool = WorkerPool(1)
        self._limits = HardLimits()

    def run(self, shipped: Sequence[Shipped], seconds: float) -> Reply:
        """Run tasks until their time is spent; if the process ends by itself, once more."""
        ((_, reply),) = self._pool.run(
            partial(run_chunk, run_shipped, seconds=seconds),
            [shipped],
            limit=partial(chunk_limit, self._limits.of, seconds=seconds),
            retries=1,
        )
        if not isinstance(reply, Failure):
            for item in shipped[: len(reply)]:
                self._limits.answered(item)
        return reply

    def cancel(self) -> None:
        """End what it does."""
        self._pool.cancel()

    def close(self) -> None:
        """End the process."""
        self._pool.close()


class Processes(WorkerPlugin):
    """What a Dask worker keeps: a guarded process for each chunk that runs at once, and networks.

    Attributes:
        networks: name of a run -> its networks, as `packed` makes them.
        ended: names of the last runs that are over.
    """

    def __init__(self) -> None:
        self.networks: dict[str, Mapping[str, bytes]] = {}
        self.ended: deque[str] = deque(maxlen=100)
        self._lock = threading.Lock()
        self._idle: list[GuardedProcess] = []
        self._busy: dict[GuardedProcess, str] = {}
        self._closed = False

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 (Dask's protocol)
        """Make it possible that a Dask worker has processes, and get ready for them."""
        # Dask's nanny starts its worker as a daemon, and a daemon may have no children, lest they
        # outlive it. These end with their parent by themselves, see `workers`.
        process = multiprocessing.current_process()
        if process.daemon:
            process.daemon = False
        fork_server.start(fork_server.SEARCH)

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002 (Dask's protocol)
        """End all processes; the Dask worker would wait for them."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for process in busy:
            process.cancel()
        for process in idle:
            process.close()

    def take(self, run: str) -> GuardedProcess:
        """A process that is free, for a chunk of `run`."""
        with self._lock:
            process = self._idle.pop() if self._idle else GuardedProcess()
            self._busy[process] = run
        return process

    def give_back(self, process: GuardedProcess) -> None:
        """The process is free again."""
        with self._lock:
            del self._busy[process]
            if not self._closed:
                self._idle.append(process)
                return
        process.close()

    def end(self, run: str) -> None:
        """Forget `run`, and end what processes do for it."""
        self.ended.append(run)
        self.networks.pop(run, None)
        with self._lock:
            busy = [process for process, name in self._busy.items() if name == run]
        for process in busy:
            process.cancel()


def _processes(worker: Worker) -> Processes:
    plugin = worker.plugins[NAME]
    assert isinstance(plugin, Processes)
    return plugin


def _received(run: str) -> Processes:
    """What this thread's Dask worker keeps, once it has the networks of the run."""
    worker = get_worker()
    end = time.monotonic() + RECEPTION
    while NAME not in worker.plugins or run not in _processes(worker).networks:
        over = NAME in worker.plugins and run in _processes(worker).ended
        if over or time.monotonic() > end:
            raise WorkerError(
                f"the Dask worker {worker.address} got no networks for its run within "
                f"{RECEPTION:g} s; see whether the command that runs the sweep was stopped"
            )
        time.sleep(0.05)  # a worker that has just joined may get a chunk before them
    return _processes(worker)
