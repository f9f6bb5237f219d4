"""The loop of a sweep: what the store lacks is run, and each answer is stored as it comes."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from signflip.files import is_file
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
    """The tasks that the store has no row of; with `retry_failed`, or has a failed one of.

    And those whose answer is to have a proof, as it has one or could have one, and the file is not
    there.
    """
    done = store.keys(failed=not retry_failed)
    provable = store.provable() if any(task.proof is not None for task in tasks) else set()
    return tuple(
        task for task in tasks if task.key not in done or (task.key in provable and _lacks(task))
    )


def _lacks(task: Task) -> bool:
    return task.proof is not None and not is_file(task.proof)


def again_for_proofs(left: Sequence[Task], store: "Store") -> int:
    """How many of the tasks that are left have an answer already, and lack only its proof."""
    answered = store.keys(failed=False)
    return sum(task.key in answered for task in left)


def run_sweep(
    plan: Plan, tasks: Sequence[Task], store: "Store", executor: Executor
) -> Generator[Record]:
    """Run tasks of a plan; yields each record when it is in the store, as it is there.

    A generator: closing it ends the executor's work. What was stored stays, whatever happens.

    Args:
        plan: the plan.
        tasks: some of `plan.tasks()`, such as `tasks_left` gives.
        store: gets the records, and the networks and images that they name.
        executor: runs the tasks.

    Raises:
        SignflipError: the store cannot be written, or the executor cannot go on.
    """
    if not tasks:
        return  # a store that another process writes to is not waited for
    networks = {task.case.network: plan.networks[task.case.network] for task in tasks}
    with store.transaction():
        for key, network in networks.items():
            store.add_network(plan.names[key], network)
        for case in {task.case: None for task in tasks}:
            store.add_image(case.image)
    with closing(run_tasks(tasks, networks, executor)) as answers:
        for together in answers:
            with store.transaction():
                kept = [_keep(task, record, store) for task, record in together]
            yield from kept


def _keep(task: Task, record: Record, store: "Store") -> Record:
    """What the store has then: of an answer that was run again for its proof, it may be the old."""
    store.add(record, anew=task.proof is not None)
    if task.proof is None:
        return record
    (kept,) = store.records("WHERE key = ?", (task.key,))
    return kept
