"""How much the exact method decides: networks x epsilons x test images, a time limit each.

    python -m benchmarks.exact_table --out out/exact-table.jsonl

Twenty test images of each data set, second-highest class, 60 s an image, two processes. Results are
stored as they come; the same command goes on where it was stopped. It prints the table at the end.
"""

import statistics
import time
from collections import defaultdict
from pathlib import Path

import click

from benchmarks.common import Job, Row, Store, machine, markdown, network, run_jobs, test_images
from signflip import Problem, attack
from signflip.methods import Exact
from signflip.methods.exact import SearchGoal

KEY = ("network", "epsilon", "index", "goal")
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
OPTIMISED = ("2x100", 0.01)
"""Where the optimum is to be proved, besides the decision."""


def measure(name: str, epsilon: float, index: int, goal: str, limit: float) -> Row:
    """Attack one image."""
    image = test_images(name).images[index]
    problem = Problem.ball(network(name), image, epsilon=epsilon)
    method = Exact(goal=SearchGoal(goal))
    method.prepare()
    cpu = time.process_time()
    result = attack(problem, method, time_limit=limit)
    return {
        **dict(zip(KEY, (name, epsilon, index, goal), strict=True)),
        "limit": limit,
        "verdict": result.verdict.value,
        "stop": result.stop.name,
        "objective": result.objective,
        "clean_objective": result.clean_objective,
        "bound": result.bound,
        "seconds": result.seconds,
        "cpu_seconds": time.process_time() - cpu,
    }


def jobs(architectures: tuple[str, ...], images: int) -> list[Job]:
    """All measurements, the quick ones first."""
    found = [
        (f"{data}-{architecture}", epsilon, index, SearchGoal.DECIDE.value)
        for architecture in architectures
        for data in ("mnist", "fashion")
        for epsilon in EPSILONS[architecture]
        for index in range(images)
    ]
    architecture, epsilon = OPTIMISED
    if architecture in architectures:
        found += [
            (f"{data}-{architecture}", epsilon, index, SearchGoal.OPTIMISE.value)
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
    lines = []
    for (name, epsilon, goal), group in sorted(groups.items()):
        verdicts = [row["verdict"] for row in group]
        seconds = [row["seconds"] for row in group]
        lines.append(
            (
                name,
                epsilon,
                goal,
                f"{sum(map(settled, group))} / {len(group)}",
                verdicts.count("flipped"),
                verdicts.count("robust"),
                verdicts.count("unknown"),
                f"{statistics.median(seconds):.3f}",
                f"{max(seconds):.1f}",
            )
        )
    header = ("network", "epsilon", "goal", "settled", "flipped", "robust", "unknown",
              "median s", "most s")  # fmt: skip
    return markdown(header, lines)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/exact-table.jsonl"))
@click.option("--architecture", "architectures", multiple=True, type=click.Choice(list(EPSILONS)))
@click.option("--images", default=20, type=click.IntRange(1))
@click.option("--time-limit", default=60.0, type=click.FloatRange(0, min_open=True))
@click.option("--workers", default=2, type=click.IntRange(1))
def main(
    out: Path, architectures: tuple[str, ...], images: int, time_limit: float, workers: int
) -> None:
    """Measure what is missing in the store OUT and print its table."""
    store = Store(out, (*KEY, "limit"))
    wanted = [(*job, time_limit) for job in jobs(architectures or tuple(EPSILONS), images)]
    rows = run_jobs(wanted, measure, store, workers)
    click.echo(f"{machine()}\n\n{table(rows)}")


if __name__ == "__main__":
    main()
