"""What a sweep costs beyond its methods: wall time over the sum of their seconds / workers.

    python -m benchmarks.sweep_overhead

Runs `signflip sweep` on many short problems (exact method, 2x100, epsilon 0.005), on this machine
and on a Dask cluster of as many single-threaded workers that it starts on loopback. A short sweep
goes before each, so that kernels are compiled. Wall time means something only where nothing else
runs; CPU time, of all processes of the sweep, is compared with that of plain loops over the same
problems in as many processes. A script of such loops alone shows what start-up costs anyone.
"""

import ctypes
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click
import psutil  # type: ignore[import-untyped]

from benchmarks.common import Benchmark, data_option, machine, markdown
from signflip.attack import Preparing, attack
from signflip.many.grid import read_plan
from signflip.many.store import Store
from signflip.many.workers import run_in_processes
from tests.support.dask_cluster import Cluster

_PR_SET_CHILD_SUBREAPER = 36  # of Linux's prctl

SHORT = 20
"""Problems of the sweep that goes before."""

GRID = """
title = "Short problems"
time_limit = 10

[methods.exact]
goal = "optimise"

[[problems]]
networks = ["mnist-2x100"]
images = "{images}"
index = "0:{problems}"
epsilons = [{epsilon}]
methods = ["exact"]
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A sweep, or the plain loops.

    Attributes:
        problems: their number.
        wall: seconds from the start of the command to its end.
        start_up: seconds until the first method began.
        methods: sum of the methods' seconds.
        cpu: seconds of CPU of all its processes.
    """

    problems: int
    wall: float
    start_up: float
    methods: float
    cpu: float


def plain_loops(grid: Path, workers: int) -> Measured:
    """The methods one after the other, in as many processes at once, and nothing else."""
    parts = [(grid, first, workers) for first in range(workers)]
    found = [
        part
        for _, part in run_in_processes(_plain_loop, parts, workers=workers, limit=lambda _: None)
        if isinstance(part, Measured)
    ]
    return Measured(
        problems=sum(part.problems for part in found),
        wall=sum(part.wall for part in found) / workers,
        start_up=0.0,
        methods=sum(part.methods for part in found),
        cpu=sum(part.cpu for part in found),
    )


def _plain_loop(part: tuple[Path, int, int]) -> Measured:
    grid, first, step = part
    plan = read_plan(grid)
    tasks = plan.tasks()[first::step]
    method = tasks[0].series.method
    if isinstance(method, Preparing):
        method.prepare()
    wall, cpu, methods = time.monotonic(), time.process_time(), 0.0
    for task in tasks:
        problem = task.problem(plan.networks[task.case.network])
        methods += attack(problem, method, time_limit=task.series.time_limit).seconds
    return Measured(
        problems=len(tasks),
        wall=time.monotonic() - wall,
        start_up=0.0,
        methods=methods,
        cpu=time.process_time() - cpu,
    )


