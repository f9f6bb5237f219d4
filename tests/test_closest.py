from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from signflip.closest import minimise_perturbation
from signflip.errors import ProblemError, SettingError
from signflip.milp.smallest import ACCURACY
from signflip.network import Floats
from signflip.problem import Norm, Problem, exact_distance
from signflip.programs import Highs, Solver
from signflip.result import Stop, Verdict
from tests.support.nearest import least_distance
from tests.support.problems import two_steps
from tests.support.solvers import each_solver
from tests.support.strategies import networks, problems
from tests.support.zoo import zoo_problems

SAFE = Fraction(1, 10**5)
"""Patterns that can be held this far from every threshold must be found by a solver."""

norms = pytest.mark.parametrize("norm", list(Norm))


@each_solver
@norms
@settings(max_examples=16)
@given(problem=problems(network=networks(plain=True)) | problems(coarse=True))
def test_the_distance_is_that_of_brute_force(solver: Solver, norm: Norm, problem: Problem) -> None:
    result = minimise_perturbation(problem, norm=norm, solver=solver)
    least = least_distance(problem, norm)
    if least is None:
        assert result.verdict is Verdict.UNKNOWN
        assert (result.flip, result.distance) == (None, None)
        return
    assert result.bound is not None
    assert result.bound <= float(least) * (1 + ACCURACY) + 1e-6
    safe = least_distance(problem, norm, SAFE)
    if result.flip is None:
        assert safe is None
        return
    assert result.verdict is Verdict.FLIPPED
    assert problem.replay(result.witness).flipped
    assert result.distance is not None
    assert result.distance == exact_distance(problem.image, result.witness, norm)
    assert result.distance >= least
    assert safe is None or result.distance <= float(safe) * (1 + ACCURACY) + 1e-6


@norms
@settings(max_examples=10)
@given(problem=problems(network=networks(plain=False)))
def test_a_witness_replays_whatever_the_scales(norm: Norm, problem: Problem) -> None:
    result = minimise_perturbation(problem, norm=norm)
    assert (result.flip is None) == (result.distance is None)
    if result.flip is not None and result.distance is not None:
        least = least_distance(problem, norm)
        assert problem.replay(result.witness).flipped
        assert least is not None
        assert result.distance >= least


def test_a_known_distance() -> None:
    distances: list[tuple[float, float]] = []

    def note(seconds: float, distance: float, image: Floats) -> None:
        assert image.tolist() == [distance]
        distances.append((seconds, distance))

    result = minimise_perturbation(two_steps(), on_improvement=note)
    assert result.distance == pytest.approx(0.5, abs=1e-7)
    assert result.distance is not None
    assert result.distance >= 0.5
    assert result.bound == pytest.approx(0.5, rel=2 * ACCURACY)
    assert result.stop is Stop.CLAIMED_OPTIMAL
    assert result.trace == tuple(distances)


@norms
def test_a_start_is_kept_or_improved_on(norm: Norm) -> None:
    first = minimise_perturbation(two_steps(), norm=norm, start=[0.75], time_limit=0.0)
    assert first.distance == 0.75
    assert (first.bound, first.stop) == (0.0, Stop.TIME_LIMIT)
    again = minimise_perturbation(two_steps(), norm=norm, start=[0.75])
    assert again.distance == pytest.approx(0.5, abs=1e-7)


@pytest.mark.parametrize("start", [[0.8], [0.3]])
def test_a_start_that_is_no_flip_is_refused(start: list[float]) -> None:
    with pytest.raises(ProblemError, match="no flip inside the problem's box; start from the wit"):
        minimise_perturbation(two_steps(), start=start)


def test_a_box_without_a_flip() -> None:
    problem = two_steps()
    nothing = Problem.ball(problem.network, problem.image, epsilon=0.4)
    result = minimise_perturbation(nothing)
    assert result.verdict is Verdict.UNKNOWN
    assert (result.flip, result.distance, result.bound) == (None, None, np.inf)
    assert result.stop is Stop.CLAIMED_OPTIMAL


def test_a_box_of_one_point() -> None:
    problem = two_steps()
    result = minimise_perturbation(Problem.ball(problem.network, problem.image, epsilon=0.0))
    assert (result.distance, result.bound) == (None, np.inf)


def test_the_time_limit_leaves_a_bound() -> None:
    result = minimise_perturbation(two_steps(), time_limit=0.0)
    assert (result.distance, result.bound, result.stop) == (None, 0.0, Stop.TIME_LIMIT)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threads": 0}, "threads is 0; it must be at least 1"),
        ({"seed": -1}, "the seed is -1; it must be from 0 to"),
        ({"time_limit": -1.0}, "the time limit is -1.0; it must be 0 or more"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        minimise_perturbation(two_steps(), **settings)  # type: ignore[arg-type]


def test_masked_pixels_stay() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.05, count=1)[0]
    mask = np.zeros(784, dtype=np.bool_)
    mask[400:420] = True
    masked = Problem.ball(problem.network, problem.image, epsilon=1.0, mask=mask)
    result = minimise_perturbation(masked, norm=Norm.L1, solver=Highs(), time_limit=5)
    assert result.bound is not None
    if result.flip is not None:
        assert np.array_equal(result.witness[~mask], problem.image[~mask])
    assert result.bound > 0


@pytest.mark.parametrize(
    ("norm", "expected"), [(Norm.LINF, Fraction(1, 4)), (Norm.L1, Fraction(3, 8))]
)
def test_exact_distance(norm: Norm, expected: Fraction) -> None:
    image, other = np.array([0.5, 0.25, 1.0]), np.array([0.25, 0.375, 1.0])
    assert exact_distance(image, other, norm) == expected


@norms
def test_exact_distance_is_rounded_up(norm: Norm) -> None:
    image, other = np.array([0.3]), np.array([1e-20])
    exact = Fraction(0.3) - Fraction(1e-20)
    distance = exact_distance(image, other, norm)
    assert float(np.nextafter(distance, 0.0)) < exact <= distance
