"""CPU time of the exact method, this version against another checkout, in turn.

    python -m benchmarks.two_versions --old ../signflip-0.1.0 --out out/two-versions.jsonl

The first ten test images of each data set at each epsilon of `benchmarks.exact_table`, decided for
the second-highest class. Each version has a process of its own. The images of a network and an
epsilon are attacked one after the other by the one, then by the other, over and over; a problem's
time is the least of its runs. It prints, for each architecture, the ratios and the sums, and
whether the verdicts agree. Results are stored as they come; the same command goes on where it was
stopped.
"""

import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

import click

from benchmarks.common import (
    Benchmark,
    Job,
    Row,
    Store,
    commit,
    data_option,
    geometric_mean,
    machine,
    markdown,
)
from benchmarks.exact_table import EPSILONS
from signflip.cli.console import progress_bar
from signflip.cli.group import CommandError
from signflip.zoo import DATASETS

KEY = ("network", "epsilon", "index", "limit")
ARCHITECTURES = ("2x100", "2x200", "3x100")
SERVER = """
import json, sys, time
from functools import cache
from signflip import Problem, attack
from signflip.data import load_dataset
from signflip.methods import Exact
from signflip.zoo import DATASETS, load_zoo

images, network = cache(load_dataset), cache(load_zoo)
method = Exact()
method.prepare()
for line in sys.stdin:
    name, epsilon, index, limit = json.loads(line)
    data = DATASETS[name.partition("-")[0]]
    problem = Problem.ball(network(name), images(data).images[index], epsilon=epsilon)
    begun = time.process_time()
    result = attack(problem, method, time_limit=limit)
    cpu = time.process_time() - begun
    print(json.dumps([result.verdict.value, cpu]), flush=True)
"""
"""What runs in each version: it uses only what both have."""
LONG, QUICK = 0.5, 0.02
"""Seconds of CPU: what takes longer than the first runs once more, what is below the second runs
`REPEATS` times as often."""
REPEATS = 4
NAMES = ("old", "new")
HERE = Path(__file__).resolve().parent.parent
"""The checkout of this version."""


class Version:
    """A process that attacks problems with the sources of a checkout."""

    def __init__(self, source: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(source)},
            text=True,
        )

    def __enter__(self) -> "Version":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, job: Job) -> tuple[str, float]:
        """Verdict and seconds of CPU of one attack."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise CommandError(f"the process of one version ended at {job}: see its words above")
        verdict, cpu = json.loads(answer)
        return str(verdict), float(cpu)


def in_turn(versions: Sequence[Version], jobs: Sequence[Job], runs: int) -> Iterator[Row]:
    """The least CPU time of both, all jobs by the one and then all by the other."""
    verdicts: dict[tuple[Job, str], str] = {}
    times: dict[tuple[Job, str], list[float]] = defaultdict(list)

    def run(left: Sequence[Job]) -> None:
        for name, version in zip(NAMES, versions, strict=True):
            for job in left:
                verdicts[job, name], cpu = version.run(job)
                times[job, name].append(cpu)

    run(jobs)
    longest = {job: max(times[job, name][0] for name in NAMES) for job in jobs}
    run([job for job in jobs if longest[job] >= LONG])
    for _ in range(runs - 1):
        run([job for job in jobs if QUICK <= longest[job] < LONG])
    for _ in range(REPEATS * runs - 1):
        run([job for job in jobs if longest[job] < QUICK])
    for job in jobs:
        found = {f"{name}_verdict": verdicts[job, name] for name in NAMES}
        least = {name: min(times[job, name]) for name in NAMES}
        yield {**dict(zip(KEY, job, strict=True)), **found, **least}


def jobs(architectures: tuple[str, ...], images: int, limit: float) -> Iterator[Job]:
    """All problems."""
    for architecture in architectures:
        for epsilon in EPSILONS[architecture]:
            for data in DATASETS:
                for index in range(images):
                    yield f"{data}-{architecture}", epsilon, index, limit


def table(rows: list[Row]) -> list[tuple[str, ...]]:
    """For each architecture and verdict: number, mean of the ratio, its median, sums."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        architecture = row["network"].partition("-")[2]
        for verdict in ("all", row["old_verdict"]):
            groups[architecture, verdict].append(row)
    return [
        (
            architecture,
            verdict,
            str(len(group)),
            f"{geometric_mean([row['new'] / row['old'] for row in group]):.3f}",
            f"{statistics.median(row['new'] / row['old'] for row in group):.3f}",
            f"{sum(row['old'] for row in group):.2f}",
            f"{sum(row['new'] for row in group):.2f}",
        )
        for (architecture, verdict), group in groups.items()
    ]


@click.command(cls=Benchmark)
@click.option("--old", required=True, type=click.Path(file_okay=False, exists=True, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/two-versions.jsonl"))
@click.option("--time-limit", default=20.0, type=click.FloatRange(0, min_open=True))
@click.option("--images", default=10, type=click.IntRange(1), help="Of each data set.")
@click.option("--runs", default=3, type=click.IntRange(1), help="Of each version, at least.")
@click.option("--architecture", multiple=True, default=ARCHITECTURES)
@data_option
def main(
    old: Path, out: Path, time_limit: float, images: int, runs: int, architecture: tuple[str, ...]
) -> None:
    """Run what is missing and print the table; exit with 1 if verdicts differ."""
    store = Store(out, KEY)
    wanted = dict.fromkeys(jobs(architecture, images, time_limit))
    done = {store.job(row) for row in store.rows()}
    missing = [job for job in wanted if job not in done]
    with ExitStack() as stack:
        roots = (old, HERE) if missing else ()
        versions = [stack.enter_context(Version(root / "src")) for root in roots]
        bar = stack.enter_context(progress_bar("measure", len(missing)))
        for (name, epsilon), group in groupby(missing, key=lambda job: job[:2]):
            for row in in_turn(versions, list(group), runs):
                store.add({**row, "commit": commit()})
                bar.advance(f"{name} {epsilon}")
    rows = [row for row in store.rows() if store.job(row) in wanted]
    print(machine(rows))
    heads = ("networks", "verdict", "number", "ratio", "median", "old, s", "new, s")
    print(markdown(heads, table(rows)))
    differ = [row for row in rows if row["old_verdict"] != row["new_verdict"]]
    for row in differ:
        print("the verdicts differ:", row)
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
