"""Tasks on this machine: one process per worker."""

from collections.abc import Iterable, Mapping

from signflip.many import fork_server
from signflip.many.chunks import run_in_chunks
from signflip.many.executor import Answers
from signflip.many.shipped import HardLimits, Shipped, kind_of, packed, run_shipped
from signflip.many.task import Task
from signflip.many.workers import WorkerPool, check_workers
from signflip.network import BinaryNetwork


class LocalExecutor:
    """Runs tasks in processes of this machine; see `Executor`.

    A process has one thread for its solver. One that goes beyond a task's hard limit is ended, and
    the task fails; of one that ends by itself the task is tried once more.

    Args:
        workers: number of processes.

    Raises:
        SettingError: `workers` is below 1.
    """

    def __init__(self, *, workers: int = 1) -> None:
        check_workers(workers)
        self._workers = workers

    def run(self, tasks: Iterable[Task], networks: Mapping[str, BinaryNetwork]) -> Answers:
        """Run each task; see `Executor.run`."""
        fork_server.start(fork_server.SEARCH)
        with WorkerPool(self._workers) as pool:
            yield from _run(pool, tasks, networks)


def _run(pool: WorkerPool, tasks: Iterable[Task], networks: Mapping[str, BinaryNetwork]) -> Answers:
    limits = HardLimits()
    files = packed(networks)
    answers = run_in_chunks(
        run_shipped,
        (Shipped(task=task, network=files[task.case.network]) for task in tasks),
        pool,
        limit=limits.of,
        kind=lambda shipped: kind_of(shipped.task),
        retries=1,
    )
    for together in answers:
        for shipped, _ in together:
            limits.answered(shipped)
        yield [(shipped.task, answer) for shipped, answer in together]
