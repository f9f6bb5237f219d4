"""No verdict contradicts another method's witness: FGSM, IProp, MILP and exact on random problems.

    python -m benchmarks.verdicts_agree --out out/verdicts-agree.jsonl

Two hundred problems, drawn by a seed from all networks of the zoo, the epsilons of the exact table,
a thousand test images and both kinds of goal. Every objective is that of a witness which was
replayed in exact arithmetic, so any method's bound below any method's objective is a contradiction:
of a proof for the exact method, of the solver's word for the MILP. It exits with 1 if there is one.
Results are stored as they come; the same command goes on where it was stopped.
"""

import sys
from collections import Counter, defaultdict
from pathlib import Path

import click
import numpy as np

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
from benchmarks.exact_table import EPSILONS
from signflip import Problem, Untargeted
from signflip.attack import Method
from signflip.methods import Exact, Fgsm, IProp, Milp
from signflip.methods.search_goal import SearchGoal
from signflip.zoo import ATTACKED

KEY = ("network", "epsilon", "index", "target", "method", "limit")
IMAGES = 1000
METHODS: dict[str, Method] = {
    "fgsm": Fgsm(),
    "fgsm, many restarts": Fgsm(width=0.3, restarts=None),
    "iprop": IProp(),
    "milp": Milp(),
    "milp, decide": Milp(goal=SearchGoal.DECIDE),
    "exact": Exact(goal=SearchGoal.OPTIMISE),
    "exact, decide": Exact(),
}


def measure(name: str, epsilon: float, index: int, target: str, method: str, limit: float) -> Row:
    """Attack one image."""
    goal = Untargeted() if target == "untargeted" else None
    image = images_of(name).images[index]
    problem = Problem.ball(network(name), image, epsilon=epsilon, goal=goal)
    found = attacked(problem, METHODS[method], limit)
    return {**dict(zip(KEY, (name, epsilon, index, target, method, limit), strict=True)), **found}


def jobs(problems: int, seed: int) -> list[Job]:
    """Every method on each of the problems; those of one problem together."""
    rng = np.random.default_rng(seed)
    drawn: dict[Job, None] = {}
    while len(drawn) < problems:
        name = str(rng.choice(ATTACKED))
        epsilon = float(rng.choice(EPSILONS[name.partition("-")[2]]))
        target = str(rng.choice(["second", "untargeted"]))
        drawn[name, epsilon, int(rng.integers(IMAGES)), target] = None
    return [(*problem, method) for problem in drawn for method in METHODS]


def contradictions(rows: list[Row]) -> list[str]:
    """Every bound or verdict that a witness for the same problem refutes."""
    cases: dict[Job, list[Row]] = defaultdict(list)
    for row in rows:
        cases[row["network"], row["epsilon"], row["index"], row["target"]].append(row)
    found = []
    for case, answers in cases.items():
        best = max(answers, key=lambda row: row["objective"])
        for row in answers:
            robust = row["verdict"] == "robust" or row["stop"] == "CLAIMED_ROBUST"
            refuted = row["bound"] is not None and row["bound"] < best["objective"]
            if refuted or (robust and best["objective"] > 0):
                found.append(
                    f"{case}: {row['method']} says {row['verdict']} ({row['stop']}) with the bound "
                    f"{row['bound']}; {best['method']} has a witness of {best['objective']}"
                )
    return found


def table(rows: list[Row]) -> str:
    """What each method says."""
    lines = []
    for method in METHODS:
        mine = [row for row in rows if row["method"] == method]
        verdicts = Counter(row["verdict"] for row in mine)
        claims = sum(row["stop"] in ("CLAIMED_ROBUST", "CLAIMED_OPTIMAL") for row in mine)
        numbers = [verdicts[verdict] for verdict in ("flipped", "robust", "unknown")]
        lines.append((method, len(mine), *numbers, claims))
    header = ("method", "problems", "flipped", "robust", "unknown", "a solver's claim")
    return markdown(header, lines)


@click.command(cls=Benchmark)
@store_options(out="out/verdicts-agree.jsonl", limit=3.0)
@click.option("--problems", default=200, type=click.IntRange(1))
@click.option("--seed", default=0, type=click.IntRange(0))
def main(out: Path, problems: int, seed: int, time_limit: float, workers: int) -> None:
    """Measure what is missing in the store OUT, print its table, and check it."""
    wanted = [(*job, time_limit) for job in jobs(problems, seed)]
    rows = run_jobs(wanted, measure, Store(out, KEY), workers, time_limit)
    wrong = contradictions(rows)
    click.echo(f"{machine(rows)}\n\n{table(rows)}\n\n{len(wrong)} contradictions")
    for line in wrong:
        click.echo(line, err=True)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
