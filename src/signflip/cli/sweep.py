"""`signflip sweep`: run what a grid file names and the store lacks."""

import sys
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import click
from rich.table import Table

from signflip.cli import values
from signflip.cli.console import output, progress_bar, remarks
from signflip.cli.options import FILE, data_dir_option
from signflip.cli.output import check_writable
from signflip.cli.proofs import make_folder
from signflip.errors import SettingError
from signflip.files import is_file
from signflip.many.checking import proofs_folder
from signflip.many.counts import Counts, counts_by_series
from signflip.many.executor import Executor
from signflip.many.grid import read_plan
from signflip.many.local import LocalExecutor
from signflip.many.notation import Shard, counted
from signflip.many.plan import Plan
from signflip.many.record import Record
from signflip.many.store import Store
from signflip.many.sweep import again_for_proofs, run_sweep, tasks_left
from signflip.many.task import Task

_REPORT_EVERY = 60.0
"""Seconds between two lines on the state of things, where there is no terminal for a bar."""
_YEAR = 365.25 * 24 * 3600
"""Seconds."""
_MOST_YEARS = 1_000_000
"""More are not told apart."""


@click.command()
@click.argument("grid", type=FILE)
@click.option("--store", "store_path", type=FILE, required=True, help="File of the results.")
@click.option("--workers", type=int, help="Processes on this machine.  [default: 1]")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler to run on: tcp://HOST:PORT.")
@click.option(
    "--shard",
    type=values.shard,
    metavar="K/N",
    help="Run only part K of N, into a store of its own; `signflip merge` joins them.",
)
@click.option("--retry-failed", is_flag=True, help="Run again what failed.")
@click.option("--dry-run", is_flag=True, help="Check the grid and count; run nothing.")
@data_dir_option
def sweep(
    grid: Path,
    store_path: Path,
    workers: int | None,
    scheduler: str | None,
    shard: Shard | None,
    retry_failed: bool,
    dry_run: bool,
    data_dir: Path | None,
) -> None:
    """Run the attacks of the file GRID that the store lacks.

    Each result is in the store as soon as it is there. A sweep that was ended, in whatever way,
    goes on where it was if it is called again.
    """
    executor = _executor(workers, scheduler)
    plan = read_plan(grid, data_dir=data_dir)
    if plan.proofs:
        if scheduler is not None:
            raise SettingError(
                f"{grid} asks for proofs, which are files of the machine that makes them; leave "
                "--scheduler out, or `proofs` in the grid"
            )
        plan = plan.with_proofs(proofs_folder(store_path))
    tasks = [task for task in plan.tasks() if shard is None or shard.has(task.key)]
    if plan.title:
        remarks().print(plan.title)
    if plan.skipped:
        remarks().print(f"skipped, since predicted as the target already: {len(plan.skipped)}")
    if dry_run:
        _print_plan(tasks, _left_without_running(tasks, store_path, retry_failed))
        return
    if plan.proofs:
        make_folder(proofs_folder(store_path))
    failed = _run_and_show(plan, tasks, store_path, executor, retry_failed=retry_failed)
    if failed:
        remarks().print(f"{failed} failed; --retry-failed runs them again")
        sys.exit(1)


def _run_and_show(
    plan: Plan,
    tasks: Sequence[Task],
    store_path: Path,
    executor: Executor,
    *,
    retry_failed: bool,
) -> int:
    """Run what the store lacks, print what it has then; how many failed this time."""
    with Store.open(store_path, create=True) as store:
        left = tasks_left(tasks, store, retry_failed=retry_failed)
        again = again_for_proofs(left, store)
        remarks().print(
            f"{counted(len(tasks), 'attack')}: {len(tasks) - len(left):,} are in the store, "
            f"{len(left):,} are to be run"
            + (f", {again:,} again for their proofs" if again else "")
        )
        counts = Counts()
        try:
            _run(plan, left, store, executor, counts)
        finally:  # also after Ctrl-C: what was found is shown
            _print_counts(counts_by_series(tasks, store))
    return counts.failed


def _executor(workers: int | None, scheduler: str | None) -> Executor:
    if scheduler is None:
        return LocalExecutor(workers=1 if workers is None else workers)
    if workers is not None:
        raise SettingError(
            f"--workers {workers} and --scheduler {scheduler} are both given; a cluster has the "
            "workers that were started for it: leave --workers out"
        )
    from signflip.many.cluster import DaskExecutor

    return DaskExecutor(scheduler)


def _left_without_running(
    tasks: Sequence[Task], store_path: Path, retry_failed: bool
) -> Sequence[Task]:
    if not is_file(store_path) or store_path.stat().st_size == 0:  # it will be made
        check_writable(store_path, overwrite=True)
        return tasks
    with Store.open(store_path) as store:
        return tasks_left(tasks, store, retry_failed=retry_failed)


def _run(
    plan: Plan, left: Sequence[Task], store: Store, executor: Executor, counts: Counts
) -> None:
    reporter = _Reporter(len(left))
    rows: Generator[Record] = run_sweep(plan, left, store, executor)
    with progress_bar("sweep", len(left)) as bar, closing(rows):
        for row in rows:
            counts.add(row.verdict, row.seconds, failed=row.failed)
            if row.failed:
                remarks().print(
                    f"{row.series} on image {row.image_index} of {row.images_name}, "
                    f"{row.network_name}, epsilon {row.epsilon:g} failed: {row.failure}"
                )
            bar.advance(str(counts))
            reporter.tell(counts)


class _Reporter:
    """Lines on the state of things, where there is no terminal for a bar."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._started = self._told = time.monotonic()
        self._silent = remarks().is_terminal

    def tell(self, counts: Counts) -> None:
        now = time.monotonic()
        if self._silent or now - self._told < _REPORT_EVERY:
            return
        self._told = now
        left = (now - self._started) / counts.rows * (self._steps - counts.rows)
        remarks().print(
            f"{counts.rows:,} of {self._steps:,}, about {left / 60:.0f} min left: {counts}"
        )


def _print_plan(tasks: Sequence[Task], left: Sequence[Task]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("series")
    for heading in ("attacks", "to run", "time limits"):
        table.add_column(heading, justify="right")
    for name in dict.fromkeys(task.series.name for task in tasks):
        mine = [task for task in left if task.series.name == name]
        count = sum(task.series.name == name for task in tasks)
        table.add_row(name, f"{count:,}", f"{len(mine):,}", _hours(mine))
    table.add_row("all", f"{len(tasks):,}", f"{len(left):,}", _hours(left), style="bold")
    output().print(table)


def _hours(tasks: Sequence[Task]) -> str:
    """The sum of time limits, which one worker takes at most; in years where it is 10 or more."""
    total = sum(task.series.time_limit or 0 for task in tasks)
    years = total / _YEAR
    if years >= _MOST_YEARS:  # also where the sum is beyond the floats
        return f"over {_MOST_YEARS:,} years"
    if years >= 10:
        return f"{years:,.0f} years"
    minutes, seconds = divmod(round(total), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _print_counts(counts: dict[str, Counts]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("series")
    for heading in ("problems", "flipped", "robust", "unknown", "failed", "mean seconds"):
        table.add_column(heading, justify="right")
    for name, each in counts.items():
        numbers = (each.rows, each.flipped, each.robust, each.unknown, each.failed)
        mean = f"{each.seconds / each.answered:.2f}" if each.answered else ""
        table.add_row(name, *(f"{number:,}" for number in numbers), mean)
    output().print(table)
