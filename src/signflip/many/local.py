"""Tasks on this machine: one process per worker."""

from collections.abc import Iterable, Mapping, Sequence

from signflip.many import fork_server
from signflip.many.chunks import HardLimits, Queue, packed, run_chunk
from signflip.many.executor import Answers
from signflip.many.task import Task
from signflip.many.workers import WorkerPool, check_workers
from signflip.network import BinaryNetwork


class LocalExecutor:
    """Runs tasks in processes of this machine; see `Executor`.

    A process has one thread for its solver. One that goes beyond a task's hard limit is ended, and
    the task fails; of one that ends by itself the task is tried once more.

    Args:
        workers: number of processes.
        imports: what they import before they have anything to do.

    Raises:
        SettingError: `workers` is below 1.
    """

    def __init__(self, *, workers: int = 1, imports: Sequence[str] = fork_server.SEARCH) -> None:
        check_workers(workers)
        self._workers = workers
        self._imports = imports

    def run(self, tasks: Iterable[Task], networks: Mapping[str, BinaryNetwork]) -> Answers:
        """Run each task; see `Executor.run`."""
        fork_server.start(self._imports)
        queue, limits = Queue(tasks, self._workers), HardLimits()
        with WorkerPool(self._workers, common=packed(networks)) as pool:
            for together in pool.run_together(run_chunk, queue, limit=limits.of, retries=1):
                answers = []
                for chunk, reply in together:
                    limits.answered(chunk, reply)
                    answers += queue.taken_apart(chunk, reply)
                if answers:
                    yield answers
