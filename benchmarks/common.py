"""What the benchmarks share: a store of JSON lines, worker processes, the machine in a line."""

import json
import multiprocessing
import os
import platform
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.progress import track

from signflip.data import ImageSet, load_dataset
from signflip.network import BinaryNetwork
from signflip.zoo import load_zoo

Row = dict[str, Any]
Job = tuple[Hashable, ...]


class Store:
    """Results in a file of JSON lines, each on the disk as soon as it is there."""

    def __init__(self, path: Path, key: Sequence[str]) -> None:
        self._path = path
        self._key = key
        path.parent.mkdir(parents=True, exist_ok=True)

    def rows(self) -> list[Row]:
        """All results so far; a line that a killed run left half-written is skipped."""
        if not self._path.exists():
            return []
        lines = self._path.read_text().split("\n")
        return [json.loads(line) for line in lines[:-1]]

    def done(self) -> set[Job]:
        """The jobs that have a result."""
        return {tuple(row[name] for name in self._key) for row in self.rows()}

    def add(self, row: Row) -> None:
        """Store a result."""
        self._drop_half_line()
        with self._path.open("a") as handle:
            handle.write(json.dumps(row) + "\n")
            handle.flush()
            os.fsync(handle.fileno())

    def _drop_half_line(self) -> None:
        if self._path.exists():
            text = self._path.read_bytes()
            if text and not text.endswith(b"\n"):
                self._path.write_bytes(text[: text.rfind(b"\n") + 1])


def run_jobs(
    jobs: Iterable[Job], measure: Callable[..., Row], store: Store, workers: int
) -> list[Row]:
    """Measure the jobs that the store lacks, each in one of `workers` processes; all its rows."""
    done = store.done()
    missing = [job for job in jobs if job not in done]
    for row in track(_measured(missing, measure, workers), total=len(missing)):
        store.add(row)
    return store.rows()


def _measured(jobs: list[Job], measure: Callable[..., Row], workers: int) -> Iterator[Row]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for future in as_completed([pool.submit(measure, *job) for job in jobs]):
            yield future.result()


@cache
def network(name: str) -> BinaryNetwork:
    """A zoo network, loaded once a process."""
    return load_zoo(name)


@cache
def test_images(name: str) -> ImageSet:
    """The test images that belong to a zoo network's name, loaded once a process."""
    return load_dataset("mnist" if name.startswith("mnist") else "fashion-mnist")


test_images.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever pytest thinks


def machine() -> str:
    """The machine and the versions that matter, in a line."""
    packages = ("signflip", "numpy", "numba", "highspy")
    names = ", ".join(f"{name} {version(name)}" for name in packages)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"{names}; load average {load}"
    )


def markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
