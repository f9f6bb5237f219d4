"""A store of many rows: how long it takes to write, open, merge and report.

    signflip sweep grids/quick.toml --store results.db --workers 2
    python -m benchmarks.store_at_scale results.db

The rows are copies of those of a real store under other keys, each added in a transaction of its
own as a sweep does.
"""

import hashlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import count, islice
from pathlib import Path

import click

from benchmarks.common import Benchmark, Row, machine, markdown
from signflip.many.store import ResultRow, Store, unpack
from signflip.result import Verdict


def rows_of(store: Store) -> list[ResultRow]:
    """All rows of a store."""
    columns = [field.name for field in fields(ResultRow)]
    query = f"SELECT {', '.join(columns)} FROM results"
    found = []
    for values in store.connection.execute(query):
        row: Row = dict(zip(columns, values, strict=True))
        row["settings"] = json.loads(row["settings"])
        row["versions"] = json.loads(row["versions"])
        row["trace"] = tuple(tuple(point) for point in json.loads(row["trace"]))
        row["verdict"] = Verdict(row["verdict"])
        row["witness"] = None if row["witness"] is None else unpack(row["witness"])
        found.append(ResultRow(**row))
    return found


def copies(rows: list[ResultRow]) -> Iterator[ResultRow]:
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
        rows = list(islice(copies(rows_of(few)), number))
        began = time.monotonic()
        for row in rows:
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
            ("add, a transaction each", f"{adding:.1f}", f"{1000 * adding / number:.2f} ms a row"),
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
