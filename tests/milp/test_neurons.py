"""The rows of a neuron, held against the neuron itself."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.milp.neurons import (
    Activations,
    PreActivations,
    add_layer,
    first_layer,
    force_sign,
    stable_signs,
    upper_layer,
)
from signflip.network import Floats, SignLayer
from signflip.problem import Box, Problem
from signflip.programs.program import ProgramBuilder
from tests.support.reference import reference_layer
from tests.support.strategies import problems, thresholds, weights
from tests.support.weights import weights_of


def violation(builder: ProgramBuilder, point: Floats) -> float:
    return builder.build().violation(point)


@given(problem=problems(coarse=True))
def test_stable_neurons_are_those_with_one_sign_in_the_box(problem: Problem) -> None:
    layer, box = problem.network.hidden[0], problem.box
    stable = stable_signs(layer, box)
    for neuron, sign in enumerate(stable.tolist()):
        terms = [
            sorted((int(w) * Fraction(low), int(w) * Fraction(high)))
            for w, low, high in zip(
                weights_of(layer)[neuron], box.lower.tolist(), box.upper.tolist(), strict=True
            )
        ]
        threshold = Fraction(float(layer.threshold[neuron]))
        least = sum((term[0] for term in terms), -threshold)
        most = sum((term[1] for term in terms), -threshold)
        assert sign == (1 if least >= 0 else -1 if most < 0 else 0)


@given(problem=problems(coarse=True), data=st.data())
def test_first_layer_pre_activations(problem: Problem, data: st.DataObject) -> None:
    layer, box = problem.network.hidden[0], problem.box
    builder = ProgramBuilder()
    moving = box.lower < box.upper
    pixels = np.full(len(box.lower), -1)
    pixels[moving] = builder.columns(
        (box.lower - problem.image)[moving], (box.upper - problem.image)[moving]
    )
    pre = first_layer(layer, problem.image, box, pixels)
    shares = data.draw(
        st.lists(st.integers(0, 16), min_size=len(pixels), max_size=len(pixels)).map(np.array)
    )
    image = box.lower + (box.upper - box.lower) * shares / 16
    move = (image - problem.image)[moving]
    values = pre.at(np.arange(pre.neurons), move)
    # coarse numbers: all of this is exact
    assert np.array_equal(values, weights_of(layer) @ image - layer.threshold)
    assert np.all(pre.lower <= values)
    assert np.all(values <= pre.upper)


def test_an_l1_budget_bounds_what_neurons_can_do() -> None:
    layer = SignLayer.dense(np.array([[1, 1], [1, 1], [1, 1]]), np.array([0.875, 1.25, 1.375]))
    image, box = np.full(2, 0.5), Box(lower=np.zeros(2), upper=np.ones(2))
    builder = ProgramBuilder()
    pixels = builder.columns(-image, image)
    pre = first_layer(layer, image, box, pixels, budget=0.25)
    assert pre.lower.tolist() == [-0.125, -0.5, -0.625]
    assert pre.upper.tolist() == [0.375, 0.0, -0.125]
    # the second neuron just reaches its threshold
    assert pre.stable.tolist() == [0, 0, -1]
    assert first_layer(layer, image, box, pixels).stable.tolist() == [0, 0, 0]


@st.composite
def upper_layers(draw: st.DrawFn) -> SignLayer:
    inputs, neurons = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    return SignLayer.dense(draw(weights(neurons, inputs)), draw(thresholds(neurons, inputs)))


@given(layer=upper_layers(), data=st.data())
def test_binaries_above_the_first_layer_mean_the_signs(
    layer: SignLayer, data: st.DataObject
) -> None:
    """For every input and every choice of h: feasible iff h is what the layer answers."""
    fixed = np.array([data.draw(st.sampled_from([-1, 0, 0, 1])) for _ in range(layer.inputs)])
    builder = ProgramBuilder()
    column = np.array([-1 if sign else builder.binary() for sign in fixed], dtype=np.int64)
    below = Activations(sign=fixed.astype(np.int8), column=column)
    every = np.ones(layer.neurons, dtype=np.bool_)
    pre = upper_layer(layer, below)
    answers = add_layer(builder, pre, every, every)
    program = builder.build()
    for values in product((-1, 1), repeat=int((fixed == 0).sum())):
        signs = fixed.copy()
        signs[fixed == 0] = values
        truth = np.array(reference_layer(layer, signs.tolist()))
        assert np.all((answers.sign == 0) | (answers.sign == truth))
        for binaries in product((0.0, 1.0), repeat=int((answers.column >= 0).sum())):
            point = np.array([*(signs[fixed == 0] > 0), *binaries], dtype=np.float64)
            meant = np.array_equal(answers.at(point), truth)
            assert (program.violation(point) == 0) == meant


def one_neuron(clearance: float) -> tuple[ProgramBuilder, PreActivations]:
    """The neuron `p >= 0` for one pixel with perturbation p in [-0.5, 0.5]."""
    builder = ProgramBuilder()
    box = Box(lower=np.zeros(1), upper=np.ones(1))
    pixels = builder.columns(np.array([-0.5]), np.array([0.5]))
    layer = SignLayer.dense(np.ones((1, 1), dtype=np.int8), np.array([0.5]))
    return builder, first_layer(layer, np.array([0.5]), box, pixels, clearance=clearance)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("state", [0, 1])
def test_a_switch_forces_a_sign_with_clearance(sign: int, state: int) -> None:
    builder, pre = one_neuron(0.125)
    force_sign(builder, pre, 0, sign, builder.binary(), state)
    for p in (-0.5, -0.125, -0.0625, 0.0, 0.0625, 0.125, 0.5):
        forced = violation(builder, np.array([p, float(state)]))
        assert forced == max(0.0, 0.125 - sign * p)
        assert violation(builder, np.array([p, 1.0 - state])) == 0


def test_big_m_is_the_least_that_is_valid() -> None:
    builder, pre = one_neuron(0.125)
    force_sign(builder, pre, 0, 1, builder.binary())
    program = builder.build()
    # p - (0.125 + 0.5) h >= -0.5
    assert program.value.tolist() == [1.0, -0.625]
    assert program.row_lower.tolist() == [-0.5]


def test_without_clearance_a_threshold_counts_as_both_signs() -> None:
    builder, pre = one_neuron(0.0)
    every = np.ones(1, dtype=np.bool_)
    add_layer(builder, pre, every, every)
    for h in (0.0, 1.0):
        assert violation(builder, np.array([0.0, h])) == 0
    assert violation(builder, np.array([0.25, 0.0])) == 0.25


def test_a_neuron_that_nothing_asks_for_gets_no_binary() -> None:
    builder, pre = one_neuron(0.0)
    nothing = np.zeros(1, dtype=np.bool_)
    answers = add_layer(builder, pre, nothing, nothing)
    assert answers.column.tolist() == [-1]
    assert answers.at(np.zeros(1)).tolist() == [0]
    assert builder.build().rows == 0


def test_free_activations_are_one_binary_each() -> None:
    builder = ProgramBuilder()
    free = Activations.free(builder, 3)
    assert free.column.tolist() == [0, 1, 2]
    assert free.at(np.array([0.0, 1.0, 0.0])).tolist() == [-1, 1, -1]
