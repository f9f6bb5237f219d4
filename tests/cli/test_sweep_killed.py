"""Sweeps that are ended in the middle, at random moments, and go on."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from signflip.many.grid import read_plan
from signflip.many.store import Store
from tests.support.sweeps import keys

PATIENCE = 120.0
ROUNDS = int(os.environ.get("SIGNFLIP_KILL_ROUNDS", "1"))
"""How often each kind of end is tried; a longer test is `SIGNFLIP_KILL_ROUNDS=20 pytest ...`."""

GRID = """
time_limit = 10
[methods.fgsm]
[methods.strong]
method = "fgsm"
width = 0.3
restarts = 4
[[problems]]
networks = ["mnist-2x100", "mnist-3x100"]
images = "mnist-sample"
index = "0:20"
epsilons = [0.01]
"""


def start(folder: Path) -> "subprocess.Popen[str]":
    """A sweep in a process of its own."""
    command = (sys.executable, "-m", "signflip", "sweep", "grid.toml")
    return subprocess.Popen(
        (*command, "--store", "results.db", "--workers", "2"),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def rows(folder: Path) -> int:
    """How many rows are in the store, while a sweep writes to it."""
    if not (folder / "results.db").exists():
        return 0
    with Store.open(folder / "results.db", create=True) as store:
        return len(store.keys())


def wait_for_rows(folder: Path, process: "subprocess.Popen[str]", count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while rows(folder) < count and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def check(folder: Path, known: set[str]) -> set[str]:
    """The store opens, is whole, and holds all rows that it held before; its keys."""
    with Store.open(folder / "results.db", create=True) as store:
        assert store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = store.keys(failed=False)
        assert found >= known
        assert found == store.keys()
        for key in found:
            assert store.witness(key) is not None
        inputs = "SELECT count(*) FROM results WHERE image NOT IN (SELECT key FROM images)"
        assert store.connection.execute(inputs).fetchone() == (0,)
        return found


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_killed_sweep_goes_on_to_the_same_set(tmp_path: Path, seed: int) -> None:
    (tmp_path / "grid.toml").write_text(GRID)
    planned = keys(read_plan(tmp_path / "grid.toml").attempts())
    rng = random.Random(seed)
    known: set[str] = set()

    process = start(tmp_path)  # killed while it starts, makes the store, or plans
    time.sleep(rng.uniform(0.0, 2.0))
    process.kill()
    process.communicate(timeout=PATIENCE)
    known = check(tmp_path, known)

    partial = 0
    for _ in range(2):
        process = start(tmp_path)
        enough = len(known) + 1
        wait_for_rows(tmp_path, process, rng.randint(enough, max(enough, len(planned) - 10)))
        time.sleep(rng.uniform(0.0, 0.1))
        process.kill()
        process.communicate(timeout=PATIENCE)
        known = check(tmp_path, known)
        partial += 0 < len(known) < len(planned)
    assert partial

    process = start(tmp_path)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    assert f"{len(known)} are in the store" in stderr
    assert check(tmp_path, known) == planned


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_an_interrupted_sweep_says_what_it_found(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    # so much work that it is not done before the signal comes
    (tmp_path / "grid.toml").write_text(GRID.replace("restarts = 4", "restarts = 1000"))
    process = start(tmp_path)
    wait_for_rows(tmp_path, process, 3)
    os.killpg(process.pid, number)  # as a terminal does: to the whole group
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, stderr
    assert "Traceback" not in stderr
    found = check(tmp_path, set())
    assert len(found) >= 3
    shown = sum(int(line.split()[1]) for line in stdout.splitlines()[1:])
    assert shown == len(found)
