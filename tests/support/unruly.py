"""Methods that misbehave, and tasks whose hard limit comes soon."""

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass

from signflip.attack import Outcome
from signflip.errors import MissingExtraError, SettingError
from signflip.many.task import Task
from signflip.result import Stop
from signflip.run import Run


@dataclass(frozen=True)
class EndParent:
    """Ends the process that started its own."""

    def run(self, run: Run) -> Outcome:  # noqa: ARG002 - a method's signature
        parent = multiprocessing.parent_process()
        assert parent is not None
        assert parent.pid is not None
        os.kill(parent.pid, signal.SIGKILL)
        time.sleep(60)
        return Outcome(Stop.BUDGET)


@dataclass(frozen=True)
class RefuseSettings:
    """Refuses its settings, but only where it runs."""

    def run(self, run: Run) -> Outcome:  # noqa: ARG002 - a method's signature
        raise SettingError("the setting is 7; it must be 8")


@dataclass(frozen=True)
class HasBug:
    """Ends with an error that is no user's."""

    def run(self, run: Run) -> Outcome:  # noqa: ARG002 - a method's signature
        return Outcome(list(Stop)[100])


@dataclass(frozen=True)
class LackPackage:
    """Has no solver where it runs."""

    def run(self, run: Run) -> Outcome:  # noqa: ARG002 - a method's signature
        raise MissingExtraError("gurobipy", "gurobi", "the solver Gurobi")


class ShortTask(Task):
    """A task whose process is ended after a second."""

    @property
    def hard_limit(self) -> float:
        return 1.0
