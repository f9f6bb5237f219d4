"""The client's side of a run on a Dask cluster: chunks go out, answers come back."""

import logging
import pickle
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from queue import Empty, SimpleQueue
from uuid import uuid4

from distributed import CancelledError, Client, Future
from distributed.scheduler import KilledWorker

from signflip.errors import SignflipError, WorkerError
from signflip.many.answer import versions
from signflip.many.chunks import Chunks
from signflip.many.dask_security import check_security
from signflip.many.dask_worker import Chunk, Reply, end_run, receive, run_tasks
from signflip.many.executor import Answers
from signflip.many.shipped import kind_of, packed
from signflip.many.task import Task
from signflip.many.workers import Failure
from signflip.network import BinaryNetwork

CONNECTION = 10.0
"""Seconds within which a scheduler has to answer at first."""

SILENCE = 30.0
"""Seconds within which a scheduler has to answer later on, when it may be busy."""

GLANCE = 2.0
"""Seconds between two looks at what workers there are."""

CHUNK = 0.5
"""Seconds of work in a chunk: enough that shipping costs little, few enough to be lost lightly."""

_log = logging.getLogger(__name__)
_dasks_log = logging.getLogger("distributed.client")


def run_on_cluster(
    address: str,
    tasks: Iterable[Task],
    networks: Mapping[str, BinaryNetwork],
    *,
    patience: float,
) -> Answers:
    """Run tasks on a cluster; see `DaskExecutor.run`."""
    with _connected(address) as client:
        yield from _Run(client, address, tasks, networks, patience).answers()


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    check_security(address)
    try:
        client = Client(address, timeout=CONNECTION, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise WorkerError(
            f"no Dask scheduler answers at {address!r} ({' '.join(str(error).split())}); start one "
            "by `dask scheduler` and give the address that it shows"
        ) from error
    level = _dasks_log.level
    # a lost scheduler is told by an error; Dask would log two tracebacks besides
    _dasks_log.setLevel(logging.CRITICAL)
    try:
        yield client
    finally:
        client.close(timeout=CONNECTION)  # type: ignore[no-untyped-call]
        _dasks_log.setLevel(level)


class _Run:
    """One run: what waits, what is out, and what has come back."""

    def __init__(
        self,
        client: Client,
        address: str,
        tasks: Iterable[Task],
        networks: Mapping[str, BinaryNetwork],
        patience: float,
    ) -> None:
        self._client = client
        self._address = address
        self._patience = patience
        self._name = f"signflip-{uuid4().hex}"
        self._version = versions().get("signflip", "unknown")
        self._waiting = Chunks(tasks, kind_of, CHUNK)
        self._out: dict[Future[bytes], tuple[Task, ...]] = {}
        # Dask blames a worker's death on all that it had, so who is blamed runs with nothing else
        self._blamed: deque[Task] = deque()
        self._alone: Future[bytes] | None = None
        self._back: SimpleQueue[Future[bytes]] = SimpleQueue()
        self._numbers = count()
        self._networks = packed(networks)
        self._ready: set[str] = set()  # workers that have the networks
        self._threads = 0
        self._glanced = -GLANCE
        self._deserted: float | None = None

    def answers(self) -> Answers:
        """Run all tasks."""
        try:
            while True:
                self._glance()
                self._submit()
                if not (self._out or self._blamed or self._waiting.waits):
                    return
                try:
                    future = self._back.get(timeout=GLANCE)
                except Empty:
                    continue
                yield from self._answers_of(future)
        except OSError as error:
            raise self._lost("its connection broke") from error
        finally:
            self._leave()

    def _submit(self) -> None:
        """Keep each thread of the workers busy, and a chunk waiting for it."""
        if self._blamed:
            if not self._out:
                self._alone = self._send((self._blamed.popleft(),))
            return
        while len(self._out) < 2 * self._threads and self._alone not in self._out:
            tasks = tuple(self._waiting.next_chunk())
            if not tasks:
                return
            self._send(tasks)

    def _send(self, tasks: tuple[Task, ...]) -> Future[bytes]:
        chunk = Chunk(run=self._name, tasks=tasks, seconds=CHUNK)
        key = (self._name, next(self._numbers))
        future = self._client.submit(run_tasks, pickle.dumps(chunk), key=key)
        self._out[future] = tasks
        future.add_done_callback(self._back.put)  # type: ignore[no-untyped-call]
        return future

    def _answers_of(self, future: Future[bytes]) -> Answers:
        if future.status == "cancelled":
            raise self._lost("its connection broke")
        if future.status == "error":
            yield from self._failures_of(future)
            return
        try:
            reply: Reply = pickle.loads(future.result(timeout=CONNECTION))
        except TimeoutError:  # its worker was lost before the result was fetched: it runs again
            future.add_done_callback(self._back.put)  # type: ignore[no-untyped-call]
            return
        except CancelledError as error:
            raise self._lost("its connection broke") from error
        tasks = self._out.pop(future)
        if not isinstance(reply, Failure):
            yield self._waiting.taken_apart(tasks, reply)
        elif len(tasks) > 1:
            self._waiting.suspect(tasks)
        else:
            yield [(tasks[0], reply)]

    def _failures_of(self, future: Future[bytes]) -> Answers:
        error = future.exception(timeout=CONNECTION)  # type: ignore[no-untyped-call]
        tasks = self._out.pop(future)
        if not isinstance(error, KilledWorker):
            if not isinstance(error, SignflipError):
                self._glance(at_once=True)  # a worker that has just joined may be the cause
            if isinstance(error, OSError):  # of the worker's machine, not of the connection
                raise WorkerError(f"a Dask worker cannot go on: {error}") from error
            raise error
        if future is self._alone:
            workers = error.allowed_failures + 1
            reason = f"the Dask workers that ran it died, {workers} of them"
            yield [(tasks[0], Failure(reason, died=True))]
        else:
            self._blamed.extend(tasks)

    def _glance(self, *, at_once: bool = False) -> None:
        """See what workers there are, if the scheduler is still there; get new ones ready."""
        now = time.monotonic()
        if now - self._glanced < GLANCE and not at_once:
            return
        if self._client.status != "running":
            raise self._lost("its connection broke")
        try:
            threads: dict[str, int] = self._client.nthreads(callback_timeout=SILENCE)  # type: ignore[no-untyped-call]
        except TimeoutError as error:
            raise self._lost(f"it has not answered for {SILENCE:g} s") from error
        self._get_ready(threads.keys() - self._ready)
        self._threads = sum(threads.values())
        self._glanced = time.monotonic()
        self._watch_desertion(now)

    def _get_ready(self, workers: set[str]) -> None:
        """Check the workers' version, and give them the networks."""
        if not workers:
            return
        run = partial(
            self._client.run, workers=list(workers), on_error="return", callback_timeout=CONNECTION
        )
        try:
            for worker, its in run(version, "signflip").items():
                if isinstance(its, PackageNotFoundError):
                    raise _other_version(worker, "no Signflip", self._version)
                if isinstance(its, str) and its != self._version:
                    raise _other_version(worker, f"Signflip {its}", self._version)
            for worker, error in run(receive, self._name, self._networks).items():
                if error is None:
                    self._ready.add(worker)
                elif not isinstance(error, OSError):  # which means that it is gone again
                    raise _other_version(worker, "another Signflip", self._version) from error
        except TimeoutError:
            _log.warning("one of the Dask workers %s does not answer", ", ".join(sorted(workers)))

    def _watch_desertion(self, now: float) -> None:
        if self._threads:
            self._deserted = None
        elif self._deserted is None:
            self._deserted = now
            _log.warning(
                "the Dask scheduler at %s has no workers; waiting %g s for some, which "
                "`dask worker %s` starts",
                self._address,
                self._patience,
                self._address,
            )
        elif now - self._deserted > self._patience:
            raise WorkerError(
                f"the Dask scheduler at {self._address} has had no workers for "
                f"{self._patience:g} s; start some by `dask worker {self._address}`. What is "
                "finished is kept, and the same command goes on from there"
            )

    def _lost(self, how: str) -> WorkerError:
        return WorkerError(
            f"the Dask scheduler at {self._address} is lost: {how}; start it and its workers "
            "again. What is finished is kept, and the same command goes on from there"
        )

    def _leave(self) -> None:
        """End what is still out, and let the workers forget the run."""
        if self._client.status != "running":
            return
        try:
            self._client.cancel(list(self._out), force=True)  # type: ignore[no-untyped-call]
            self._client.run(end_run, self._name, on_error="ignore", callback_timeout=CONNECTION)
        except OSError:  # TimeoutError is one
            _log.warning("the cluster did not answer when its work was called off")


def _other_version(worker: str, its: str, ours: str) -> WorkerError:
    return WorkerError(
        f"the Dask worker {worker} has {its}, this is {ours}; install signflip=={ours} there, with "
        "the same extras, and start it again"
    )
