"""Tasks on this machine: one process per worker."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from signflip.experiments.executor import Answers
from signflip.experiments.shipped import HardLimits, Shipped, packed, run_shipped
from signflip.experiments.task import Task
from signflip.network import BinaryNetwork
from signflip.workers import run_in_processes


@dataclass(frozen=True, kw_only=True)
class LocalExecutor:
    """Runs tasks in processes of this machine; see `Executor`.

    A process has one thread for its solver. One that goes beyond a task's hard limit is ended, and
    the task fails; of one that ends by itself the task is tried once more.

    Attributes:
        workers: number of processes.
    """

    workers: int = 1

    def run(self, tasks: Iterable[Task], networks: Mapping[str, BinaryNetwork]) -> Answers:
        """Run each task; see `Executor.run`."""
        limits = HardLimits()
        files = packed(networks)
        answers = run_in_processes(
            run_shipped,
            (Shipped(task=task, network=files[task.network]) for task in tasks),
            workers=self.workers,
            limit=limits.of,
            retries=1,
        )
        try:
            for shipped, answer in answers:
                limits.answered(shipped)
                yield shipped.task, answer
        finally:
            answers.close()
