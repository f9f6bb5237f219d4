"""The loop of commands that work through many images: answers come and are kept, or are missing."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from signflip.cli.console import progress_bar, remarks
from signflip.cli.output import ResultFiles
from signflip.many.interrupts import undisturbed
from signflip.many.local import LocalExecutor
from signflip.many.plan import Plan
from signflip.many.record import Record
from signflip.many.sweep import again_for_proofs, run_here, run_sweep, tasks_left
from signflip.many.task import Task
from signflip.result import Verdict


@dataclass
class Gathered:
    """What has come so far, also after Ctrl-C.

    Attributes:
        answers: records of the images that have an answer, in the order they came.
        failed: records of those that have none.
    """

    answers: list[Record] = field(default_factory=list)
    failed: list[Record] = field(default_factory=list)


def gather(
    title: str,
    plan: Plan,
    workers: int,
    files: ResultFiles,
    gathered: Gathered,
    note: Callable[[Record], str] | None = None,
    store: Path | None = None,
) -> None:
    """Run a plan; each answer goes to `files` and to `gathered` as it comes.

    Args:
        title: stands before the progress bar.
        plan: what to run.
        workers: number of processes.
        files: get each answer.
        gathered: grows.
        note: what to write behind the bar of an answer; None to count flips.
        store: file of a store, which keeps each answer; what it has is not run again.
    """
    if plan.skipped:
        skipped = ", ".join(map(str, sorted(plan.skipped)))
        remarks().print(f"skipped, since predicted as the target already: {skipped}")
    behind = ""
    asked = plan.by_key()
    with (
        progress_bar(title, sum(map(len, asked.values()))) as bar,
        closing(_records(plan, workers, store)) as found,
    ):
        for record in (named(each, task) for each in found for task in asked[each.key]):
            if record.failed:
                gathered.failed.append(record)
                remarks().print(
                    f"image {record.image_index} has no answer: {record.failure}", soft_wrap=True
                )
            else:
                # an answer is in the files and among the answers, or in none of them
                with undisturbed():
                    files.add(record)
                    gathered.answers.append(record)
                behind = f"{flips(gathered.answers)} flipped" if note is None else note(record)
            bar.advance(behind)


def named(record: Record, task: Task) -> Record:
    """The record as the task names what was attacked.

    Its own names may be others: those of another image with the same pixels, or of the command that
    put it in the store.
    """
    case = task.case
    return replace(
        record,
        network_name=case.network_name,
        images_name=case.images_name,
        image_index=case.index,
        label=case.label,
        series=task.series.name,
    )


def _records(plan: Plan, workers: int, path: Path | None) -> Generator[Record]:
    """The records of a plan as they come, those that the store has first."""
    if path is None:
        with closing(run_here(plan, workers=workers)) as found:
            for _, record in found:
                yield record
        return
    from signflip.many.store import Store  # few commands that run here have one

    with Store.open(path, create=True) as store:
        tasks = plan.tasks()
        left = tasks_left(tasks, store, retry_failed=True)
        had = {task.key for task in tasks} - {task.key for task in left}
        if had:
            remarks().print(f"{len(had):,} of {len(tasks):,} are in {path}")
        again = again_for_proofs(left, store)
        if again:
            remarks().print(f"{again:,} are in {path} without a proof, and run again for it")
        yield from (record for record in store.records() if record.key in had)
        with closing(run_sweep(plan, left, store, LocalExecutor(workers=workers))) as rest:
            yield from rest


def flips(records: Sequence[Record]) -> int:
    """How many of them are flips."""
    return sum(record.verdict is Verdict.FLIPPED for record in records)
