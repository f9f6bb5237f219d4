import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from signflip import save_network
from signflip.cli.process import settle
from tests.support.tiny import tiny_network


def test_streams_show_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="cp1252"))
    monkeypatch.setattr(sys, "stderr", None)  # closed
    settle()
    print("é ε \udcff", flush=True)  # noqa: T201
    assert shown.getvalue() == b"\xe9 \\u03b5 \\udcff\n"


def test_the_backend_of_a_notebook_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    settle()
    assert "MPLBACKEND" not in os.environ


def test_the_command_line_settles_first(tmp_path: Path) -> None:
    save_network(tiny_network(), tmp_path / "ε.safetensors")
    command = [sys.executable, "-m", "signflip", "networks", "ε.safetensors"]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "1"}
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment, check=False)
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout.startswith(b"\\u03b5.safetensors")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device without room")
@pytest.mark.parametrize("arguments", [["networks"], ["--help"], ["--version"], ["show", "--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_without_room_is_one_line(arguments: list[str], unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "signflip", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert done.returncode == 2
    assert done.stderr == (
        "error: the output cannot be written (No space left on device); make room, or send it "
        "elsewhere\n"
    )
