import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from signflip.many.interrupts import undisturbed


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """The signals that reached the test's own handler."""
    found: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: found.append(number))
    yield found
    signal.signal(signal.SIGINT, before)


def test_a_signal_waits_until_the_context_ends(heard: list[int]) -> None:
    with undisturbed():
        signal.raise_signal(signal.SIGINT)
        assert not heard
    assert heard == [signal.SIGINT]
    signal.raise_signal(signal.SIGINT)
    assert len(heard) == 2


def test_a_signal_waits_for_an_exception_too(heard: list[int]) -> None:
    def fail() -> None:
        with undisturbed():
            signal.raise_signal(signal.SIGINT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert heard == [signal.SIGINT]


def test_another_thread_changes_no_handlers(heard: list[int]) -> None:
    def run() -> None:
        with undisturbed():
            inside.set()
            leave.wait(10)

    inside, leave = threading.Event(), threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    assert inside.wait(10)
    signal.raise_signal(signal.SIGINT)
    leave.set()
    thread.join()
    assert heard == [signal.SIGINT]


CODE = """
import signal, sys
from signflip.many.interrupts import end_on_signals
if "nohup" in sys.argv:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
end_on_signals()
try:
    signal.raise_signal(signal.{name})
finally:
    signal.raise_signal(signal.{name})
    print("cleaned up")
"""


def run(name: str, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", CODE.format(name=name), *arguments]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    return made.returncode, made.stdout, made.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_is_an_exception_and_a_second_one_is_not_heard(name: str, code: int) -> None:
    assert run(name) == (code, "cleaned up\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_nohup_stays() -> None:
    assert run("SIGHUP", "nohup") == (0, "cleaned up\n", "")


INTERRUPTED_EXEC = """
import signal, sys
from signflip.many.interrupts import end_on_signals
end_on_signals()
try:
    exec("signal.raise_signal(signal.SIGINT)")
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_ctrl_c_in_an_exec_leaves_the_exit_code_alone(tmp_path: Path) -> None:
    (tmp_path / "interrupted_exec.py").write_text(INTERRUPTED_EXEC)
    command = [sys.executable, "-m", "interrupted_exec"]
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (made.returncode, made.stderr) == (130, "")
