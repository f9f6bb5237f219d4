import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from signflip.attack import Outcome, UnsoundError, attack
from signflip.clock import OutOfTime
from signflip.errors import ProblemError, SettingError
from signflip.methods.warm_start import WarmStarted
from signflip.network import Floats
from signflip.problem import Problem
from signflip.result import Stop, Verdict
from signflip.run import Run
from tests.support.problems import two_steps
from tests.support.strategies import problems


@dataclass(frozen=True, kw_only=True)
class Scripted:
    """A method that offers given images and then says what it is told to say."""

    pixels: tuple[float, ...] = ()
    outcome: Outcome = Outcome(Stop.BUDGET)  # noqa: RUF009

    def run(self, run: Run) -> Outcome:
        for pixel in self.pixels:
            run.offer(np.full(run.problem.image.shape, pixel))
        return self.outcome


def test_the_result_is_that_of_the_best_witness() -> None:
    result = attack(two_steps(), Scripted(pixels=(0.3, 0.9, 0.5, 0.1)))
    assert result.verdict is Verdict.FLIPPED
    assert result.witness.tolist() == [0.5]
    assert (result.objective, result.clean_objective) == (2, -2)
    assert (result.prediction, result.witness_prediction) == (0, 1)
    assert [value for _, value in result.trace] == [-2, 0, 2]
    assert result.trace[-1][0] <= result.seconds
    assert result.stop is Stop.BUDGET
    assert result.bound is None


def test_the_witness_is_the_users_own() -> None:
    heard: list[Floats] = []

    def spoil(_seconds: float, _figure: float, image: Floats) -> None:
        image[:] = 7.0
        heard.append(image)

    problem = two_steps()
    result = attack(problem, Scripted(pixels=(0.3, 0.9, 0.5)), on_improvement=spoil)
    assert len(heard) == 2
    assert result.witness.tolist() == [0.5]
    assert torch.from_numpy(result.witness).tolist() == [0.5]  # warns of arrays that are read-only
    unmoved = attack(problem, Scripted())
    unmoved.witness[:] = 0.5
    assert problem.image.tolist() != [0.5]


def test_an_objective_of_0_is_no_flip() -> None:
    result = attack(two_steps(), Scripted(pixels=(0.3,)))
    assert (result.verdict, result.objective) == (Verdict.UNKNOWN, 0)


@pytest.mark.parametrize(
    ("bound", "proved", "verdict"),
    [
        (None, False, Verdict.UNKNOWN),
        (0, True, Verdict.ROBUST),
        (-1.5, True, Verdict.ROBUST),
        (Fraction(1, 3), True, Verdict.UNKNOWN),
        (0, False, Verdict.UNKNOWN),  # a solver's word is no proof
        (-1, False, Verdict.UNKNOWN),
        (math.inf, True, Verdict.UNKNOWN),
    ],
)
def test_robust_needs_a_proof_and_a_bound_of_at_most_0(
    bound: float | Fraction | None, proved: bool, verdict: Verdict
) -> None:
    outcome = Outcome(Stop.DECIDED, bound=bound, proved=proved)
    result = attack(two_steps(), Scripted(outcome=outcome))
    assert result.verdict is verdict
    assert result.bound == (None if bound is None else float(bound))


def test_a_proof_that_a_witness_contradicts_is_a_bug() -> None:
    outcome = Outcome(Stop.DECIDED, bound=Fraction(19, 10), proved=True)
    with pytest.raises(UnsoundError, match="proved a bound of 19/10, and a witness reaches 2"):
        attack(two_steps(), Scripted(pixels=(0.5,), outcome=outcome))
    exact = Outcome(Stop.OPTIMAL, bound=2, proved=True)
    assert attack(two_steps(), Scripted(pixels=(0.5,), outcome=exact)).bound == 2


