"""How far each attack goes from the clean objective c to the optimum o: (objective - c) / (o - c).

    python -m benchmarks.attacks_compared --out out/attacks-compared.jsonl

mnist-2x100 at epsilon 0.01, twenty test images, second-highest class, 30 s an image. The optimum is
the exact method's, proved; where the MILP closes, the two must agree, else it exits with 1. Images
that no attack can improve (o = c) have no such share and are left out. Results are stored as they
come; the same command goes on where it was stopped.
"""

import statistics
import sys
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
from signflip.attack import Method
from signflip.methods import Exact, Fgsm, IProp, Milp
from signflip.methods.search_goal import SearchGoal

KEY = ("network", "epsilon", "index", "method", "limit")
OPTIMUM = "exact"
METHODS: dict[str, Method] = {
    "fgsm": Fgsm(),
    "fgsm, many restarts": Fgsm(width=0.3, restarts=None),
    "milp": Milp(),
    "iprop": IProp(),
    OPTIMUM: Exact(goal=SearchGoal.OPTIMISE),
}


def measure(name: str, epsilon: float, index: int, method: str, limit: float) -> Row:
    """Attack one image."""
    problem = Problem.ball(network(name), images_of(name).images[index], epsilon=epsilon)
    found = attacked(problem, METHODS[method], limit)
    return {**dict(zip(KEY, (name, epsilon, index, method, limit), strict=True)), **found}


def optima(rows: list[Row]) -> dict[int, Row]:
    """Image -> the row that proves its optimum."""
    return {
        row["index"]: row for row in rows if row["method"] == OPTIMUM and row["stop"] == "OPTIMAL"
    }


def share(row: Row, optimum: Row) -> float | None:
    """`(objective - c) / (o - c)`; None if no image is better than the clean one."""
    clean, best = optimum["clean_objective"], optimum["objective"]
    return None if best == clean else (row["objective"] - clean) / (best - clean)


def table(rows: list[Row]) -> str:
    """The mean share of each method, over the images whose optimum is proved."""
    proved = optima(rows)
    lines = []
    for method in METHODS:
        mine = [row for row in rows if row["method"] == method]
        shares = [share(row, proved[row["index"]]) for row in mine if row["index"] in proved]
        known = [value for value in shares if value is not None]
        if not mine:
            continue
        lines.append(
            (
                method,
                len(known),
                f"{statistics.fmean(known):.3f}" if known else "",
                f"{min(known):.2f}" if known else "",
                sum(value == 1 for value in known),
                sum(row["verdict"] == "flipped" for row in mine),
                f"{statistics.fmean(row['seconds'] for row in mine):.2f}",
            )
        )
    header = ("method", "images", "mean (objective - c) / (o - c)", "least", "at the optimum",
              "flipped", "mean s")  # fmt: skip
    return markdown(header, lines)


def contradictions(rows: list[Row]) -> list[str]:
    """Objectives above a proved optimum, and optima that a solver claims to be others."""
    proved = optima(rows)
    found = []
    for row in rows:
        if row["index"] not in proved:
            continue
        best = proved[row["index"]]["objective"]
        claimed = row["stop"] == "CLAIMED_OPTIMAL" and row["objective"] != best
        if row["objective"] > best or claimed:
            found.append(
                f"image {row['index']}: the optimum is {best}, {row['method']} has "
                f"{row['objective']} ({row['stop']})"
            )
    return found


@click.command(cls=Benchmark)
@store_options(out="out/attacks-compared.jsonl", limit=30.0)
@click.option("--network", "name", default="mnist-2x100")
@click.option("--epsilon", default=0.01)
@click.option("--images", default=20, type=click.IntRange(1))
def main(
    out: Path, name: str, epsilon: float, images: int, time_limit: float, workers: int
) -> None:
    """Measure what is missing in the store OUT and print its table."""
    wanted: list[Job] = [
        (name, epsilon, index, method, time_limit) for index in range(images) for method in METHODS
    ]
    rows = run_jobs(wanted, measure, Store(out, KEY), workers, time_limit)
    closed = [row for row in rows if row["stop"] == "CLAIMED_OPTIMAL"]
    wrong = contradictions(rows)
    click.echo(
        f"{machine(rows)}\n\n{table(rows)}\n\nThe optimum is proved for {len(optima(rows))} of "
        f"{images} images; the MILP closes {len(closed)}, with {len(wrong)} disagreements."
    )
    for line in wrong:
        click.echo(line, err=True)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
