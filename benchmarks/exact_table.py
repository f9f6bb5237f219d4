"""How much the exact method decides: networks x epsilons x test images, a time limit each.

    python -m benchmarks.exact_table --out out/exact-table.jsonl

Twenty test images of each data set, second-highest class, 60 s an image, two processes. Results are
stored as they come; the same command goes on where it was stopped. It prints its tables at the end.
"""

import statistics
from collections import defaultdict
from pathlib import Path

import click

from benchmarks.common import (
    Benchmark,
    Job,
    Row,
    Store,
    attacked,
    images_of,
    machine,
    markdown,
    network,
    run_jobs,
    store_options,
)
from signflip import Problem
from signflip.methods import Exact
from signflip.methods.search_goal import SearchGoal

KEY = ("network", "epsilon", "index", "goal", "limit")
EPSILONS = {
    "2x100": (0.005, 0.01, 0.02, 0.03, 0.05),
    "2x200": (0.005, 0.01, 0.02, 0.03),
    "2x300": (0.005, 0.01),
    "2x400": (0.005, 0.01),
    "2x500": (0.005, 0.01),
    "3x100": (0.005, 0.01, 0.02),
    "4x100": (0.005, 0.01, 0.02),
    "5x100": (0.005, 0.01, 0.02),
}
OPTIMISED = ("2x100", "2x200", "3x100"), 0.01
"""Where the optimum is to be proved, besides the decision."""

AIMS = (
    (("2x100",), EPSILONS["2x100"], "decide", 1.0),
    (("2x100",), (0.01,), "optimise", 1.0),
    (("2x200", "3x100"), (0.01,), "optimise", 1.0),
    (("2x200",), (0.005, 0.01), "decide", 1.0),
    (("2x200",), (0.02, 0.03), "decide", 1.0),
    (("2x300", "2x400"), (0.005,), "decide", 1.0),
    (("2x300", "2x400"), (0.01,), "decide", 0.9),
    (("2x500",), (0.005,), "decide", 1.0),
    (("2x500",), (0.01,), "decide", 0.85),
    (("3x100", "4x100", "5x100"), (0.005, 0.01), "decide", 1.0),
    (("3x100", "4x100", "5x100"), (0.02,), "decide", 1.0),
)
"""Architectures, epsilons and goal, and the share that is to be settled."""


def measure(name: str, epsilon: float, index: int, goal: str, limit: float) -> Row:
    """Attack one image."""
    problem = Problem.ball(network(name), images_of(name).images[index], epsilon=epsilon)
    found = attacked(problem, Exact(goal=SearchGoal(goal)), limit)
    return {**dict(zip(KEY, (name, epsilon, index, goal, limit), strict=True)), **found}


def jobs(architectures: tuple[str, ...], images: int) -> list[Job]:
    """All measurements, the quick ones first."""
    found = [
        (f"{data}-{architecture}", epsilon, index, SearchGoal.DECIDE.value)
        for architecture in architectures
        for data in ("mnist", "fashion")
        for epsilon in EPSILONS[architecture]
        for index in range(images)
    ]
    optimised, epsilon = OPTIMISED
    found += [
        (f"{data}-{architecture}", epsilon, index, SearchGoal.OPTIMISE.value)
        for architecture in architectures
        if architecture in optimised
        for data in ("mnist", "fashion")
        for index in range(images)
    ]
    return sorted(found, key=lambda job: job[1])


def settled(row: Row) -> bool:
    """Whether the row's question was answered with proof."""
    if row["goal"] == SearchGoal.OPTIMISE.value:
        return bool(row["stop"] == "OPTIMAL")
    return bool(row["verdict"] != "unknown")


def table(rows: list[Row]) -> str:
    """The rows by network, epsilon and goal."""
    groups: dict[tuple[str, float, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["network"], row["epsilon"], row["goal"]].append(row)
    return markdown(
        ("network", "epsilon", "goal", *COUNTS),
        [(*group, *counts(groups[group])) for group in sorted(groups)],
    )


def aims(rows: list[Row]) -> str:
    """The rows by what is aimed at."""
    lines = []
    for architectures, epsilons, goal, share in AIMS:
        group = [
            row
            for row in rows
            if row["network"].partition("-")[2] in architectures
            and row["epsilon"] in epsilons
            and row["goal"] == goal
        ]
        if group:
            names = (", ".join(architectures), ", ".join(map(str, epsilons)), goal)
            settled_share = sum(map(settled, group)) / len(group)
            lines.append((*names, f"{share:.0%}", f"{settled_share:.1%}", *counts(group)))
    return markdown(("networks", "epsilon", "goal", "aim", "reached", *COUNTS), lines)


COUNTS = ("settled", "flipped", "robust", "unknown", "median s", "most s")


def counts(rows: list[Row]) -> tuple[object, ...]:
    """The entries `COUNTS` of at least one row."""
    verdicts = [row["verdict"] for row in rows]
    seconds = [row["seconds"] for row in rows]
    return (
        f"{sum(map(settled, rows))} / {len(rows)}",
        verdicts.count("flipped"),
        verdicts.count("robust"),
        verdicts.count("unknown"),
        f"{statistics.median(seconds):.3f}",
        f"{max(seconds):.1f}",
    )


@click.command(cls=Benchmark)
@store_options(out="out/exact-table.jsonl", limit=60.0)
@click.option("--images", default=20, type=click.IntRange(1))
@click.option("--architecture", "architectures", multiple=True, type=click.Choice(list(EPSILONS)))
@click.option("--epsilon", "epsilons", multiple=True, type=float)
def main(
    out: Path,
    architectures: tuple[str, ...],
    epsilons: tuple[float, ...],
    images: int,
    time_limit: float,
    workers: int,
) -> None:
    """Measure what is missing in the store OUT and print its tables."""
    wanted = [
        (*job, time_limit)
        for job in jobs(architectures or tuple(EPSILONS), images)
        if not epsilons or job[1] in epsilons
    ]
    rows = run_jobs(wanted, measure, Store(out, KEY), workers, time_limit)
    click.echo(f"{machine(rows)}\n\n{table(rows)}\n\n{aims(rows)}")


if __name__ == "__main__":
    main()
