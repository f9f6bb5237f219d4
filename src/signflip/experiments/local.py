"""Tasks on this machine: one process per worker."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from signflip.attack import Preparing
from signflip.experiments.executor import Answers
from signflip.experiments.shipped import Shipped, packed, run_shipped
from signflip.experiments.task import Task
from signflip.network import BinaryNetwork
from signflip.workers import run_in_processes

PREPARATION = 600.0
"""Seconds that a task may take beyond its hard limit as long as its kind of method has not answered
yet: the first ones of all may have to compile the method, each in its process."""


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
        prepared: set[type] = set()

        def limit(shipped: Shipped) -> float:
            method = shipped.task.method
            unprepared = isinstance(method, Preparing) and type(method) not in prepared
            return shipped.hard_limit + (PREPARATION if unprepared else 0.0)

        files = packed(networks)
        answers = run_in_processes(
            run_shipped,
            (Shipped(task=task, network=files[task.network]) for task in tasks),
            workers=self.workers,
            limit=limit,
            retries=1,
        )
        try:
            for shipped, answer in answers:
                prepared.add(type(shipped.task.method))
                yield shipped.task, answer
        finally:
            answers.close()
