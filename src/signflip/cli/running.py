"""The loop of commands that work through many images: answers come and are kept, or are missing."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from signflip.cli.console import progress_bar, remarks
from signflip.cli.output import ResultFiles
from signflip.many.interrupts import undisturbed
from signflip.many.plan import Plan
from signflip.many.record import Record
from signflip.many.sweep import run_here
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
) -> None:
    """Run a plan; each answer goes to `files` and to `gathered` as it comes.

    Args:
        title: stands before the progress bar.
        plan: what to run.
        workers: number of processes.
        files: get each answer.
        gathered: grows.
        note: what to write behind the bar of an answer; None to count flips.
    """
    if plan.skipped:
        skipped = ", ".join(map(str, sorted(plan.skipped)))
        remarks().print(f"skipped, since predicted as the target already: {skipped}")
    behind = ""
    with (
        progress_bar(title, len(plan.tasks())) as bar,
        closing(run_here(plan, workers=workers)) as found,
    ):
        for _, record in found:
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


def flips(records: Sequence[Record]) -> int:
    """How many of them are flips."""
    return sum(record.verdict is Verdict.FLIPPED for record in records)
