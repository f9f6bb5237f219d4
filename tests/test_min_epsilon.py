import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from signflip import AttackResult, Box, Method, Problem, Stop, Untargeted, Verdict, attack
from signflip.errors import ProblemError, SettingError
from signflip.methods import Exact, Walk, enclosing
from signflip.milp.perturbation import ball_of
from signflip.min_epsilon import min_epsilon
from signflip.network import BinaryNetwork, InputRange, OutputLayer, SignLayer
from signflip.problem import Norm, exact_distance
from tests.support.oracle import exact_optimum
from tests.support.problems import two_steps
from tests.support.strategies import problems
from tests.support.tiny import tiny_network
from tests.support.zoo import zoo_problems


def within(problem: Problem, radius: float) -> Problem:
    """The part of the problem within a radius."""
    return replace(problem, region=ball_of(problem, Norm.LINF, radius))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problem=problems())
def test_a_witness_at_one_end_and_a_proof_at_the_other(problem: Problem) -> None:
    tolerance = 0.01
    result = min_epsilon(problem, tolerance=tolerance)
    assert result.bound is not None
    if result.verdict is Verdict.FLIPPED:
        assert result.flip is not None
        assert result.distance is not None
        assert result.distance == exact_distance(problem.image, result.witness, Norm.LINF)
        assert Box.ball(problem.image, result.distance).contains(result.witness)
        assert problem.replay(result.witness).flipped
        assert result.bound <= result.distance
        assert (result.distance - result.bound <= tolerance) == (result.stop is Stop.DECIDED)
    else:
        assert (result.flip, result.distance, result.trace) == (None, None, ())
        assert (result.verdict is Verdict.ROBUST) == math.isinf(result.bound)
    proved = problem if math.isinf(result.bound) else within(problem, result.bound)
    optimum = exact_optimum(proved)
    # a real point may flip where every float64 image falls short
    assert optimum.value <= 0 or attack(proved, Exact()).verdict is Verdict.ROBUST


def test_the_interval_of_a_problem_known_by_heart() -> None:
    problem = two_steps()
    result = min_epsilon(problem, tolerance=1e-6)
    assert result.verdict is Verdict.FLIPPED
    assert result.stop is Stop.DECIDED
    assert result.bound is not None
    assert result.distance is not None
    assert 0.5 - 1e-6 <= result.bound < 0.5 <= result.distance <= 0.5 + 1e-6
    assert [distance for _, distance in result.trace] == sorted(
        (distance for _, distance in result.trace), reverse=True
    )
    assert result.trace[-1][1] == result.distance


def test_a_box_without_a_flip_is_robust() -> None:
    whole = two_steps()
    problem = Problem.ball(whole.network, whole.image, epsilon=0.49)
    result = min_epsilon(problem)
    assert result.verdict is Verdict.ROBUST
    assert result.stop is Stop.DECIDED
    assert result.bound == math.inf


def test_a_box_of_one_image_is_robust() -> None:
    result = min_epsilon(Problem.ball(two_steps().network, [0.0], epsilon=0.0))
    assert (result.verdict, result.stop) == (Verdict.ROBUST, Stop.DECIDED)


def test_a_start_bounds_from_above() -> None:
    problem = two_steps()
    result = min_epsilon(problem, time_limit=0, start=[0.7])
    assert (result.verdict, result.stop) == (Verdict.FLIPPED, Stop.TIME_LIMIT)
    assert (result.bound, result.distance) == (0.0, 0.7)


def test_no_time() -> None:
    result = min_epsilon(two_steps(), time_limit=0)
    assert (result.verdict, result.stop) == (Verdict.UNKNOWN, Stop.TIME_LIMIT)
    assert (result.bound, result.distance) == (0.0, None)


def test_every_improvement_is_told() -> None:
    image = np.random.default_rng(7).random(16)
    problem = Problem.ball(tiny_network(), image, epsilon=1, goal=Untargeted())
    told: list[tuple[float, float]] = []

    def improve(seconds: float, distance: float, witness: np.ndarray) -> None:
        assert problem.replay(witness).flipped
        assert exact_distance(problem.image, witness, Norm.LINF) == distance
        told.append((seconds, distance))

    result = min_epsilon(problem, on_improvement=improve)
    assert tuple(told) == result.trace
    assert len(told) > 1
    assert all(after[1] < before[1] for before, after in pairwise(told))


@pytest.mark.parametrize("name", ["mnist-2x100", "fashion-2x100"])
def test_the_ends_are_what_exact_says_on_the_zoo(name: str) -> None:
    for problem in zoo_problems(name, epsilon=1.0, count=2, goal=Untargeted()):
        result = min_epsilon(problem, tolerance=1e-3)
        assert result.bound is not None
        assert result.distance is not None
        assert result.distance - result.bound <= 1e-3
        assert attack(within(problem, result.bound), Exact()).verdict is Verdict.ROBUST
        assert attack(within(problem, result.distance), Exact()).verdict is Verdict.FLIPPED