def sweep(grid: Path, *options: str, cluster: Cluster | None = None) -> Measured:
    """`signflip sweep` in a process of its own, into a new store."""
    store = grid.with_name(f"{grid.stem}-{time.time_ns()}.db")
    command = (sys.executable, "-m", "signflip", "sweep", str(grid), "--store", str(store))
    known = {child.pid for child in psutil.Process().children()}
    others = _cpu(cluster) if cluster else 0.0
    began, wall, cpu = time.time(), time.monotonic(), _children()
    subprocess.run((*command, *options), check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - wall
    _wait_for_children_but(known)
    cpu = _children() - cpu
    others = _cpu(cluster) - others if cluster else 0.0
    with Store.open(store) as opened:
        rows = opened.connection.execute("SELECT seconds, finished FROM results").fetchall()
    seconds, finished = min(rows, key=lambda row: str(row[1]))
    return Measured(
        problems=len(rows),
        wall=wall,
        start_up=datetime.fromisoformat(finished).timestamp() - seconds - began,
        methods=sum(seconds for seconds, _ in rows),
        cpu=cpu + others,
    )


def script(grid: Path, workers: int) -> float:
    """Seconds of a script, from start to end, that runs the plain loops and stores nothing."""
    code = (
        "from pathlib import Path; from benchmarks.sweep_overhead import plain_loops; "
        f"plain_loops(Path({str(grid)!r}), {workers})"
    )
    began = time.monotonic()
    subprocess.run((sys.executable, "-c", code), check=True)
    return time.monotonic() - began


@contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Be the parent of what outlives its own: the server that forked a sweep's workers."""
    prctl = ctypes.CDLL(None).prctl
    if prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError("this system gives orphans to its first process only")
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _wait_for_children_but(known: set[int]) -> None:
    for child in psutil.Process().children():
        if child.pid not in known:
            child.wait(timeout=300)


def _children() -> float:
    """Seconds of CPU of the processes that this one has waited for, and that those have."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cpu(cluster: Cluster) -> float:
    """Seconds of CPU that the cluster's processes have used."""
    total = 0.0
    for process in cluster.processes:
        whole = psutil.Process(process.pid)
        for one in (whole, *whole.children(recursive=True)):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def row(name: str, workers: int, sweeps: list[Measured], loops: list[Measured]) -> tuple[str, ...]:
    """A row of the table, of a short sweep and the one that counts."""
    short, main = sweeps
    share = main.methods / workers
    cpu = (main.cpu - short.cpu) / (loops[1].cpu - loops[0].cpu) - 1
    return (
        name,
        str(main.problems),
        f"{1000 * main.methods / main.problems:.1f}",
        f"{main.wall:.1f}",
        f"{main.start_up:.1f}",
        f"{share:.1f}",
        f"{main.wall / share - 1:.1%}",
        f"{(main.wall - main.start_up) / share - 1:.1%}",
        f"{main.cpu:.1f}",
        f"{main.cpu / loops[1].cpu - 1:.1%}",
        f"{cpu:.1%}",
    )


@click.command(cls=Benchmark)
@click.option("--problems", default=2000, type=click.IntRange(2 * SHORT))
@click.option("--images", default="mnist")
@click.option("--epsilon", default=0.005, help="A larger one makes longer problems.")
@click.option("--workers", default=2, type=click.IntRange(1))
@data_option
def main(problems: int, images: str, epsilon: float, workers: int) -> None:
    """Measure, and print a table."""
    with _adopting_orphans(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grids = [folder / "short.toml", folder / "main.toml"]
        for grid, count in zip(grids, (SHORT, problems), strict=True):
            grid.write_text(GRID.format(images=images, problems=count, epsilon=epsilon))
        loops = [plain_loops(grid, workers) for grid in grids]
        alone = script(grids[1], workers)
        local = [sweep(grid, "--workers", str(workers)) for grid in grids]
        began = time.monotonic()
        cluster = Cluster(folder, workers=workers)
        try:
            started = time.monotonic() - began
            remote = [
                sweep(grid, "--scheduler", cluster.address, cluster=cluster)
                for grid in (grids[0], *grids)  # the first starts the workers' processes
            ][1:]
        finally:
            cluster.end()
    header = ("where", "problems", "ms a problem", "wall s", "of it start-up",
              "methods' s / workers", "overhead", "after start-up", "CPU s",
              "CPU over plain loops", "after start-up")  # fmt: skip
    rows = [
        row(f"this machine, {workers} processes", workers, local, loops),
        row(f"loopback cluster, {workers} workers", workers, remote, loops),
    ]
    click.echo(
        f"{machine([])}\n\n{markdown(header, rows)}\n\nPlain loops: {loops[1].wall:.1f} s, "
        f"{loops[1].wall * workers / loops[1].methods - 1:.1%} over the methods; "
        f"{loops[1].cpu:.1f} s of CPU. As a script, from start to end: {alone:.1f} s. The cluster "
        f"was there after {started:.1f} s, which are not in the table."
    )


if __name__ == "__main__":
    main()
