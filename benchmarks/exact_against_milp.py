"""The exact method against the MILP, side by side: time to the same decision, and the same optimum.

    python -m benchmarks.exact_against_milp --out out/exact-against-milp.jsonl

The 2x100 networks at epsilon 0.01, twenty test images of each data set, second-highest class. To
decide, the MILP gets the program whose points all flip: it stops at the first flip, or when the
solver claims that there is none. To optimise it gets the paper's program. Each runs on one thread.
Results are stored as they come; the same command goes on where it was stopped. It exits with 1 if
two answers contradict each other.
"""

import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import click
import numpy as np

from benchmarks.common import (
    Benchmark,
    Job,
    Row,
    Store,
    attacked,
    geometric_mean,
    images_of,
    machine,
    markdown,
    network,
    run_jobs,
    store_options,
)
from signflip import Problem
from signflip.attack import Method
from signflip.methods import Exact, Milp
from signflip.methods.search_goal import SearchGoal
from signflip.programs import SOLVERS, ProgramBuilder, solver_named

KEY = ("network", "epsilon", "index", "goal", "method", "limit")
NETWORKS = ("mnist-2x100", "fashion-2x100")
EPSILON = 0.01
DECIDE, OPTIMISE = SearchGoal.DECIDE.value, SearchGoal.OPTIMISE.value

Case = tuple[str, float, int]
"""Network, epsilon and image."""

Answers = Mapping[Case, Mapping[str, Row]]
"""Case -> method -> row."""


def measure(name: str, epsilon: float, index: int, goal: str, method: str, limit: float) -> Row:
    """Attack one image."""
    problem = Problem.ball(network(name), images_of(name).images[index], epsilon=epsilon)
    found = attacked(problem, _method(method, SearchGoal(goal)), limit)
    return {**dict(zip(KEY, (name, epsilon, index, goal, method, limit), strict=True)), **found}


def _method(name: str, goal: SearchGoal) -> Method:
    if name == "exact":
        return Exact(goal=goal)
    _wake(name)
    return Milp(solver=solver_named(name), goal=goal)


@cache
def _wake(solver: str) -> None:
    """Solve a program of one variable, so that loading the solver's library is not measured."""
    builder = ProgramBuilder()
    builder.add_objective(builder.binary(), 1.0)
    solver_named(solver).solve(builder.build(), start=np.zeros(1))


def jobs(
    networks: tuple[str, ...], images: int, solvers: tuple[str, ...], goals: tuple[str, ...]
) -> list[Job]:
    """All measurements; those of one image together."""
    return [
        (name, EPSILON, index, goal, method)
        for goal in goals
        for index in range(images)
        for name in networks
        for method in ("exact", *solvers)
    ]


def decision(row: Row) -> str:
    """`flip`, `none` (proved, or the solver's word), or `open`."""
    if row["verdict"] == "flipped":
        return "flip"
    return "none" if row["verdict"] == "robust" or row["stop"] == "CLAIMED_ROBUST" else "open"


def closed(row: Row) -> bool:
    """Whether the row's objective is the optimum, as far as its method says."""
    return row["stop"] in ("OPTIMAL", "CLAIMED_OPTIMAL")


def by_case(rows: list[Row], goal: str) -> Answers:
    """The rows of one goal."""
    cases: dict[Case, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if row["goal"] == goal:
            cases[row["network"], row["epsilon"], row["index"]][row["method"]] = row
    return cases


def decision_table(answers: Answers, solvers: tuple[str, ...]) -> str:
    """Each solver's time over the exact method's, where the exact method decides."""
    lines = []
    for solver in solvers:
        pairs = [
            (methods["exact"], methods[solver])
            for methods in answers.values()
            if solver in methods and "exact" in methods and decision(methods["exact"]) != "open"
        ]
        if not pairs:
            continue
        exact = [mine["seconds"] for mine, _ in pairs]
        milp = [theirs["seconds"] for _, theirs in pairs]
        undecided = sum(decision(theirs) == "open" for _, theirs in pairs)
        # an undecided program would have taken longer, so each such ratio is too small
        ratio = geometric_mean([b / a for a, b in zip(exact, milp, strict=True)])
        lines.append(
            (
                solver,
                len(pairs),
                len(pairs) - undecided,
                f"{statistics.median(exact):.4f}",
                f"{statistics.median(milp):.2f}",
                f"{'at least ' * bool(undecided)}{ratio:.0f}",
            )
        )
    header = ("solver", "decided by exact", "by the MILP too", "exact, median s", "MILP, median s",
              "geometric mean of MILP / exact")  # fmt: skip
    return markdown(header, lines)


def optimum_table(answers: Answers, solvers: tuple[str, ...]) -> str:
    """On how many images each solver closes, and whether the optima agree."""
    lines = []
    for solver in solvers:
        pairs = [
            (methods["exact"], methods[solver])
            for methods in answers.values()
            if solver in methods and "exact" in methods
        ]
        both = [(a, b) for a, b in pairs if closed(a) and closed(b)]
        ratio = geometric_mean([b["seconds"] / a["seconds"] for a, b in both])
        lines.append(
            (
                solver,
                len(pairs),
                sum(closed(a) for a, _ in pairs),
                sum(closed(b) for _, b in pairs),
                f"{sum(a['objective'] == b['objective'] for a, b in both)} of {len(both)}",
                f"{ratio:.0f}" if both else "",
            )
        )
    header = ("solver", "images", "closed by exact", "by the MILP", "optima agree",
              "geometric mean of MILP / exact")  # fmt: skip
    return markdown(header, lines)


def contradictions(decisions: Answers, optima: Answers) -> list[str]:
    """Every pair of answers about one image that cannot both be right."""
    found = []
    for case, methods in decisions.items():
        said = {method: decision(row) for method, row in methods.items()}
        if {"flip", "none"} <= set(said.values()):
            found.append(f"{case}: {said}")
    for case, methods in optima.items():
        best = max(row["objective"] for row in methods.values())
        for method, row in methods.items():
            if row["bound"] is not None and row["bound"] < best:
                found.append(f"{case}: {method} has the bound {row['bound']}, another finds {best}")
    return found


@click.command(cls=Benchmark)
@store_options(out="out/exact-against-milp.jsonl", limit=300.0)
@click.option("--images", default=20, type=click.IntRange(1))
@click.option(
    "--solver", "solvers", multiple=True, type=click.Choice(list(SOLVERS)), default=("highs",)
)
@click.option("--network", "networks", multiple=True, default=NETWORKS)
@click.option("--goal", "goals", multiple=True, default=(DECIDE, OPTIMISE))
def main(
    out: Path,
    solvers: tuple[str, ...],
    networks: tuple[str, ...],
    goals: tuple[str, ...],
    images: int,
    time_limit: float,
    workers: int,
) -> None:
    """Measure what is missing in the store OUT and print its tables."""
    wanted = [(*job, time_limit) for job in jobs(networks, images, solvers, goals)]
    rows = run_jobs(wanted, measure, Store(out, KEY), workers, time_limit)
    decisions, optima = by_case(rows, DECIDE), by_case(rows, OPTIMISE)
    click.echo(machine(rows))
    if DECIDE in goals:
        click.echo(f"\nTo decide:\n\n{decision_table(decisions, solvers)}")
    if OPTIMISE in goals:
        click.echo(f"\nTo optimise:\n\n{optimum_table(optima, solvers)}")
    wrong = contradictions(decisions, optima)
    for line in wrong:
        click.echo(f"contradiction: {line}", err=True)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