class Undecided:
    """Stands in for `attack`: gives no answer about some radii of `two_steps`."""

    def __init__(
        self, least: float, most: float, stop: Stop, patience: float | None = None
    ) -> None:
        self.least, self.most = least, most
        self.stop = stop
        self.patience = patience
        self.limits: list[float] = []

    def __call__(
        self, problem: Problem, method: Exact, *, time_limit: float, start: Any
    ) -> AttackResult:
        result = attack(problem, method, time_limit=time_limit, start=start)
        radius = float(problem.box.upper[0])
        if not self.least < radius < self.most:
            return result
        self.limits.append(time_limit)
        if self.patience is not None and time_limit >= self.patience:
            return result
        return replace(result, verdict=Verdict.UNKNOWN, stop=self.stop)


def test_a_doubtful_stretch_leaves_the_interval_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclosing, "WALK", Walk(moves=1000))
    monkeypatch.setattr(enclosing, "attack", Undecided(0.3, 0.6, Stop.IMPRECISE))
    result = min_epsilon(two_steps(), tolerance=1e-3)
    assert (result.verdict, result.stop) == (Verdict.FLIPPED, Stop.IMPRECISE)
    assert result.bound is not None
    assert result.distance is not None
    assert 0.3 - 1e-3 <= result.bound <= 0.3
    assert 0.5 <= result.distance <= 0.5 + 1e-3


def test_balls_of_the_same_grid_images_are_given_up_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []

    def undecided(problem: Problem, method: Method, **options: Any) -> AttackResult:
        asked.append(float(np.max(problem.box.upper - problem.image)))
        return replace(attack(problem, method, **options), verdict=Verdict.UNKNOWN, stop=why)

    why = Stop.IMPRECISE
    monkeypatch.setattr(enclosing, "attack", undecided)
    network = BinaryNetwork(
        hidden=(SignLayer.dense(np.array([[1, 1]]), np.array([3.5])),),
        output=OutputLayer(np.array([[1], [1]]), np.ones(2), np.array([1.0, 0.0])),
        input_range=InputRange(lower=0.0, upper=9.0, step=1.0),
    )
    problem = Problem.ball(network, np.zeros(2), epsilon=9.0)
    result = min_epsilon(problem, tolerance=1e-9)
    assert result.stop is why
    # the exact method, and the walk after it, on each ball once
    assert sorted(asked) == [radius for radius in (0.0, 1.0, 2.0, 4.0, 8.0, 9.0) for _ in range(2)]


def test_a_late_stretch_gets_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    undecided = Undecided(0.3, 0.6, Stop.TIME_LIMIT, patience=100.0)
    monkeypatch.setattr(enclosing, "WALK", Walk(moves=1000))
    monkeypatch.setattr(enclosing, "attack", undecided)
    result = min_epsilon(two_steps(), tolerance=1e-3, time_limit=300.0)
    assert result.stop is Stop.DECIDED
    assert result.bound is not None
    assert result.distance is not None
    assert 0.5 - 1e-3 <= result.bound < 0.5 <= result.distance
    assert undecided.limits[0] < 100 <= undecided.limits[-1]


def test_a_gradient_finds_flips_where_the_search_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(problem: Problem, method: Method, **rest: Any) -> AttackResult:
        result = attack(problem, method, **rest)
        if isinstance(method, Exact):
            return replace(result, verdict=Verdict.UNKNOWN, stop=Stop.TIME_LIMIT)
        return result

    monkeypatch.setattr(enclosing, "attack", give_up)
    problem = zoo_problems("mnist-2x100", epsilon=1.0, count=1)[0]
    result = min_epsilon(problem, time_limit=2.0)
    assert (result.verdict, result.stop) == (Verdict.FLIPPED, Stop.TIME_LIMIT)
    assert result.flip is not None
    assert result.bound is not None
    assert result.distance is not None
    assert result.distance < 0.1
    assert problem.replay(result.witness).flipped
    assert result.bound == 0.0


def test_without_a_time_limit_no_ball_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    undecided = Undecided(0.0, 1.0, Stop.TIME_LIMIT, patience=0.0)
    monkeypatch.setattr(enclosing, "attack", undecided)
    assert min_epsilon(two_steps()).stop is Stop.DECIDED
    assert set(undecided.limits) == {math.inf}


@pytest.mark.parametrize("tolerance", [0.0, -1e-3, math.nan])
def test_bad_tolerances(tolerance: float) -> None:
    with pytest.raises(SettingError, match=r"the tolerance is .*; it must be above 0"):
        min_epsilon(two_steps(), tolerance=tolerance)


def test_bad_time_limit() -> None:
    with pytest.raises(SettingError, match="the time limit is -1"):
        min_epsilon(two_steps(), time_limit=-1)


@pytest.mark.parametrize("start", [[0.1], [0.9]])
def test_a_start_that_is_no_flip(start: list[float]) -> None:
    with pytest.raises(ProblemError, match="the start is no flip inside the problem's box"):
        min_epsilon(two_steps(), start=start)
