from dataclasses import dataclass

import numpy as np
import pytest

from signflip import Outcome, Problem, Stop, attack
from signflip.errors import SettingError
from signflip.methods import Fgsm
from signflip.methods.warm_start import WarmStarted
from signflip.run import Run
from tests.support.tiny import INPUTS, tiny_network


@dataclass(frozen=True, kw_only=True)
class Rest:
    """A method that does nothing, and is glad of it."""

    def run(self, run: Run) -> Outcome:
        return Outcome(Stop.LOCAL_OPTIMUM, bound=float(run.value))


def problem() -> Problem:
    return Problem.ball(tiny_network(), np.random.default_rng(1).random(INPUTS), epsilon=0.3)


def test_the_second_method_goes_on_from_the_best_point_of_the_first() -> None:
    alone = attack(problem(), Fgsm(seed=2))
    assert alone.objective > alone.clean_objective
    started = attack(problem(), WarmStarted(first=Fgsm(seed=2), seconds=60, then=Rest()))
    assert started.objective == alone.objective
    assert started.witness.tobytes() == alone.witness.tobytes()
    assert started.stop is Stop.LOCAL_OPTIMUM
    assert started.bound == alone.objective
    assert [value for _, value in started.trace] == [value for _, value in alone.trace]


def test_the_warm_start_keeps_to_its_own_limit_and_to_the_run_s() -> None:
    endless = Fgsm(restarts=None)
    for seconds, limit in ((0.2, None), (100.0, 0.2)):
        method = WarmStarted(first=endless, seconds=seconds, then=Rest())
        result = attack(problem(), method, time_limit=limit)
        assert result.stop is Stop.LOCAL_OPTIMUM
        assert result.trace[-1][0] <= result.seconds


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_a_limit_that_cannot_be(seconds: float) -> None:
    with pytest.raises(SettingError, match="the warm start's time limit is"):
        WarmStarted(first=Rest(), seconds=seconds, then=Rest())


@dataclass(frozen=True, kw_only=True)
class Preparing:
    """A method that says when it gets ready and when it runs."""

    name: str
    log: list[str]

    def prepare(self) -> None:
        self.log.append(f"prepare {self.name}")

    def run(self, run: Run) -> Outcome:
        self.log.append(f"run {self.name}")
        return Outcome(Stop.LOCAL_OPTIMUM, bound=float(run.value))


def test_both_get_ready_before_the_first_runs() -> None:
    log: list[str] = []
    first, then = (Preparing(name=name, log=log) for name in ("first", "then"))
    attack(problem(), WarmStarted(first=first, seconds=1, then=then))
    started = log.index("run first")
    assert {"prepare first", "prepare then"} <= set(log[:started])
    assert log[-1] == "run then"
