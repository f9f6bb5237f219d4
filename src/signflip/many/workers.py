"""A function over many items in worker processes, results as they come.

Each attack runs in a process of its own kind even with one worker: a solver that ignores its time
limit, or crashes, then costs one result and not the run, and Ctrl-C is heard at once.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Generic, Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from signflip.errors import SettingError, WorkerError
from signflip.many import fork_server
from signflip.many.interrupts import TERMINAL_SIGNALS, undisturbed

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_BROKEN = 3
"""How often in a row all processes may die without a result before the run is given up."""


@dataclass(frozen=True)
class Failure:
    """An item without a result.

    Attributes:
        reason: what happened, as a sentence.
        died: whether the item's process ended by itself: another try may do better.
    """

    reason: str
    died: bool = field(default=False, compare=False)


def check_workers(workers: int) -> None:
    """Refuse a number of worker processes that cannot be.

    Raises:
        SettingError: it is below 1.
    """
    if workers < 1:
        raise SettingError(f"the number of workers is {workers}; it must be at least 1")


def run_in_processes(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    limit: Callable[[Item], float | None],
    retries: int = 0,
) -> Generator[tuple[Item, Result | Failure]]:
    """Apply `function` to each item in worker processes; yield pairs in the order they finish.

    A generator: closing it, or an exception in it, ends the workers. Items are taken from `items`
    only as workers get free.

    Args:
        function: a function of a module (it is pickled), like its items and results.
        items: what to apply it to.
        workers: number of processes.
        limit: seconds after which an item's process is ended, or None.
        retries: how often an item is tried again whose process ended by itself.

    Raises:
        SettingError: `workers` is below 1.
        WorkerError: the processes cannot be had.
        Exception: what `function` raised.
    """
    with WorkerPool(workers) as pool:
        yield from pool.run(function, items, limit=limit, retries=retries)


class WorkerPool:
    """Worker processes that are kept from one run to the next; a context manager.

    One run at a time; only `cancel` may be called from another thread meanwhile.

    Args:
        workers: number of processes; they start with the first run, no more than it has items.
        common: what each process gets once, and `common` returns there.

    Raises:
        SettingError: `workers` is below 1.
    """

    def __init__(self, workers: int, common: object = None) -> None:
        check_workers(workers)
        self._common = common
        self._workers = self._size = workers
        self._pool: ProcessPool | None = None
        self._closed = False
        self._running: dict[Future[Any], Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._closed = True
        self._end()

    def cancel(self) -> None:
        """End what a run in another thread is at; that run raises CancelledError."""
        for future in tuple(self._running):
            future.cancel()

    def run(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        limit: Callable[[Item], float | None],
        retries: int = 0,
    ) -> Generator[tuple[Item, Result | Failure]]:
        """Apply `function` to each item, as `run_in_processes` does."""
        rounds = self.run_together(function, items, limit=limit, retries=retries)
        with closing(rounds):
            for together in rounds:
                yield from together

    def run_together(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        limit: Callable[[Item], float | None],
        retries: int = 0,
    ) -> Generator[list[tuple[Item, Result | Failure]]]:
        """As `run`; yields those together that have come by the time they are asked for.

        `items` may have some again after it had none, as long as results come. An item that is
        running when the generator is closed is ended with its process, a waiting one is dropped.
        """

        def trial_of(item: Item) -> _Trial[Item]:
            return _Trial(item, limit(item), retries)

        waiting = map(trial_of, iter(items))  # no generator: that would be over once it is empty
        most = 2 * self._workers  # so that no process has to wait for its next item
        running: dict[Future[Result], _Trial[Item]] = self._running
        broken = 0

        def submit(some: Iterable[_Trial[Item]]) -> None:
            for trial in some:
                running[self._schedule(function, trial.item, trial.limit)] = trial

        def submit_again() -> None:
            lost = list(running.values())
            running.clear()
            submit(lost)

        try:
            first = list(islice(waiting, most))
            self._fit(len(first))
            submit(first)
            while running:
                together: list[tuple[Item, Result | Failure]] = []
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    if future not in running:  # it was submitted again
                        continue
                    trial = running[future]
                    try:
                        result: Result | Failure = _result_of(future, trial.limit)
                    except BrokenProcessPool as error:
                        broken += 1
                        self._end_broken(broken, error)
                        submit_again()
                        break
                    except Exception:
                        if together:  # what came with it is not lost
                            yield together
                        raise
                    broken = 0
                    del running[future]
                    if _server_was_lost(future):  # its orphans may hold locks of the pool
                        self._end()
                        submit_again()
                    if isinstance(result, Failure) and result.died and trial.retries:
                        submit([replace(trial, retries=trial.retries - 1)])
                    else:
                        together.append((trial.item, result))
                if together:
                    yield together
                submit(islice(waiting, most - len(running)))
        finally:
            self.cancel()
            running.clear()

    def _schedule(
        self, function: Callable[[Item], Result], item: Item, limit: float | None
    ) -> Future[Result]:
        try:
            pool = self._made_pool()
            with undisturbed():  # pebble starts its processes with the first item: all or none
                return pool.schedule(function, args=(item,), timeout=limit)
        except RuntimeError as error:  # broken: seen where the result is taken
            future: Future[Result] = Future()
            future.set_exception(BrokenProcessPool(str(error)))
            return future

    def _fit(self, items: int) -> None:
        """Have as many processes as so many first items can use."""
        size = max(1, min(self._workers, items))
        if self._pool is None or size > self._size:
            self._end()
            self._size = size

    def _made_pool(self) -> ProcessPool:
        """The pool, made where there is none."""
        if self._closed:
            raise BrokenProcessPool("the worker processes were ended")
        if self._pool is None:
            try:
                fork_server.wait()
            except (OSError, EOFError) as error:
                raise BrokenProcessPool(f"no process can be started: {error}") from error
            self._pool = ProcessPool(
                max_workers=self._size,
                context=fork_server.context(),
                initializer=_start_worker,
                initargs=(dict(os.environ), self._common),
            )
        return self._pool

    def _end_broken(self, broken: int, cause: BrokenProcessPool) -> None:
        # pebble gives its pool up if a process dies that has no item, or has just got it
        if self._closed:
            raise WorkerError("the worker processes were ended") from cause
        self._end()
        if broken == MOST_BROKEN:
            raise WorkerError(
                f"worker processes died {broken} times in a row before they had a result; what "
                "they wrote to stderr says why (a script that starts them needs its main code "
                "under `if __name__ == '__main__':`)"
            ) from cause

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None


@dataclass(frozen=True, eq=False)
class _Trial(Generic[Item]):
    item: Item
    limit: float | None
    retries: int


def _result_of(future: Future[Result], limit: float | None) -> Result | Failure:
    try:
        return future.result()
    except TimeoutError:
        return Failure(f"its process was ended, since it went on for {limit:g} s")
    except ProcessExpired as error:
        return Failure(f"its process ended by itself with code {error.exitcode}", died=True)


def _server_was_lost(future: Future[Any]) -> bool:
    error = future.exception()
    return isinstance(error, ProcessExpired) and error.exitcode == fork_server.LOST


def common() -> Any:
    """What the pool of this process was given for all its processes."""
    return _common


_common: object = None


def _start_worker(environment: Mapping[str, str], given: object) -> None:
    global _common
    _common = given
    # the parent answers what goes to the whole group of processes, and ends its workers
    for number in TERMINAL_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    # that of the server may be older
    os.environ.clear()
    os.environ.update(environment)
    from threadpoolctl import threadpool_limits  # looks for libraries: only workers need it

    # workers would fight for cores, and the number of threads changes how sums round
    threadpool_limits(limits=1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent, forked_by = multiprocessing.parent_process(), os.getppid()
    if parent is not None:
        while parent.is_alive() and os.getppid() == forked_by:
            parent.join(timeout=1.0)  # returns when the parent is gone, also after kill -9
        os._exit(1)
