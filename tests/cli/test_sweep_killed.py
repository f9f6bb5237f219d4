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

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0  # only what hangs takes so long
ROUNDS = int(os.environ.get("SIGNFLIP_KILL_ROUNDS", "1"))
"""How often each kind of end is tried; a longer test is `SIGNFLIP_KILL_ROUNDS=20 pytest ...`."""

GRID = """
time_limit = 100_000
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
methods = ["fgsm", "strong"]
"""

WITHOUT_END = """
[methods.endless]
method = "fgsm"
restarts = 1_000_000_000
[[problems]]
networks = ["mnist-2x100"]
images = "mnist-sample"
index = "99"
epsilons = [0.01]
methods = ["endless"]
"""
"""What keeps one of two workers busy for longer than any test: the sweep is never done."""


def start(folder: Path, *program: str) -> "subprocess.Popen[str]":
    """A sweep in a process of its own, by `program` in place of signflip."""
    command = (sys.executable, "-m", *(program or ("signflip",)), "sweep", "grid.toml")
    return subprocess.Popen(
        (*command, "--store", "results.db", "--workers", "2"),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
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
    grid = tmp_path / "grid.toml"
    grid.write_text(GRID)
    planned = keys(read_plan(grid).tasks())
    half = len(planned) // 2
    rng = random.Random(seed)
    known: set[str] = set()

    # at first it has half of the work, and an attack that has no end, so it is never done
    grid.write_text(GRID.replace("0:20", "0:10") + WITHOUT_END)
    process = start(tmp_path)  # killed while it starts, makes the store, or plans
    time.sleep(rng.uniform(0.0, 2.0))
    process.kill()
    process.communicate(timeout=PATIENCE)
    known = check(tmp_path, known)

    process = start(tmp_path)  # killed at some row
    wait_for_rows(tmp_path, process, rng.randint(min(len(known) + 1, half), half))
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    known = check(tmp_path, known)
    assert 0 < len(known) <= half

    # now it has all of the work, and ends inside of a transaction
    grid.write_text(GRID)
    for statement in ("INSERT", "COMMIT"):
        row = rng.randint(1, len(planned) - len(known))
        process = start(tmp_path, "tests.support.mortal", statement, str(row))
        _, stderr = process.communicate(timeout=PATIENCE)
        assert process.returncode == -signal.SIGKILL, stderr
        known = check(tmp_path, known)
        assert len(known) < len(planned)

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
    (tmp_path / "grid.toml").write_text(GRID + WITHOUT_END)
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
