"""What the benchmarks share: a store of JSON lines, worker processes, the machine in a line."""

import json
import math
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import click

from signflip import Problem, attack
from signflip.attack import Method, Preparing
from signflip.cli.console import progress_bar, remarks
from signflip.cli.group import CommandError
from signflip.data import ImageSet, load_dataset
from signflip.data.sources import ENVIRONMENT
from signflip.errors import SignflipError
from signflip.many.workers import Failure, run_in_processes
from signflip.network import BinaryNetwork
from signflip.programs import SolverFailure
from signflip.zoo import DATASETS, load_zoo

Row = dict[str, Any]
Job = tuple[Any, ...]
Command = TypeVar("Command", bound=Callable[..., Any])

GRACE = 300.0
"""Seconds beyond its limits after which a measurement's process is ended."""


class Store:
    """Results in a file of JSON lines, each on the disk as soon as it is there.

    Args:
        path: the file; its folder is made.
        key: the entries of a row that make up its job, in the order of the job.
    """

    def __init__(self, path: Path, key: Sequence[str]) -> None:
        self._path = path
        self._key = key
        path.parent.mkdir(parents=True, exist_ok=True)

    def rows(self) -> list[Row]:
        """All results so far; a line that a killed run left half-written is skipped."""
        if not self._path.exists():
            return []
        lines = self._path.read_text().split("\n")
        return [json.loads(line) for line in lines[:-1]]

    def job(self, row: Row) -> Job:
        """The job that the row answers."""
        return tuple(row[name] for name in self._key)

    def add(self, row: Row) -> None:
        """Store a result."""
        self._drop_half_line()
        with self._path.open("a") as handle:
            handle.write(json.dumps(row, allow_nan=False) + "\n")
            handle.flush()
            os.fsync(handle.fileno())

    def _drop_half_line(self) -> None:
        if self._path.exists():
            text = self._path.read_bytes()
            if text and not text.endswith(b"\n"):
                self._path.write_bytes(text[: text.rfind(b"\n") + 1])


def run_jobs(
    jobs: Iterable[Job],
    measure: Callable[..., Row],
    store: Store,
    workers: int,
    limit: float,
) -> list[Row]:
    """Measure the jobs that the store lacks, each in one of `workers` processes.

    Args:
        jobs: the arguments of `measure`, each.
        measure: a function of a module; the row that it returns says its job again.
        store: what is there already, and where the rows go, with the commit they come from.
        workers: number of processes.
        limit: seconds that a measurement should take at most.

    Returns:
        The rows of all `jobs`.
    """
    wanted = dict.fromkeys(jobs)
    done = {store.job(row) for row in store.rows()}
    missing = [(measure, job) for job in wanted if job not in done]
    results = run_in_processes(_measure, missing, workers=workers, limit=lambda _: limit + GRACE)
    with progress_bar("measure", len(missing)) as bar, closing(results):
        for (_, job), row in results:
            if isinstance(row, Failure):
                remarks().print(f"{job} has no result: {row.reason}")
            else:
                store.add({**row, "commit": commit()})
            bar.advance(" ".join(map(str, job)))
    return [row for row in store.rows() if store.job(row) in wanted]


def _measure(item: tuple[Callable[..., Row], Job]) -> Row:
    measure, job = item
    return measure(*job)


def attacked(problem: Problem, method: Method, limit: float) -> Row:
    """What came of an attack; a solver that gave up has the stop `SOLVER_FAILURE`."""
    if isinstance(method, Preparing):
        method.prepare()
    wall, cpu = time.monotonic(), time.process_time()
    try:
        result = attack(problem, method, time_limit=limit)
    except SolverFailure as error:
        return {
            "verdict": "unknown",
            "stop": "SOLVER_FAILURE",
            "objective": float(problem.clean.value),
            "clean_objective": float(problem.clean.value),
            "bound": None,
            "seconds": time.monotonic() - wall,
            "cpu_seconds": time.process_time() - cpu,
            "failure": str(error),
        }
    bounded = result.bound is not None and math.isfinite(result.bound)
    return {
        "verdict": result.verdict.value,
        "stop": result.stop.name,
        "objective": result.objective,
        "clean_objective": result.clean_objective,
        "bound": result.bound if bounded else None,
        "seconds": result.seconds,
        "cpu_seconds": time.process_time() - cpu,
    }


@cache
def network(name: str) -> BinaryNetwork:
    """A zoo network, loaded once a process."""
    return load_zoo(name)


@cache
def images_of(name: str) -> ImageSet:
    """The test images that belong to a zoo network's name, loaded once a process."""
    return load_dataset(DATASETS[name.partition("-")[0]])


@cache
def commit() -> str:
    """The commit of the code that is measured, with a + if it was changed since."""
    root = Path(__file__).parents[1]

    def git(*words: str) -> str:
        command = ("git", "-C", str(root), *words)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "src")
        return git("rev-parse", "--short", "HEAD") + "+" * bool(changed)
    except (OSError, subprocess.CalledProcessError):  # not a clone
        return version("signflip")


def machine(rows: Iterable[Row]) -> str:
    """The machine, the versions that matter, and the commits that the rows come from, in a line."""
    packages = ("numpy", "numba", "highspy")
    names = ", ".join(f"{name} {version(name)}" for name in packages)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    commits = ", ".join(sorted({row.get("commit", "unknown") for row in rows}))
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"{names}; load average {load}; commits {commits or 'none'}"
    )


def markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def geometric_mean(values: Sequence[float]) -> float:
    """The geometric mean of positive values; nan of none."""
    return math.exp(math.fsum(map(math.log, values)) / len(values)) if values else math.nan


class Benchmark(click.Command):
    """A command whose user's errors are a line on stderr."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except SignflipError as error:
            raise CommandError(" ".join(str(error).split())) from error


def store_options(*, out: str, limit: float) -> Callable[[Command], Command]:
    """Decorates a command: where results and images are, how long, how many processes."""

    def decorate(command: Command) -> Command:
        options = (
            click.option("--out", type=click.Path(path_type=Path), default=Path(out)),
            click.option("--time-limit", default=limit, type=click.FloatRange(0, min_open=True)),
            click.option("--workers", default=2, type=click.IntRange(1)),
            data_option,
        )
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def data_option(command: Command) -> Command:
    """Decorates a command: where the images are."""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, exists=True),
        callback=_use_data,
        expose_value=False,
        help="Folder of the test images, instead of SIGNFLIP_DATA.",
    )(command)


def _use_data(_context: click.Context, _option: click.Parameter, folder: str | None) -> None:
    if folder is not None:
        os.environ[ENVIRONMENT] = folder  # worker processes inherit it
