from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.milp.realise import realise, refutes
from signflip.network import SignLayer
from signflip.problem import Box, Problem
from tests.support.oracle import patterns
from tests.support.strategies import networks, problems

UNIT = Box(lower=np.zeros(2), upper=np.ones(2))


@settings(max_examples=60)
@given(problem=problems(network=networks(max_first=4, max_depth=1)))
def test_every_pattern_against_exact_arithmetic(problem: Problem) -> None:
    layer = problem.network.hidden[0]
    real = {pattern for pattern, _ in patterns(problem.network, problem.box)}
    safe = {pattern for pattern, _ in patterns(problem.network, problem.box, Fraction(1, 10**6))}
    for pattern in product((-1, 1), repeat=layer.neurons):
        demand = np.array(pattern, dtype=np.int8)
        found = realise(layer, problem.box, demand)
        assert found.image is not None
        assert problem.box.contains(found.image)
        replayed = tuple(layer.signs_of_reals(found.image[None])[0].tolist())
        if found.refused:
            assert pattern not in real
            # and neither is any pattern with the same conflict
            asked = found.conflict != 0
            assert np.all(found.conflict[asked] == demand[asked])
            assert all(np.any(np.array(other)[asked] != demand[asked]) for other in real)
        else:
            assert np.array_equal(found.conflict, demand)
        if pattern in safe:
            assert replayed == pattern


def test_the_image_has_the_most_room() -> None:
    # x + y >= 0.5 and x + y < 1.5: best at 1
    layer = SignLayer.dense(np.array([[1, 1], [1, 1]]), np.array([0.5, 1.5]))
    found = realise(layer, UNIT, np.array([1, -1], dtype=np.int8))
    assert found.image is not None
    assert found.image.sum() == pytest.approx(1.0)
    assert found.room == pytest.approx(0.5)


def test_the_conflict_names_only_the_signs_that_clash() -> None:
    # x + y >= 1 and x + y < 0.5 clash; x - y is free
    layer = SignLayer.dense(np.array([[1, 1], [1, -1], [1, 1]]), np.array([1.0, 0.0, 0.5]))
    found = realise(layer, UNIT, np.array([1, 1, -1], dtype=np.int8))
    assert found.refused
    assert found.conflict.tolist() == [1, 0, -1]


def test_a_tie_is_refused_only_where_it_is_strict() -> None:
    # x + y >= 1 and -x - y >= -1 meet in x + y = 1; the second one's -1 is x + y > 1
    layer = SignLayer.dense(np.array([[1, 1], [-1, -1]]), np.array([1.0, -1.0]))
    both = realise(layer, UNIT, np.array([1, 1], dtype=np.int8))
    assert not both.refused
    assert both.room == pytest.approx(0.0, abs=1e-9)
    assert realise(layer, UNIT, np.array([-1, -1], dtype=np.int8)).refused


def test_nothing_asked_is_realised_by_anything() -> None:
    layer = SignLayer.dense(np.ones((1, 2), dtype=np.int8), np.array([9.0]))
    found = realise(layer, UNIT, np.zeros(1, dtype=np.int8))
    assert found.image is not None
    assert UNIT.contains(found.image)


def test_without_time_there_is_neither_image_nor_refusal() -> None:
    layer = SignLayer.dense(np.ones((3, 2), dtype=np.int8), np.array([0.5, 1.0, 1.5]))
    found = realise(layer, UNIT, np.array([1, 1, -1], dtype=np.int8), time_limit=0.0)
    assert found.image is None
    assert not found.refused


@pytest.mark.parametrize("ulps", [-1, 0, 1])
def test_refutation_is_exact_to_the_last_bit(ulps: int) -> None:
    """The box's corner 0.1 + 0.2 against a threshold around the exact sum."""
    box = Box(lower=np.zeros(2), upper=np.array([0.1, 0.2]))
    exact = Fraction(0.1) + Fraction(0.2)
    threshold = float(exact)
    for _ in range(abs(ulps)):
        threshold = float(np.nextafter(threshold, np.inf * ulps))
    layer = SignLayer.dense(np.ones((1, 2), dtype=np.int8), np.array([threshold]))
    multipliers = np.array([7])
    possible = exact >= Fraction(threshold)
    assert refutes(layer, box, np.array([1], dtype=np.int8), multipliers) == (not possible)


@given(problem=problems(network=networks(max_depth=1)), data=st.data())
def test_no_multipliers_refute_what_an_image_has(problem: Problem, data: st.DataObject) -> None:
    layer = problem.network.hidden[0]
    signs = layer.signs_of_reals(problem.image[None])[0]
    neurons = layer.neurons
    multipliers = data.draw(
        st.lists(st.integers(0, 10**9), min_size=neurons, max_size=neurons).map(np.array)
    )
    assert not refutes(layer, problem.box, signs, multipliers)
