import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from signflip.milp.layers import CLEARANCE, ImageProblem, LayerProgram, signs_program
from signflip.network import Floats, SignLayer, Signs
from signflip.problem import Box, Problem
from signflip.programs import Highs, Solver
from tests.support.oracle import patterns
from tests.support.reference import reference_layer
from tests.support.solvers import each_solver
from tests.support.strategies import networks, problems, thresholds, weights
from tests.support.weights import weights_of


def signs(length: int, *, zero: bool = False) -> st.SearchStrategy[Signs]:
    values = [-1, 1, 0] if zero else [-1, 1]
    return arrays(np.int8, length, elements=st.sampled_from(values), fill=st.nothing())


@st.composite
def upper_layers(draw: st.DrawFn) -> SignLayer:
    inputs, neurons = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    return SignLayer.dense(draw(weights(neurons, inputs)), draw(thresholds(neurons, inputs)))


def met(layer: SignLayer, target: Signs, values: tuple[int, ...] | Floats) -> int:
    """How many targets the layer meets when it reads `values`."""
    answers = reference_layer(layer, [float(value) for value in values])
    return sum(t == a for t, a in zip(target.tolist(), answers, strict=True))


HIGHS = Highs()


def solved(layer: LayerProgram, solver: Solver = HIGHS) -> Floats:
    """The optimal point, after checks of the program's start."""
    assert layer.program.violation(layer.start) < 1e-9
    solution = solver.solve(layer.program, start=layer.start, quick=True)
    assert solution.point is not None
    return solution.point


@settings(max_examples=50)
@each_solver
@given(layer=upper_layers(), data=st.data())
def test_problem_9_is_lexicographic(solver: Solver, layer: SignLayer, data: st.DataObject) -> None:
    target = data.draw(signs(layer.neurons, zero=True))
    nearest = data.draw(signs(layer.inputs))
    free = data.draw(arrays(np.bool_, layer.inputs))
    fixed = np.where(free, np.int8(0), nearest)
    choices = [(1, -1) if f == 0 else (int(f),) for f in fixed]

    def rank(values: tuple[int, ...]) -> tuple[int, int]:
        """Targets met, and then fewest differences."""
        differences = sum(a != b for a, b in zip(values, nearest.tolist(), strict=True))
        return met(layer, target, values), -differences

    best = max(rank(values) for values in itertools.product(*choices))
    encoded = signs_program(layer, target, nearest, fixed)
    if not encoded.program.columns:
        assert not free.any()
        return
    point = solved(encoded, solver)
    answer = tuple(encoded.signs(point).tolist())
    assert rank(answer) == best
    assert all(f in (0, a) for f, a in zip(fixed.tolist(), answer, strict=True))
    objective = (free.sum() + 1) * best[0] + best[1]
    assert encoded.program.objective_at(point) == pytest.approx(objective)
    start = rank(tuple(nearest.tolist()))
    assert encoded.program.objective_at(encoded.start) == (free.sum() + 1) * start[0]


def test_problem_9_without_fixed_inputs_may_change_any() -> None:
    layer = SignLayer.dense(np.array([[1, 1, 1]]), np.array([3.0]))
    nearest = np.array([-1, 1, -1], dtype=np.int8)
    encoded = signs_program(layer, np.array([1], dtype=np.int8), nearest)
    assert encoded.signs(solved(encoded)).tolist() == [1, 1, 1]


def test_a_tie_goes_to_the_incumbent() -> None:
    # +1 needs one input at +1, and the incumbent has one
    layer = SignLayer.dense(np.array([[1, 1, 1]]), np.array([-1.0]))
    nearest = np.array([-1, 1, -1], dtype=np.int8)
    encoded = signs_program(layer, np.array([1], dtype=np.int8), nearest)
    assert encoded.signs(solved(encoded)).tolist() == [-1, 1, -1]


@settings(max_examples=40)
@each_solver
@given(problem=problems(network=networks(max_depth=1)), data=st.data())
def test_problem_10_meets_as_many_targets_as_the_box_allows(
    solver: Solver, problem: Problem, data: st.DataObject
) -> None:
    layer = problem.network.hidden[0]
    target = data.draw(signs(layer.neurons, zero=True))
    images = ImageProblem(layer, problem.image, problem.box)
    encoded = images.program(target, problem.image)
    point = encoded.start
    if encoded.program.columns:
        point = solved(encoded, solver)
    image = images.image_of(point)
    assert problem.box.contains(image)
    found = met(layer, target, image)

    def most(margin: float) -> int:
        """The most targets of a pattern; with a margin, of one that lies clear of thresholds."""
        realisable = patterns(problem.network, problem.box, Fraction(margin))
        return max(
            (sum(t == s for t, s in zip(target.tolist(), p, strict=True)) for p, _ in realisable),
            default=0,
        )

    assert most(2 * CLEARANCE) <= found <= most(0)
    assert found >= round(encoded.program.objective_at(point))


@given(problems(network=networks(max_depth=1)), st.data())
def test_the_start_of_problem_10_meets_what_the_incumbent_does(
    problem: Problem, data: st.DataObject
) -> None:
    layer = problem.network.hidden[0]
    target = data.draw(signs(layer.neurons))
    share = data.draw(arrays(np.float64, len(problem.image), elements=st.floats(0, 1)))
    width = problem.box.upper - problem.box.lower
    image = problem.box.clip(problem.box.lower + share * width)
    images = ImageProblem(layer, problem.image, problem.box)
    encoded = images.program(target, image)
    assert encoded.program.violation(encoded.start) < 1e-9
    np.testing.assert_allclose(images.image_of(encoded.start), image, atol=1e-15)
    unstable = images.stable == 0
    distance = np.abs(weights_of(layer) @ image - layer.threshold)[unstable]
    if distance.min(initial=1.0) > 2 * CLEARANCE:
        assert encoded.program.objective_at(encoded.start) == met(layer, target, image)


def test_a_neuron_that_cannot_get_clear_of_its_threshold_counts_as_missed() -> None:
    layer = SignLayer.dense(np.array([[1]]), np.array([0.5]))
    box = Box.ball(np.array([0.5]), CLEARANCE / 2)
    images = ImageProblem(layer, np.array([0.5]), box)
    for sign in (-1, 1):
        encoded = images.program(np.array([sign], dtype=np.int8), np.array([0.5]))
        assert encoded.program.objective_at(solved(encoded)) == 0
