"""A function over many items in worker processes, results as they come.

Each attack runs in a process of its own kind even with one worker: a solver that ignores its time
limit, or crashes, then costs one result and not the run, and Ctrl-C is heard at once.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool
from threadpoolctl import threadpool_limits

from signflip.errors import SettingError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Failure:
    """An item without a result.

    Attributes:
        reason: what happened, as a sentence.
    """

    reason: str


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
) -> Generator[tuple[Item, Result | Failure]]:
    """Apply `function` to each item in worker processes; yield pairs in the order they finish.

    A generator: closing it, or an exception in it, ends the workers. Items are taken from `items`
    only as workers get free.

    Args:
        function: a function of a module (it is pickled), like its items and results.
        items: what to apply it to.
        workers: number of processes.
        limit: seconds after which an item's process is ended, or None.

    Raises:
        SettingError: `workers` is below 1.
        Exception: what `function` raised.
    """
    check_workers(workers)
    pool = ProcessPool(
        max_workers=workers,
        # a forked process inherits locks that the parent's threads hold
        context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
    )
    waiting = iter(items)
    running: dict[Future[Result], Item] = {}

    def submit(count: int) -> None:
        for item in islice(waiting, count):
            running[pool.schedule(function, args=(item,), timeout=limit(item))] = item

    try:
        submit(2 * workers)  # one more than it runs for each, so that none has to wait
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                item = running.pop(future)
                submit(1)
                result: Result | Failure = _result_of(future, limit(item))
                yield item, result
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _result_of(future: Future[Result], limit: float | None) -> Result | Failure:
    try:
        return future.result()
    except TimeoutError:
        return Failure(f"its process was ended, since it went on for {limit:g} s")
    except ProcessExpired as error:
        return Failure(f"its process ended by itself with code {error.exitcode}")


def _start_worker() -> None:
    # Ctrl-C goes to the whole group of processes; the parent answers it, and ends its workers
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # workers would fight for cores, and the number of threads changes how sums round
    threadpool_limits(limits=1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # returns when the parent is gone, also after kill -9
        os._exit(1)
