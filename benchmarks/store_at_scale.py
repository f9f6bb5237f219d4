"""A store of many rows: how long it takes to write, open, merge and report.

    signflip sweep grids/quick.toml --store results.db --workers 2
    python -m benchmarks.store_at_scale results.db

The rows are copies of those of a real store under other keys, added in transactions of 50 rows as a
sweep of short problems does.
"""

import hashlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import click

from benchmarks.common import Benchmark, machine, markdown
from signflip.many.record import Record
from signflip.many.store import Store

TOGETHER = 50
"""Rows of a transaction."""


def copies(rows: list[Record]) -> Iterator[Record]:
    """The rows again and again, of other problems each time."""
    for number in count():
        for row in rows:
            yield replace(row, key=_renamed(row.key, number), problem=_renamed(row.problem, number))


def _renamed(key: str, number: int) -> str:
    return hashlib.sha256(f"{key} {number}".encode()).hexdigest()


def fill(source: Path, target: Path, number: int) -> float:
    """Make a store of `number` rows; the seconds that adding them took."""
    with Store.open(source) as few, Store.open(target, create=True) as many:
        for key, name in few.connection.execute("SELECT key, name FROM networks"):
            many.add_network(name, few.network(key))
        for (key,) in few.connection.execute("SELECT key FROM images"):
            many.add_image(few.pixels(key))
        rows = copies(list(few.records("ORDER BY rowid")))
        began = time.monotonic()
        for left in range(number, 0, -TOGETHER):
            with many.transaction():
                for row in islice(rows, min(left, TOGETHER)):
                    many.add(row)
        return time.monotonic() - began


def report(store: Path, folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of `signflip report` in a process of its own."""
    before, began = _children(), time.monotonic()
    subprocess.run(
        (sys.executable, "-m", "signflip", "report", str(store), "--out", str(folder)),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.monotonic() - began, _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.0f} MB"


@click.command(cls=Benchmark)
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--rows", "number", default=100_000, type=click.IntRange(1))
def main(source: Path, number: int) -> None:
    """Measure copies of the rows of SOURCE, and print a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, merged = folder / "many.db", folder / "merged.db"
        adding = fill(source, store, number)
        began = time.monotonic()
        with Store.open(store) as opened:
            keys = len(opened.keys())
        opening = time.monotonic() - began
        shutil.copy(source, merged)
        began = time.monotonic()
        with Store.open(merged) as opened:
            new = opened.merge(store)
        merging = time.monotonic() - began
        wall, cpu = report(store, folder / "report")
        lines = [
            (
                f"add, a transaction each {TOGETHER}",
                f"{adding:.1f}",
                f"{1000 * adding / number:.2f} ms a row",
            ),
            ("open, and read the keys", f"{opening:.2f}", f"{keys:,} rows, {_megabytes(store)}"),
            ("merge into another", f"{merging:.1f}", f"{new:,} new rows"),
            (
                "`signflip report`",
                f"{wall:.1f}",
                f"{cpu:.1f} s of CPU; page of {_megabytes(folder / 'report' / 'index.html')}",
            ),
        ]
    click.echo(f"{machine([])}\n\n{markdown(('what', 'seconds', ''), lines)}")


if __name__ == "__main__":
    main()
