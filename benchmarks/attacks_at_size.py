"""How many images each attack flips in 0.01, 0.1, 1 and 10 s, on networks small and large.

    python -m benchmarks.large_networks
    python -m benchmarks.attacks_at_size --out out/attacks-at-size.jsonl

Three tables, each measured in one run:

- `sizes`: share flipped and mean objective, second-highest class, 30 test images a cell. Networks
  that are no part of the zoo are trained by `benchmarks.large_networks` first.
- `optima`: share of the way from the clean objective to the proved optimum, 20 images, none stopped
  at a flip.
- `edges`: flips in 1 s at 1.05 and 1.2 times the smallest epsilon, 40 images whose smallest epsilon
  is enclosed within 2 %.

Seconds are CPU seconds of one core unless `--wall` says otherwise: then nothing else may run. Every
flip is replayed. Results are stored as they come; the same command goes on where it was stopped.
"""

import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import click

from benchmarks.common import (
    Benchmark,
    Job,
    Row,
    Store,
    images_of,
    machine,
    markdown,
    run_jobs,
    store_options,
)
from benchmarks.large_networks import network_named
from benchmarks.library_attacks import Borrowed, installed
from signflip import Problem, attack
from signflip.attack import Method, Preparing
from signflip.methods import Apgd, Auto, Exact, Fgsm, Guided, IProp, Pgd, Square, Walk
from signflip.methods.search_goal import SearchGoal
from signflip.min_epsilon import min_epsilon
from signflip.problem import Untargeted
from signflip.programs import Highs
from signflip.result import Verdict

KEY = ("table", "network", "epsilon", "index", "method", "limit", "clock")
OPTIMISE = SearchGoal.OPTIMISE
TIMES = (0.01, 0.1, 1.0, 10.0)
CELLS = (
    ("fashion-3x100", 0.02),
    ("mnist-5x100", 0.02),
    ("mnist-2x500", 0.015),
    ("mnist-2x500", 0.02),
    ("mnist-3x256", 0.015),
    ("mnist-3x1024", 0.02),
    ("mnist-3x1024", 0.03),
    ("mnist-3x2048", 0.02),
    ("mnist-3x6144", 0.06),
    ("mnist-lfc", 0.4),
)
ANY_CLASS = {"mnist-lfc": Untargeted()}
"""Goals but the second-highest class: the values of the LFC's classes tell nothing but the first.

It is no network of ours: `benchmarks/lfc.toml` says how to put it beside those.
"""
OPTIMA = (("mnist-2x100", 0.01), ("mnist-3x100", 0.01))
EDGES = ("mnist-2x100", "mnist-3x100", "fashion-2x100", "fashion-3x100")
FACTORS = (1.05, 1.2)
EDGE_LIMIT, EDGE_SEARCH = 1.0, 60.0
OPTIMUM_LIMIT = 120.0

METHODS: Mapping[str, Method] = {
    "auto": Auto(),
    "walk": Walk(),
    "exact": Exact(),
    "iprop": IProp(),
    "iprop, distances": IProp(tie_break="distance"),  # type: ignore[arg-type]
    "iprop, highs": IProp(solver=Highs(), restarts=0),
    "fgsm": Fgsm(),
    "fgsm, strong": Fgsm(width=0.3, restarts=None),
    "pgd": Pgd(),
    "apgd": Apgd(),
    "guided": Guided(),
    "square": Square(),
    **{name: Borrowed(library=name) for name in installed()},
}
"""Those of other libraries only where these are installed."""
TO_THE_OPTIMUM: Mapping[str, Method] = {
    "optimum": Exact(goal=OPTIMISE),
    "walk": Walk(goal=OPTIMISE),
    "iprop": IProp(),
    "iprop, distances": IProp(tie_break="distance"),  # type: ignore[arg-type]
    "iprop, highs": IProp(solver=Highs(), restarts=0),
    "fgsm, strong": Fgsm(width=0.3, restarts=None),
}


