"""Multipliers as proofs: exact to the last bit, and never against a point that exists."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.arrays import Signs
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.patterns.refute import refutes_exactly
from signflip.patterns.settle import ExactSigns
from signflip.patterns.space import PatternSpace
from signflip.problem import Box, Problem
from tests.support.strategies import networks, problems


def space_of(weight: list[list[int]], threshold: list[float], box: Box) -> PatternSpace:
    """The pattern space of a first layer on a box."""
    output = OutputLayer(np.array([[-1] * len(weight), [1] * len(weight)]), np.ones(2), np.zeros(2))
    network = BinaryNetwork((SignLayer.dense(np.array(weight), np.array(threshold)),), output)
    return PatternSpace.of(Problem(network, box.lower, box))


def sides(space: PatternSpace, signs: list[int] | Signs) -> Signs:
    """What signs (neurons,) ask of the unstable neurons: to toggle or not."""
    asked = np.array(signs, dtype=np.int8)[space.unstable]
    return -asked * space.signs[space.unstable]


@pytest.mark.parametrize("ulps", [-1, 0, 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_it_is_exact_to_the_last_bit(ulps: int, sign: int) -> None:
    """The box's corner 0.1 + 0.2, or the corner 0, against a threshold around the exact sum."""
    box = Box(lower=np.zeros(2), upper=np.array([0.1, 0.2]))
    exact = (Fraction(0.1) + Fraction(0.2)) if sign > 0 else Fraction(0)
    threshold = float(exact)
    for _ in range(abs(ulps)):
        threshold = float(np.nextafter(threshold, np.inf * ulps))
    space = space_of([[1, 1], [1, -1]], [threshold, 0.0], box)
    possible = exact >= Fraction(threshold) if sign > 0 else exact < Fraction(threshold)
    if not possible or 0 not in space.unstable:
        assert not possible
        assert 0 not in space.unstable  # seen without any multipliers
        return
    program = ExactSigns(space).program(sides(space, [sign, 0]))
    assert not refutes_exactly(program, np.array([7], dtype=object))


@pytest.mark.parametrize("ulps", [-1, 0, 1])
@pytest.mark.parametrize("signs", [(1, 1), (-1, -1), (1, -1), (-1, 1)])
def test_two_opposite_neurons(ulps: int, signs: tuple[int, int]) -> None:
    """+1 is x + y >= 0.7, and x + y <= 0.7 give or take an ulp."""
    threshold = 0.7
    for _ in range(abs(ulps)):
        threshold = float(np.nextafter(threshold, np.inf * ulps))
    space = space_of(
        [[1, 1], [-1, -1]], [0.7, -threshold], Box(lower=np.zeros(2), upper=np.ones(2))
    )
    program = ExactSigns(space).program(sides(space, list(signs)))
    # the sum of the two rows is 0 >= the sum of what they need
    possible = {
        (1, 1): threshold >= 0.7,
        (-1, -1): threshold < 0.7,
        (1, -1): True,  # x + y large, or small
        (-1, 1): True,
    }[signs]
    assert refutes_exactly(program, np.array([5, 5], dtype=object)) == (not possible)


def test_a_multiplier_below_0_proves_nothing() -> None:
    space = space_of([[1, 1], [1, 1]], [0.5, 1.0], Box(lower=np.zeros(2), upper=np.ones(2)))
    program = ExactSigns(space).program(sides(space, [-1, 1]))
    assert refutes_exactly(program, np.array([1, 1], dtype=object))
    assert not refutes_exactly(program, np.array([-1, -1], dtype=object))
    assert not refutes_exactly(program, np.array([0, 0], dtype=object))


@given(problem=problems(network=networks(max_depth=1)), data=st.data())
def test_no_multipliers_refute_what_an_image_has(problem: Problem, data: st.DataObject) -> None:
    space = PatternSpace.of(problem)
    signs = problem.network.hidden[0].signs_of_reals(problem.image[None])[0]
    multipliers = data.draw(
        st.lists(st.integers(0, 10**9), min_size=space.size, max_size=space.size)
    )
    program = ExactSigns(space).program(sides(space, signs))
    assert not refutes_exactly(program, np.array(multipliers, dtype=object))
