import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from signflip.errors import WorkerError
from signflip.many import surroundings
from signflip.many.surroundings import fit_for_processes

SCRIPT = """
import os, sys
from signflip.many import fork_server
from signflip.many.workers import WorkerPool


def settings(_):
    return os.environ.get("PYTHONSAFEPATH"), os.getcwd() in sys.path


if __name__ == "__main__":
    if "spawn" in sys.argv:
        fork_server._FORKS = False
    fork_server.start(["signflip.methods"])
    with WorkerPool(1) as pool:
        print(list(pool.run(settings, [7], limit=lambda _: None)))
"""

# what Python's helper processes import before they have anything to do, and what ours do
USERS_FILES = ("random", "tempfile", "signal", "socket", "selectors", "threading", "queue", "numpy")

linux = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")


def run_script(tmp_path: Path, *arguments: str, **environment: str) -> tuple[str, str]:
    """What the script says whose file is in one folder, and which runs in another."""
    script = tmp_path / "script" / "script.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    run = subprocess.run(
        [sys.executable, script, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    return run.stdout, run.stderr


@pytest.mark.parametrize("start", [pytest.param("fork", marks=linux), "spawn"])
def test_no_process_imports_from_the_working_folder(tmp_path: Path, start: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in USERS_FILES:
        (folder / f"{name}.py").write_text(f"open('{name}.ran', 'w').close()\n")
    assert run_script(tmp_path, start) == ("[(7, (None, False))]\n", "")
    assert not list(folder.glob("*.ran"))


@linux
def test_a_long_folder_of_temporary_files(tmp_path: Path) -> None:
    long = tmp_path / ("job" * 30) / ("job" * 30)
    long.mkdir(parents=True)
    found = run_script(tmp_path, "fork", TMPDIR=str(long))
    assert found == ("[(7, (None, False))]\n", "")


@linux
def test_no_folder_can_hold_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing"
    monkeypatch.setattr(surroundings, "_folders", lambda: iter([str(missing)]))
    monkeypatch.setattr(multiprocessing.current_process(), "_config", {})
    message = rf"worker processes: {missing} \(No such file or directory\); set TMPDIR to a folder"
    with pytest.raises(WorkerError, match=message), fit_for_processes():
        pass


@linux
def test_the_folder_of_temporary_files_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("job" * 30)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.setattr(multiprocessing.current_process(), "_config", {})
    before = os.environ.get("PYTHONSAFEPATH")
    with fit_for_processes():
        assert os.environ["PYTHONSAFEPATH"] == "1"
    assert os.environ.get("PYTHONSAFEPATH") == before
    assert tempfile.gettempdir() == str(long)
    assert not list(long.iterdir())