@contextmanager
def clock(kind: str) -> Iterator[None]:
    """Let every clock of the process count CPU seconds meanwhile, or leave it."""
    monotonic = time.monotonic
    if kind == "cpu":
        time.monotonic = time.process_time
    try:
        yield
    finally:
        time.monotonic = monotonic


@cache
def smallest_epsilon(name: str, index: int) -> float | None:
    """The smallest epsilon that flips an image, None if it is not enclosed within 2 %."""
    problem = Problem.ball(network_named(name), images_of(name).images[index], epsilon=1.0)
    found = min_epsilon(problem, tolerance=1e-5, time_limit=EDGE_SEARCH)
    if found.distance is None or found.bound is None or found.distance > 1.02 * found.bound:
        return None
    return found.distance


def measure(
    table: str, name: str, epsilon: float, index: int, method: str, limit: float, kind: str
) -> Row:
    """Attack one image; for `edges` the epsilon is a factor of the smallest one."""
    network = network_named(name)
    image = images_of(name).images[index]
    job = (table, name, epsilon, index, method, limit, kind)
    row: Row = dict(zip(KEY, job, strict=True))
    chosen = (TO_THE_OPTIMUM if table == "optima" else METHODS)[method]
    if table == "edges":
        smallest = smallest_epsilon(name, index)
        if smallest is None:
            return {**row, "skipped": True}
        epsilon *= smallest
    problem = Problem.ball(network, image, epsilon=epsilon, goal=ANY_CLASS.get(name))
    if isinstance(chosen, Preparing):
        chosen.prepare()
    attack(problem, chosen, time_limit=min(limit, 0.05))  # tables of the network, memory
    with clock(kind):
        result = attack(problem, chosen, time_limit=limit)
    replay = problem.replay(result.witness)
    if replay.flipped != (result.verdict is Verdict.FLIPPED):
        raise RuntimeError(f"{job}: the witness does not do what the verdict says")
    return {
        **row,
        "verdict": result.verdict.value,
        "stop": result.stop.name,
        "objective": result.objective,
        "clean_objective": result.clean_objective,
        "found_by": result.found_by,
        "trace": [[round(seconds, 5), value] for seconds, value in result.trace],
    }


def reached(row: Row, seconds: float) -> float:
    """The best objective after so many seconds."""
    values = (value for at, value in row["trace"] if at <= seconds)
    best: float = max([row["clean_objective"], *values])
    return best


def sizes_table(rows: Sequence[Row], limit: float) -> str:
    """Flips and mean objective of each cell, method and time."""
    times = [seconds for seconds in TIMES if seconds <= limit]
    lines = []
    for cell in dict.fromkeys((row["network"], row["epsilon"]) for row in rows):
        for method in METHODS:
            here = [
                row
                for row in rows
                if (row["network"], row["epsilon"]) == cell and row["method"] == method
            ]
            if here:
                entries = [
                    f"{sum(reached(row, seconds) > 0 for row in here)} / {len(here)}, "
                    f"{statistics.fmean(reached(row, seconds) for row in here):.1f}"
                    for seconds in times
                ]
                lines.append((*cell, method, *entries))
    return markdown(("network", "epsilon", "method", *(f"{t:g} s" for t in times)), lines)


def optima_table(rows: Sequence[Row], limit: float) -> str:
    """Mean share of the way to the proved optimum at each time, and how many are there."""
    times = [seconds for seconds in TIMES if seconds <= limit]
    optimum = {
        (row["network"], row["index"]): row["objective"]
        for row in rows
        if row["method"] == "optimum" and row["stop"] == "OPTIMAL"
    }
    lines = []
    for name, _ in OPTIMA:
        for method in TO_THE_OPTIMUM:
            here = [
                (row, optimum[name, row["index"]])
                for row in rows
                if (row["network"], row["method"]) == (name, method)
                and optimum.get((name, row["index"]), row["clean_objective"])
                > row["clean_objective"]
            ]
            if here and method != "optimum":
                shares = [
                    statistics.fmean(
                        (reached(row, seconds) - row["clean_objective"])
                        / (best - row["clean_objective"])
                        for row, best in here
                    )
                    for seconds in times
                ]
                there = sum(row["objective"] == best for row, best in here)
                entries = (f"{share:.3f}" for share in shares)
                lines.append((name, method, *entries, f"{there} / {len(here)}"))
    header = ("network", "method", *(f"{t:g} s" for t in times), "at the optimum")
    return markdown(header, lines)


