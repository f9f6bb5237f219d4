"""Proofs of the robust verdicts of the exact table: their number, size, and time to check.

    python -m benchmarks.proofs --out out/proofs.jsonl

Every image that `benchmarks/results/exact-table.jsonl` calls robust is searched again, without a
proof and with one, and the proof is checked. Seconds are those of the clock, so that nothing else
should run; `--workers 1`. Results are stored as they come; the same command goes on where it was
stopped. It prints its table at the end.
"""

import json
import statistics
import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.common import (
    Benchmark,
    Job,
    Row,
    Store,
    images_of,
    machine,
    markdown,
    network,
    run_jobs,
    store_options,
)
from signflip import Problem, Verdict, attack
from signflip.errors import ProofError
from signflip.methods import Exact
from signflip.proof.check import check
from signflip.proving.files import PROOFS

KEY = ("network", "epsilon", "index", "limit")
TABLE = Path(__file__).parent / "results" / "exact-table.jsonl"


def measure(name: str, epsilon: float, index: int, limit: float) -> Row:
    """Search, prove and check one image."""
    method, known = Exact(), network(name)
    method.prepare()
    image = images_of(name).images[index]
    problem = Problem.ball(known, image, epsilon=epsilon)
    row: Row = {"network": name, "epsilon": epsilon, "index": index, "limit": limit}
    PROOFS.load()  # what is compiled at its first call
    begun = time.perf_counter()
    robust = attack(problem, method, time_limit=limit).verdict is Verdict.ROBUST
    searched = time.perf_counter()
    row |= {"robust": robust, "search_seconds": searched - begun}
    if not robust:
        return row
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.proof"
        remark = attack(problem, method, time_limit=limit, proof=path).remark
        row["proved_seconds"] = time.perf_counter() - searched
        if not path.exists():
            return row | {"why_no_proof": remark}
        data = path.read_bytes()
    begun = time.perf_counter()
    try:
        cases = check(data, known).cases
    except ProofError as reason:
        return row | {"refused": str(reason), "bytes": len(data)}
    seconds = time.perf_counter() - begun
    return row | {"bytes": len(data), "cases": cases, "check_seconds": seconds}


def jobs(limit: float) -> list[Job]:
    """Every robust verdict of the exact table, the networks and budgets in its order."""
    rows = [json.loads(line) for line in TABLE.read_text().splitlines()]
    robust = [row for row in rows if row["goal"] == "decide" and row["verdict"] == "robust"]
    return [(row["network"], row["epsilon"], row["index"], limit) for row in robust]


def table(rows: list[Row]) -> str:
    """A line for each network and budget: medians, and the worst."""
    groups: dict[tuple[str, float], list[Row]] = defaultdict(list)
    for row in rows:
        if row["robust"]:
            groups[row["network"].partition("-")[2], row["epsilon"]].append(row)
    lines = []
    for (name, epsilon), group in sorted(groups.items()):
        proofs = [row for row in group if "cases" in row]
        ends = ["-"] * 4
        if proofs:
            ends = [
                f"{statistics.median(row['bytes'] for row in proofs) / 1000:.1f}",
                f"{max(row['bytes'] for row in proofs) / 1000:.0f}",
                f"{statistics.median(row['check_seconds'] for row in proofs):.2f}",
                f"{max(row['check_seconds'] for row in proofs):.1f}",
            ]
        search = sum(row["search_seconds"] for row in proofs)
        proved = sum(row["proved_seconds"] for row in proofs)
        refused = sum("refused" in row for row in group)
        lines.append(
            (
                name,
                epsilon,
                len(group),
                len(proofs),
                refused,
                *ends,
                f"{search:.2f}",
                f"{proved:.2f}",
            )
        )
    head = (
        *("networks", "epsilon", "robust", "accepted", "refused", "median KB", "largest KB"),
        *("median check s", "longest check s", "search s", "with proof s"),
    )
    return markdown(head, lines)


@click.command(cls=Benchmark)
@store_options(out="out/proofs.jsonl", limit=60.0)
@click.option("--only", default="", help="Networks whose names hold this: 2x100.")
@click.option("--epsilon", type=float, default=1.0, show_default=True, help="Budgets up to this.")
@click.option("--images", default=20, show_default=True, help="The first of each data set.")
def main(
    out: Path, time_limit: float, workers: int, only: str, epsilon: float, images: int
) -> None:
    """Measure what is not stored yet, and print the table."""
    wanted = [
        job for job in jobs(time_limit) if only in job[0] and job[1] <= epsilon and job[2] < images
    ]
    rows = run_jobs(wanted, measure, Store(out, KEY), workers, 3 * time_limit)
    click.echo(f"{machine(rows)}\n\n{table(rows)}")


if __name__ == "__main__":
    main()
