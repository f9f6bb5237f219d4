"""The loop of commands that work through many images: answers come and are kept, or are missing."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from signflip.cli.console import progress_bar, remarks
from signflip.cli.output import ResultFiles
from signflip.many.batch import Attacked, AttackJob, Batch, run_jobs
from signflip.many.interrupts import undisturbed
from signflip.many.workers import Failure
from signflip.result import Verdict


class Job(Protocol):
    """Work on one image."""

    @property
    def index(self) -> int:
        """The image's place in the data set."""
        ...


AnyJob = TypeVar("AnyJob", bound=Job)
Answer = TypeVar("Answer")


@dataclass
class Gathered(Generic[AnyJob, Answer]):
    """What has come so far, also after Ctrl-C.

    Attributes:
        answers: the answers, in the order they came.
        failed: the jobs that have none.
    """

    answers: list[Answer] = field(default_factory=list)
    failed: list[AnyJob] = field(default_factory=list)


def gather(
    title: str,
    count: int,
    results: Generator[tuple[AnyJob, Answer | Failure]],
    gathered: Gathered[AnyJob, Answer],
    keep: Callable[[Answer], str],
) -> None:
    """Add every answer to `gathered` as it comes, and remark on jobs without one.

    Args:
        title: stands before the progress bar.
        count: number of jobs.
        results: the jobs and their answers; closed at the end, also after an exception.
        gathered: grows.
        keep: stores an answer; what it returns stands behind the bar.
    """
    note = ""
    with progress_bar(title, count) as bar, closing(results):
        for job, answer in results:
            if isinstance(answer, Failure):
                gathered.failed.append(job)
                remarks().print(f"image {job.index} has no answer: {answer.reason}")
            else:
                # an answer is in the files and among the answers, or in none of them
                with undisturbed():
                    note = keep(answer)
                    gathered.answers.append(answer)
            bar.advance(note)


def remark_on_skipped(skipped: Sequence[int]) -> None:
    """Name the images that are not attacked."""
    if skipped:
        remarks().print(
            f"skipped, since predicted as the target already: {', '.join(map(str, skipped))}"
        )


def gather_attacks(
    title: str,
    batch: Batch,
    workers: int,
    files: ResultFiles,
    gathered: Gathered[AttackJob, Attacked],
) -> None:
    """Run a batch of attacks; answers go to `files` and to `gathered`."""
    remark_on_skipped(batch.skipped)
    flipped = 0

    def keep(answer: Attacked) -> str:
        nonlocal flipped
        files.add(answer)
        flipped += answer.record.verdict is Verdict.FLIPPED
        return f"{flipped} flipped"

    gather(title, len(batch.jobs), run_jobs(batch.jobs, workers=workers), gathered, keep)
