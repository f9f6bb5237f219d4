"""The client's side of a run on a Dask cluster: chunks go out, answers come back."""

import logging
import pickle
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count, islice
from queue import Empty, SimpleQueue
from uuid import uuid4

from distributed import CancelledError, Client, Future
from distributed.scheduler import KilledWorker

from signflip.errors import WorkerError
from signflip.many.answer import versions
from signflip.many.chunks import Chunk, Queue, Reply, packed
from signflip.many.dask_security import check_security
from signflip.many.dask_worker import CHUNK, Processes, other_version, run_on_worker
from signflip.many.executor import Answers
from signflip.many.task import Task
from signflip.many.workers import Failure
from signflip.network import BinaryNetwork

CONNECTION = 10.0
"""Seconds within which a scheduler has to answer at first."""

SILENCE = 30.0
"""Seconds within which a scheduler has to answer later on, when it may be busy."""

GLANCE = 2.0
"""Seconds between two looks at what workers there are."""

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
        self._plugin = Processes(self._version, packed(networks))
        self._tasks = tasks
        self._out: dict[Future[bytes], Chunk] = {}
        # Dask blames a worker's death on all that it had, so who is blamed runs with nothing else
        self._blamed: deque[Task] = deque()
        self._alone: Future[bytes] | None = None
        self._back: SimpleQueue[Future[bytes]] = SimpleQueue()
        self._numbers = count()
        self._threads = 0
        self._glanced = -GLANCE
        self._deserted: float | None = None

    def answers(self) -> Answers:
        """Run all tasks."""
        try:
            self._equip()
            self._glance()
            self._waiting = Queue(self._tasks, max(1, self._threads), CHUNK)
            while True:
                self._glance()
                self._submit()
                if not (self._out or self._blamed or self._waiting):
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

    def _equip(self) -> None:
        """Send the workers what they need, also those that join later."""
        ours = pickle.dumps(run_on_worker)
        found = self._client.run(pickle.loads, ours, on_error="return", callback_timeout=SILENCE)
        for worker, its in found.items():
            if isinstance(its, ImportError):
                raise other_version(worker, "no Signflip", self._version) from its
        self._client.register_plugin(self._plugin, name=self._name)

    def _submit(self) -> None:
        """Keep each thread of the workers busy, and a chunk waiting for it."""
        if self._blamed:
            if not self._out:
                self._alone = self._send((self._blamed.popleft(),))
            return
        if self._alone not in self._out:
            for chunk in islice(self._waiting, max(0, 2 * self._threads - len(self._out))):
                self._send(chunk)

    def _send(self, chunk: Chunk) -> Future[bytes]:
        key = (self._name, next(self._numbers))
        future = self._client.submit(run_on_worker, self._name, pickle.dumps(chunk), key=key)
        self._out[future] = chunk
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
        if answers := self._waiting.taken_apart(self._out.pop(future), reply):
            yield answers

    def _failures_of(self, future: Future[bytes]) -> Answers:
        error = future.exception(timeout=CONNECTION)  # type: ignore[no-untyped-call]
        chunk = self._out.pop(future)
        if isinstance(error, KilledWorker):
            if future is self._alone:
                workers = error.allowed_failures + 1
                reason = f"the Dask workers that ran it died, {workers} of them"
                yield [(chunk[0], Failure(reason, died=True))]
            else:
                self._blamed.extend(chunk)
        elif isinstance(error, OSError):  # of the worker's machine, not of the connection
            raise WorkerError(f"a Dask worker cannot go on: {error}") from error
        else:
            raise error

    def _glance(self) -> None:
        """See what workers there are, if the scheduler is still there."""
        now = time.monotonic()
        if now - self._glanced < GLANCE:
            return
        if self._client.status != "running":
            raise self._lost("its connection broke")
        try:
            threads: dict[str, int] = self._client.nthreads(callback_timeout=SILENCE)  # type: ignore[no-untyped-call]
        except TimeoutError as error:
            raise self._lost(f"it has not answered for {SILENCE:g} s") from error
        self._threads = sum(threads.values())
        self._glanced = time.monotonic()
        self._watch_desertion(now)

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
            with suppress(ValueError, KeyError):  # the scheduler, or a worker, had none
                self._client.unregister_worker_plugin(self._name)  # type: ignore[no-untyped-call]
        except OSError:  # TimeoutError is one
            _log.warning("the cluster did not answer when its work was called off")
