"""Attacks that are ended in the middle: what is on the disk, and that no process stays behind."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

PATIENCE = 600.0  # only what hangs takes so long

# What CPython 3.13.0 rarely says when it collects a half-sent message of multiprocessing.
BUFFER_NOISE = re.compile(r"Exception ignored in: <_io.BytesIO.*?\nBufferError:[^\n]*", re.DOTALL)


def start(folder: Path, *options: str, limit: int | None = None) -> "subprocess.Popen[str]":
    """An attack on 100 images, a process of its own; `limit` is the largest file it may write."""

    def prepare() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = (sys.executable, "-m", "signflip", "attack", "mnist-2x100", "mnist-sample")
    files = ("--out", "out.jsonl", "--witnesses", "adv.npz", "--workers", "2")
    return subprocess.Popen(
        (*command, "--epsilon", "0.01", "--method", "fgsm", *files, *options),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=prepare,
    )


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lines(folder: Path) -> int:
    path = folder / "out.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def descendants(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    if not found.exists():
        pytest.skip("this system does not list a process's children")
    children = [int(child) for child in found.read_text().split()]
    return [*children, *(one for child in children for one in descendants(child))]


def alive(pid: int) -> bool:
    try:
        # a zombie has ended; only its parent, which may be gone, has not asked yet
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def indices_of_whole_lines(folder: Path) -> list[int]:
    text = (folder / "out.jsonl").read_text()
    assert text.endswith("\n")
    return sorted(json.loads(line)["index"] for line in text.splitlines())


@pytest.mark.parametrize("wait", [0.0, 0.1, 0.2, 0.3])
def test_an_interrupt_while_workers_get_ready_is_quiet(tmp_path: Path, wait: float) -> None:
    process = start(tmp_path)
    wait_until(lambda: len(descendants(process.pid)) > 0)
    time.sleep(wait)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, stderr
    assert "Traceback" not in BUFFER_NOISE.sub("", stderr)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["Ctrl-C", "SIGTERM", "hangup"],
)
def test_an_interrupted_attack_keeps_what_it_found(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = start(tmp_path)
    wait_until(lambda: lines(tmp_path) >= 3)
    workers = descendants(process.pid)
    os.killpg(process.pid, number)  # as a terminal does: to the whole group
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, stderr
    assert "Traceback" not in BUFFER_NOISE.sub("", stderr)
    found = indices_of_whole_lines(tmp_path)
    assert 3 <= len(found) < 100
    with np.load(tmp_path / "adv.npz") as archive:
        assert archive["index"].tolist() == found
        assert archive["images"].shape == (len(found), 784)
    assert f"{len(found)} images: " in stdout
    wait_until(lambda: not any(map(alive, workers)))


def test_a_killed_attack_leaves_whole_lines_and_no_workers(tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_until(lambda: lines(tmp_path) >= 3)
    workers = descendants(process.pid)
    assert len(workers) >= 2
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert 3 <= len(indices_of_whole_lines(tmp_path)) < 100
    assert not (tmp_path / "adv.npz").exists()
    wait_until(lambda: not any(map(alive, workers)))


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    process = start(tmp_path, "--index", "0:20", limit=2000)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, stderr
    assert "cannot be written (File too large)" in stderr
    assert len(indices_of_whole_lines(tmp_path)) >= 2