def edges_table(rows: Sequence[Row]) -> str:
    """Share flipped at each factor of the smallest epsilon."""
    rows = [row for row in rows if "skipped" not in row]
    lines = []
    for method in METHODS:
        entries = []
        for factor in FACTORS:
            here = [row for row in rows if row["method"] == method and row["epsilon"] == factor]
            flips = sum(row["verdict"] == "flipped" for row in here)
            entries.append(f"{flips} / {len(here)}")
        lines.append((method, *entries))
    return markdown(("method", *(f"{factor:g} times" for factor in FACTORS)), lines)


def jobs(
    tables: Sequence[str],
    cells: Sequence[tuple[str, float]],
    methods: Sequence[str],
    images: int | None,
    limit: float,
    kind: str,
) -> list[Job]:
    """All measurements; images come first to last, so that a run cut short compares the same."""
    found: list[Job] = []
    if "sizes" in tables:
        found += [
            ("sizes", *cell, index, method, limit, kind)
            for cell in cells
            for index in range(images or 30)
            for method in methods
        ]
    if "optima" in tables:
        found += [
            (
                "optima",
                *cell,
                index,
                method,
                OPTIMUM_LIMIT if method == "optimum" else min(limit, 1.0),
                kind,
            )
            for cell in OPTIMA
            for index in range(images or 20)
            for method in TO_THE_OPTIMUM
        ]
    if "edges" in tables:
        found += [
            ("edges", name, factor, index, method, EDGE_LIMIT, kind)
            for name in EDGES
            for index in range(max(1, (images or 40) // len(EDGES)))
            for factor in FACTORS
            for method in methods
        ]
    return found


def cell(text: str) -> tuple[str, float]:
    """Reads NETWORK:EPSILON."""
    name, _, epsilon = text.rpartition(":")
    return name, float(epsilon)


@click.command(cls=Benchmark)
@store_options(out="out/attacks-at-size.jsonl", limit=10.0)
@click.option("--table", "tables", multiple=True, type=click.Choice(["sizes", "optima", "edges"]))
@click.option("--cell", "cells", multiple=True, type=cell, metavar="NETWORK:EPSILON")
@click.option("--method", "methods", multiple=True, type=click.Choice(list(METHODS)))
@click.option("--images", type=click.IntRange(1), help="Images of a cell, instead of 30, 20, 40.")
@click.option("--wall", is_flag=True, help="Wall seconds: nothing else may run.")
def main(
    out: Path,
    tables: tuple[str, ...],
    cells: tuple[tuple[str, float], ...],
    methods: tuple[str, ...],
    images: int | None,
    wall: bool,
    time_limit: float,
    workers: int,
) -> None:
    """Measure what is missing in the store OUT and print its tables."""
    tables = tables or ("sizes", "optima", "edges")
    kind = "wall" if wall else "cpu"
    wanted = jobs(tables, cells or CELLS, methods or tuple(METHODS), images, time_limit, kind)
    rows = run_jobs(wanted, measure, Store(out, KEY), workers, max(time_limit, OPTIMUM_LIMIT))
    click.echo(f"{machine(rows)}; {kind} seconds")
    by_table = {name: [row for row in rows if row["table"] == name] for name in tables}
    if by_table.get("sizes"):
        click.echo(f"\n{sizes_table(by_table['sizes'], time_limit)}")
    if by_table.get("optima"):
        click.echo(f"\n{optima_table(by_table['optima'], min(time_limit, 1.0))}")
    if by_table.get("edges"):
        click.echo(f"\n{edges_table(by_table['edges'])}")
    sys.exit(len(rows) < len(dict.fromkeys(wanted)))


if __name__ == "__main__":
    main()
