import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.milp.maximal_gain import maximal_gain
from signflip.network import BinaryNetwork, Floats, OutputLayer, SignLayer
from signflip.problem import Box, Problem, Target, Untargeted
from tests.support.strategies import networks, problems
from tests.support.weights import weights_of
from tests.support.zoo import zoo_problems


def images(data: st.DataObject, box: Box) -> Floats:
    """An image (inputs,) of the box."""
    count = len(box.lower)
    shares = data.draw(st.lists(st.integers(0, 16), min_size=count, max_size=count))
    return box.clip(box.lower + (box.upper - box.lower) * np.array(shares) / 16)


@given(problem=problems(), data=st.data())
def test_every_image_is_a_point_of_the_program_with_its_objective(
    problem: Problem, data: st.DataObject
) -> None:
    image = images(data, problem.box)
    encoding = maximal_gain(problem)
    point = encoding.start(image)
    value = float(problem.replay(image).value)
    assert encoding.program.violation(point) < 1e-9
    assert encoding.objective(point) == pytest.approx(value, abs=encoding.tolerance)
    assert encoding.lower - encoding.tolerance <= value <= encoding.upper + encoding.tolerance
    assert np.allclose(encoding.network.image(point), image, rtol=0, atol=1e-15)
    # a bound that this image meets is not rounded below it
    bound = encoding.bound(encoding.program.objective_at(point))
    assert bound >= value - encoding.tolerance


@given(problem=problems(), data=st.data())
def test_the_asked_signs_are_those_of_the_image(problem: Problem, data: st.DataObject) -> None:
    image = images(data, problem.box)
    network = maximal_gain(problem).network
    point = maximal_gain(problem).start(image)
    demand = network.demand(point)
    signs = problem.network.activations(image[None])[0][0]
    assert np.all((demand == 0) | (demand == signs))
    if len(problem.network.hidden) > 1 and np.any(network.hidden[1].column >= 0):
        assert np.array_equal(demand != 0, network.hidden[0].sign == 0)


@settings(max_examples=50)
@given(problem=problems(network=networks(plain=True)), data=st.data())
def test_a_cut_removes_the_points_with_its_signs_and_no_others(
    problem: Problem, data: st.DataObject
) -> None:
    encoding = maximal_gain(problem)
    one, other = (encoding.start(images(data, problem.box)) for _ in range(2))
    demand = encoding.network.demand(one)
    cut = encoding.network.without(encoding.program, demand)
    assert cut.violation(one) >= 1
    asked = demand != 0
    same = np.array_equal(encoding.network.hidden[0].at(other)[asked], demand[asked])
    assert (cut.violation(other) >= 1) == same


def output(*rows: list[int]) -> OutputLayer:
    return OutputLayer(np.array(rows), np.ones(len(rows)), np.zeros(len(rows)))


def test_only_what_matters_is_in_the_program() -> None:
    """Of 4 neurons one is stable, one has equal output weights, and one is gained from if off."""
    hidden = SignLayer.dense(
        np.array([[1, 1], [1, 1], [1, -1], [1, -1]]), np.array([-1.0, 1.0, 0.1, -0.1])
    )
    network = BinaryNetwork((hidden,), output([1, 1, 1, -1], [-1, 1, -1, 1]))
    problem = Problem.ball(network, [0.5, 0.5], epsilon=0.25)
    encoding = maximal_gain(problem)
    only = encoding.network.hidden[0]
    assert problem.prediction == 1
    assert only.sign.tolist() == [1, 0, 0, 0]
    assert (only.column >= 0).tolist() == [False, False, True, True]
    # each of the two needs one row: the goal gains from +1 in one and from -1 in the other
    assert (encoding.program.columns, encoding.program.rows) == (4, 2)
    # the stable neuron gives 2, and the two others give -2 or 2 each
    assert (encoding.lower, encoding.upper) == (-2, 6)


def test_dear_neurons_of_the_first_layer_are_branched_on_first() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.01, count=1)[0]
    encoding = maximal_gain(problem)
    first, second = encoding.network.hidden
    unstable = first.column >= 0
    layer, box = problem.network.hidden[0], problem.box
    middle = np.abs(weights_of(layer) @ ((box.lower + box.upper) / 2) - layer.threshold)[unstable]
    priority = encoding.program.priority[first.column[unstable]]
    assert np.array_equal(np.argsort(priority), np.argsort(middle))
    assert priority.min() > 0
    assert not encoding.program.priority[second.column[second.column >= 0]].any()


def test_a_pixel_that_cannot_change_is_no_variable() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.01, count=1)[0]
    mask = np.zeros(784, dtype=np.bool_)
    mask[300:400] = True
    masked = Problem.ball(problem.network, problem.image, epsilon=0.01, mask=mask)
    network = maximal_gain(masked).network
    assert np.array_equal(network.pixels >= 0, mask)
    assert np.array_equal(network.image(np.zeros(10**4)), problem.image)


@pytest.mark.parametrize(("goal", "bound"), [(Target(0), -2), (Untargeted(), 0)])
def test_bounds_are_lowered_to_values_that_objectives_have(
    goal: Target | Untargeted, bound: float
) -> None:
    """Three neurons: objectives of one rival are -6, -2, 2 or 6; of any rival they are even."""
    hidden = SignLayer.dense(np.array([[1, 1], [1, -1], [-1, 1]]), np.array([0.9, 0.1, 0.1]))
    network = BinaryNetwork((hidden,), output([-1, 1, 1], [1, -1, -1], [1, 1, -1]))
    problem = Problem.ball(network, [0.5, 0.5], epsilon=0.5, goal=goal)
    encoding = maximal_gain(problem)
    assert problem.prediction == 1
    slightly_more = (1.9 - encoding.lower) / encoding.unit
    assert encoding.bound(slightly_more) == bound