def test_a_solvers_bound_below_a_witness_is_raised_to_it() -> None:
    outcome = Outcome(Stop.CLAIMED_OPTIMAL, bound=1.5)
    result = attack(two_steps(), Scripted(pixels=(0.5,), outcome=outcome))
    assert (result.objective, result.bound) == (2, 2)
    assert result.verdict is Verdict.FLIPPED


def test_start_callback_and_limit_reach_the_method() -> None:
    heard: list[float] = []

    @dataclass(frozen=True)
    class Watch:
        def run(self, run: Run) -> Outcome:
            assert run.witness.tolist() == [0.3]
            assert run.clock.limit == 5
            run.offer(np.array([0.7]))
            return Outcome(Stop.LOCAL_OPTIMUM)

    def hear(seconds: float, objective: float, image: Floats) -> None:
        assert seconds >= 0
        assert image.shape == (1,)
        heard.append(objective)

    result = attack(two_steps(), Watch(), time_limit=5, start=[0.3], on_improvement=hear)
    assert heard == [0, 2]
    assert result.stop is Stop.LOCAL_OPTIMUM


def test_bad_arguments_are_refused_before_the_method_runs() -> None:
    class Never:
        def run(self, run: Run) -> Outcome:
            raise AssertionError(run)

    with pytest.raises(SettingError, match="time limit is -1"):
        attack(two_steps(), Never(), time_limit=-1)
    with pytest.raises(ProblemError, match="start lies outside"):
        attack(two_steps(), Never(), start=[0.9])
    network: Any = two_steps().network
    with pytest.raises(ProblemError, match=r"of type BinaryNetwork; .*Problem\.ball"):
        attack(network, Never())
    called: Any = 3
    with pytest.raises(SettingError, match="on_improvement is 3; it must be a function"):
        attack(two_steps(), Never(), on_improvement=called)


@given(problems(), st.lists(st.floats(0, 1), max_size=4))
def test_a_result_can_be_replayed(problem: Problem, pixels: list[float]) -> None:
    result = attack(problem, Scripted(pixels=tuple(pixels)))
    replay = problem.replay(result.witness)
    assert replay.inside
    assert float(replay.value) == result.objective
    assert replay.prediction == result.witness_prediction
    assert (result.verdict is Verdict.FLIPPED) == replay.flipped
    assert result.objective >= result.clean_objective


def test_a_method_that_has_no_time_to_begin_has_an_answer() -> None:
    @dataclass(frozen=True)
    class Late:
        def run(self, run: Run) -> Outcome:
            run.offer(np.array([0.7]))
            raise OutOfTime("Writing takes longer than the time limit allows.")

    result = attack(two_steps(), Late())
    assert (result.verdict, result.objective, result.bound) == (Verdict.FLIPPED, 2, None)
    assert result.stop is Stop.TIME_LIMIT
    assert result.remark == "Writing takes longer than the time limit allows."


@dataclass(frozen=True, kw_only=True)
class Lasting:
    """A method whose preparation is kept on disk, or not; it says when it gets ready."""

    there: bool
    log: list[str]

    def prepare(self) -> None:
        self.log.append("prepared")

    def ready(self) -> bool:
        return self.there

    def run(self, run: Run) -> Outcome:
        self.log.append("run")
        return Outcome(Stop.LOCAL_OPTIMUM, bound=float(run.value))


@pytest.mark.parametrize(
    ("there", "limit", "prepares"),
    [(True, None, False), (True, 60.0, False), (True, 0.1, True), (False, None, True)],
)
def test_what_is_kept_is_loaded_before_the_clock_starts_only_where_time_is_short(
    there: bool, limit: float | None, prepares: bool
) -> None:
    log: list[str] = []
    attack(two_steps(), Lasting(there=there, log=log), time_limit=limit)
    assert log == ["prepared", "run"] if prepares else ["run"]
    log.clear()
    both = WarmStarted(
        first=Lasting(there=True, log=[]), seconds=1, then=Lasting(there=there, log=log)
    )
    attack(two_steps(), both, time_limit=limit)
    assert log == ["prepared", "run"] if prepares else ["run"]
