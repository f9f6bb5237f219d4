"""A real scheduler and real workers on loopback, as the README's commands start them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Client

ROOT = Path(__file__).parents[2]
DASK = Path(sys.executable).with_name("dask")
WAIT = 300.0
"""Seconds that a machine may take to start a process, however busy it is."""


class Cluster:
    """A scheduler and its workers, each a process group.

    Attributes:
        address: of the scheduler.
        processes: the scheduler, and the command that started the workers.
    """

    def __init__(self, folder: Path, *, workers: int) -> None:
        self._folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        try:
            self._scheduler = self._start(
                "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)
            )
            self.address: str = json.loads(_text_of(file))["address"]
            if workers:
                self.add_workers(workers)
        except BaseException:
            self.end()  # nobody else can: there is no cluster yet
            raise

    def add_workers(self, count: int, *, path: Path = ROOT) -> "subprocess.Popen[bytes]":
        """Start workers, and wait until they are there; the command that they belong to.

        Args:
            count: how many.
            path: where they look for modules first.
        """
        with self.client() as client:
            there = len(client.nthreads())  # type: ignore[no-untyped-call]
            command = self._start(
                "worker", self.address, "--nworkers", str(count), "--nthreads", "1",
                "--local-directory", str(self._folder), path=path,
            )  # fmt: skip
            client.wait_for_workers(there + count, timeout=WAIT)
        return command

    @contextmanager
    def client(self) -> Iterator["Client"]:
        """A client of the test's own."""
        from distributed import Client  # only the tests of a cluster wait for it

        with Client(self.address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            yield client

    def worker_pids(self) -> list[int]:
        """Processes of the workers, not of their nannies."""
        with self.client() as client:
            return list(client.run(os.getpid).values())

    def kill_scheduler(self) -> None:
        """End the scheduler as `kill -9` does."""
        _kill(self._scheduler)

    def end(self) -> None:
        """End all processes."""
        for group in reversed(self.processes):
            _kill(group)

    def _start(self, *words: str, path: Path = ROOT) -> "subprocess.Popen[bytes]":
        with (self._folder / f"{words[0]}.log").open("ab") as log:
            group = subprocess.Popen(
                (str(DASK), *words, "--no-dashboard"),
                stdout=log,
                stderr=log,
                # workers find the methods of tests; a retry of the same chunk fails sooner
                env={
                    **os.environ,
                    "PYTHONPATH": str(path),
                    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
                },
                start_new_session=True,
            )
        self.processes.append(group)
        return group


def _kill(group: "subprocess.Popen[bytes]") -> None:
    if group.poll() is None:
        os.killpg(group.pid, signal.SIGKILL)
    group.wait()


def _text_of(file: Path) -> str:
    end = time.monotonic() + WAIT
    while not (file.exists() and file.read_text()):
        if time.monotonic() > end:
            raise TimeoutError(f"{file} did not appear")
        time.sleep(0.05)
    return file.read_text()
