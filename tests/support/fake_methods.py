"""Methods that do what a test wants, in whatever process they run."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from signflip.attack import Outcome
from signflip.programs import SolverFailure
from signflip.result import Stop
from signflip.run import Run


@dataclass(frozen=True, kw_only=True)
class Quick:
    """Ends at once; `number` tells one from another."""

    number: int = 0

    def run(self, run: Run) -> Outcome:  # noqa: ARG002 - a method's signature
        return Outcome(Stop.LOCAL_OPTIMUM)


@dataclass(frozen=True, kw_only=True)
class Sleeper:
    """Sleeps, whatever the time limit is and whoever asks it to end."""

    seconds: float

    def run(self, run: Run) -> Outcome:  # noqa: ARG002 - a method's signature
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(self.seconds)
        return Outcome(Stop.LOCAL_OPTIMUM)


@dataclass(frozen=True, kw_only=True)
class Dier:
    """Kills its process, as a lack of memory does, until it has done so `deaths` times.

    Each time leaves a file in `folder`.
    """

    folder: str
    deaths: int

    def run(self, run: Run) -> Outcome:  # noqa: ARG002 - a method's signature
        before = len(list(Path(self.folder).iterdir()))
        if before < self.deaths:
            Path(self.folder, str(before)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Outcome(Stop.LOCAL_OPTIMUM)


@dataclass(frozen=True, kw_only=True)
class GivesUp:
    """A solver that gives up."""

    def run(self, run: Run) -> Outcome:  # noqa: ARG002 - a method's signature
        raise SolverFailure("out of memory")


@dataclass(frozen=True, kw_only=True)
class SlowToPrepare:
    """Takes its time before its clock starts, if no other did so in this folder."""

    folder: str
    seconds: float

    def prepare(self) -> None:
        ready = Path(self.folder, "ready")
        if not ready.exists():
            time.sleep(self.seconds)
            ready.touch()

    def run(self, run: Run) -> Outcome:  # noqa: ARG002 - a method's signature
        return Outcome(Stop.LOCAL_OPTIMUM)
