import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from signflip.starting import INTERRUPTED, is_command

SCRIPT = "/usr/bin/signflip"


@pytest.mark.parametrize(
    ("script", "words", "expected"),
    [
        ("-m", ["python", "-m", "signflip", "networks"], True),
        ("-m", ["python", "-X", "dev", "-m", "signflip"], True),
        ("-m", ["python", "-m", "pytest", "signflip"], False),
        (SCRIPT, ["python", SCRIPT, "attack"], True),
        # a process of multiprocessing has the name of its parent
        (SCRIPT, ["python", "-c", "from multiprocessing.forkserver import main"], False),
        ("mine.py", ["python", "mine.py", "-m", "signflip"], False),
        ("-c", ["python", "-c", "import signflip"], False),
        ("", ["python"], False),
    ],
)
def test_what_is_the_command(script: str, words: list[str], expected: bool) -> None:
    assert is_command(script, words) is expected


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Python, with the modules of a folder in the place of others."""
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_interrupt_while_the_command_is_imported_is_quiet(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    result = run(tmp_path, "-m", "signflip", "networks")
    assert (result.returncode, result.stderr) == (INTERRUPTED, "interrupted\n")
    script = tmp_path / "signflip"
    script.write_text("from signflip.cli import main\nmain()\n")
    result = run(tmp_path, str(script), "networks")
    assert (result.returncode, result.stderr) == (INTERRUPTED, "interrupted\n")


def test_a_program_that_imports_signflip_keeps_its_own_ways(tmp_path: Path) -> None:
    code = "import signal, signflip; print(signal.getsignal(signal.SIGINT))"
    result = run(tmp_path, "-c", code)
    assert result.stdout.strip() == str(signal.default_int_handler)
