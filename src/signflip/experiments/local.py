"""Tasks on this machine: one process per worker."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Self

from signflip.chunks import run_in_chunks
from signflip.experiments.executor import Answers
from signflip.experiments.shipped import HardLimits, Shipped, kind_of, packed, run_shipped
from signflip.experiments.task import Task
from signflip.network import BinaryNetwork
from signflip.workers import WorkerPool


class LocalExecutor:
    """Runs tasks in processes of this machine; see `Executor`.

    A process has one thread for its solver. One that goes beyond a task's hard limit is ended, and
    the task fails; of one that ends by itself the task is tried once more.

    As a context manager it has its processes from the start to the end of the context: they get
    ready while the tasks are planned. Else it has them while it runs.

    Args:
        workers: number of processes.

    Raises:
        SettingError: `workers` is below 1.
    """

    def __init__(self, *, workers: int = 1) -> None:
        self._workers = workers
        self._pool = self._new_pool()
        self._entered = False

    def __enter__(self) -> Self:
        self._entered = True
        self._pool.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def run(self, tasks: Iterable[Task], networks: Mapping[str, BinaryNetwork]) -> Answers:
        """Run each task; see `Executor.run`."""
        if self._entered:
            yield from _run(self._pool, tasks, networks)
            return
        with self._new_pool() as pool:
            yield from _run(pool, tasks, networks)

    def _new_pool(self) -> WorkerPool:
        return WorkerPool(self._workers, _get_ready)


def _run(pool: WorkerPool, tasks: Iterable[Task], networks: Mapping[str, BinaryNetwork]) -> Answers:
    limits = HardLimits()
    files = packed(networks)
    answers = run_in_chunks(
        run_shipped,
        (Shipped(task=task, network=files[task.network]) for task in tasks),
        pool,
        limit=limits.of,
        kind=lambda shipped: kind_of(shipped.task),
        retries=1,
    )
    for together in answers:
        for shipped, _ in together:
            limits.answered(shipped)
        yield [(shipped.task, answer) for shipped, answer in together]


def _get_ready() -> None:
    import_module("signflip.methods")  # which takes longer than most short tasks do
