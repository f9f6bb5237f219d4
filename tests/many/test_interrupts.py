import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_sigterm_is_an_exception() -> None:
    code = (
        "import signal; from signflip.many.interrupts import end_on_sigterm; end_on_sigterm()\n"
        "try:\n    signal.raise_signal(signal.SIGTERM)\nfinally:\n    print('cleaned up')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (143, "cleaned up\n", "")
