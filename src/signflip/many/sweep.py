"""The loop of a sweep: what the store lacks is run, and each answer is stored as it comes."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from signflip.many.answer import failed_record
from signflip.many.executor import Executor
from signflip.many.local import LocalExecutor
from signflip.many.plan import Plan
from signflip.many.record import Record
from signflip.many.task import Task
from signflip.many.workers import Failure
from signflip.network import BinaryNetwork

if TYPE_CHECKING:
    from signflip.many.store import Store


def run_here(plan: Plan, *, workers: int) -> Generator[tuple[Task, Record]]:
    """Run all tasks of a plan in processes of this machine; pairs in the order they finish.

    Solvers use one thread in each. A single task of the exact method has `workers` threads instead.

    Raises:
        SettingError: `workers` is below 1.
        MissingExtraError: a solver's package is not installed.
    """
    executor, tasks = LocalExecutor(workers=workers), plan.tasks()
    if len(tasks) == 1:
        tasks = (tasks[0].with_threads(workers),)
    with closing(run_tasks(tasks, plan.networks, executor)) as answers:
        for together in answers:
            yield from together


def run_tasks(
    tasks: Iterable[Task], networks: Mapping[str, BinaryNetwork], executor: Executor
) -> Generator[Sequence[tuple[Task, Record]]]:
    """Run tasks; yields each with its record, those together that come together.

    A generator: closing it ends the executor's work.

    Args:
        tasks: taken as the executor has room for them.
        networks: `BinaryNetwork.digest` -> network, of all tasks.
        executor: runs them.
    """
    with closing(executor.run(tasks, networks)) as answers:
        for together in answers:
            yield [
                (
                    task,
                    failed_record(task, answer.reason, networks[task.case.network])
                    if isinstance(answer, Failure)
                    else answer,
                )
                for task, answer in together
            ]


def tasks_left(
    tasks: Sequence[Task], store: "Store", *, retry_failed: bool = False
) -> tuple[Task, ...]:
    """The tasks that the store has no row of; with `retry_failed`, or has a failed one of."""
    done = store.keys(failed=not retry_failed)
    return tuple(task for task in tasks if task.key not in done)


def run_sweep(
    plan: Plan, tasks: Sequence[Task], store: "Store", executor: Executor
) -> Generator[Record]:
    """Run tasks of a plan; yields each record when it is in the store.

    A generator: closing it ends the executor's work. What was stored stays, whatever happens.

    Args:
        plan: the plan.
        tasks: some of `plan.tasks()`, such as `tasks_left` gives.
        store: gets the records, and the networks and images that they name.
        executor: runs the tasks.

    Raises:
        SignflipError: the store cannot be written, or the executor cannot go on.
    """
    networks = {task.case.network: plan.networks[task.case.network] for task in tasks}
    with store.transaction():
        for key, network in networks.items():
            store.add_network(plan.names[key], network)
        for case in {task.case: None for task in tasks}:
            store.add_image(case.image)
    with closing(run_tasks(tasks, networks, executor)) as answers:
        for together in answers:
            with store.transaction():
                for _, record in together:
                    store.add(record)
            for _, record in together:
                yield record
