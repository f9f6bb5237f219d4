from fractions import Fraction

import numpy as np
import pytest

from signflip.exact.anneal import Annealer
from signflip.exact.geometry import geometry_of
from signflip.exact.tables import upper_of
from signflip.patterns.space import Flips, PatternSpace
from signflip.problem import Problem
from tests.support.random_problems import random_problem


def annealer_of(problem: Problem) -> Annealer:
    space = PatternSpace.of(problem)
    return Annealer(space, geometry_of(space, 0.6, 0.65), upper_of(problem))


def value(problem: Problem, flips: Flips) -> Fraction:
    """The objective of a pattern."""
    signs = PatternSpace.of(problem).pattern(flips)[None]
    last = problem.network.activations_of_pattern(signs)[-1]
    return problem.exact_objective(last[0])


@pytest.mark.parametrize("widths", [(30,), (30, 25), (30, 20, 20), (25, 20, 20, 70)])
@pytest.mark.parametrize("plain", [True, False])
def test_what_it_finds_is_above_the_floor(widths: tuple[int, ...], plain: bool) -> None:
    problem = random_problem(
        np.random.default_rng(3), inputs=40, widths=widths, classes=3, plain=plain, epsilon=0.3
    )
    annealer = annealer_of(problem)
    floor = float(problem.clean.value) - 1
    found = [annealer.run(floor, np.inf) for _ in range(6)]
    assert sum(flips is not None for flips in found) >= 3
    for flips in found:
        if flips is not None:
            assert value(problem, flips) > floor - 1e-9
    assert annealer.run(problem.largest_conceivable + 1, np.inf) is None


def test_it_stops_at_the_first_that_is_enough() -> None:
    problem = random_problem(np.random.default_rng(3), inputs=40, widths=(30, 25), epsilon=0.3)
    best = annealer_of(problem).run(-np.inf, np.inf)
    first = annealer_of(problem).run(-np.inf, -np.inf)
    assert best is not None
    assert first is not None
    assert value(problem, first) < value(problem, best)


def test_runs_are_reproducible() -> None:
    problem = random_problem(np.random.default_rng(3), inputs=40, widths=(30, 25), epsilon=0.3)
    one, other = (
        annealer_of(problem).run(-np.inf, np.inf),
        annealer_of(problem).run(-np.inf, np.inf),
    )
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one, other)
