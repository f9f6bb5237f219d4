from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signflip.clock import ENDLESS, Clock
from signflip.errors import SettingError
from signflip.methods.losses import Lead
from signflip.methods.surrogate import Pull, Slope, Surrogate, slope_named
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.problem import Problem
from tests.support.strategies import images, networks
from tests.support.weights import weights_of


def one_neuron(threshold: float) -> BinaryNetwork:
    """A network whose class 1 value is the sign of the sum of two pixels, class 0 its opposite."""
    return BinaryNetwork(
        (SignLayer.dense(np.array([[1, 1]]), np.array([threshold])),),
        OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2)),
    )


def always(wanted: npt.ArrayLike) -> Pull:
    """Pulls at class values as `wanted` (N, classes) says, whatever they are."""
    return lambda values, rows: np.broadcast_to(np.asarray(wanted)[rows], values.shape)


@pytest.mark.parametrize(
    ("total", "value"), [(0.9, 0.2), (1.2, 0.8), (0.2, -1.0), (1.8, 1.0), (0.8, 0.0)]
)
def test_a_neuron_is_a_ramp_around_its_threshold(total: float, value: float) -> None:
    # the image's norm is 1, so the ramp of width 0.5 runs from 0.3 to 1.3
    surrogate = Surrogate(one_neuron(0.8), np.array([0.6, 0.8]), width=0.5)
    values = surrogate.forward(np.array([[total, 0.0]]))
    np.testing.assert_allclose(values, [[-value, value]], atol=1e-6)


def test_above_the_first_layer_the_unit_is_the_root_of_the_fan_in() -> None:
    # four neurons that are always +1, and one above them: sum 4, threshold 1 rounded up to 2
    first = SignLayer.dense(np.ones((4, 1), dtype=np.int8), np.full(4, -9.0))
    second = SignLayer.dense(np.ones((1, 4), dtype=np.int8), np.array([1.0]))
    output = OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2))
    network = BinaryNetwork((first, second), output)
    # the middle between the sums 0 (answers -1) and 2 (answers +1) is 1
    values = Surrogate(network, np.ones(1), width=2.0).forward(np.ones((1, 1)))
    np.testing.assert_allclose(values, [[-0.75, 0.75]])


@given(networks(), st.data())
def test_a_very_narrow_surrogate_is_the_network(
    network: BinaryNetwork, data: st.DataObject
) -> None:
    image = data.draw(images(network.inputs))
    first = network.hidden[0]
    distance = np.abs(weights_of(first) @ image - first.threshold)
    surrogate = Surrogate(network, image, width=1e-4)
    if distance.min() > 1e-2:
        np.testing.assert_allclose(
            surrogate.forward(image[None]), network.forward(image[None]), atol=1e-9
        )


def piece(surrogate: Surrogate, point: np.ndarray) -> tuple[int, ...] | None:
    """Which of the surrogate's linear pieces a point is inside of; None where pieces meet.

    That is whether each neuron is below, on or above its ramp, and which rival of class 0 leads.
    """
    ramps = np.concatenate(surrogate.at(point[None]).ramps, axis=1)[0].astype(np.float64)
    values = surrogate.forward(point[None])[0, 1:]
    if np.any(np.abs(np.abs(ramps) - 1) < 1e-5):
        return None
    return (int(values.argmax()), *np.trunc(np.clip(ramps, -1.5, 1.5)).astype(int).tolist())


KINKS_THAT_CANCEL = BinaryNetwork(
    (
        SignLayer.dense(
            np.array([[-1, -1, -1]] * 3 + [[1, -1, -1], [-1, -1, -1]]),
            np.array([0.0, 0.0, 0.0, 0.0, 0.0625]),
        ),
    ),
    OutputLayer(
        np.array([[1, 1, 1, 1, 1], [1, 1, -1, 1, 1]]), np.array([0.0, 0.0625]), np.zeros(2)
    ),
)
"""At the image (1, 0, 0) three neurons leave their ramps where another one enters its own."""


@given(
    networks().flatmap(lambda network: st.tuples(st.just(network), images(network.inputs))),
    st.sampled_from([0.5, 1.0, 3.0]),
)
@example((KINKS_THAT_CANCEL, np.array([1.0, 0.0, 0.0])), 1.0)
def test_the_ascent_is_the_slope_of_the_best_rivals_lead(
    case: tuple[BinaryNetwork, np.ndarray], width: float
) -> None:
    network, image = case
    surrogate = Surrogate(network, image, width)
    rivals = tuple(range(1, network.classes))

    def lead(point: np.ndarray) -> float:
        values = surrogate.forward(point[None])[0]
        return float(values[1:].max() - values[0])

    # images are often where pieces meet, and have no slope there; a point beside one hardly ever is
    beside = image + np.array([0.0137, -0.0291, 0.0219, 0.0083])[: network.inputs]
    for point in (image, beside):
        passed = surrogate.at(point[None])
        slope = passed.gradient(Lead(0, rivals)(passed.values, np.array([0]))[1])[0]
        here = piece(surrogate, point)
        for pixel, step in product(range(network.inputs), (2.0**-6, 2.0**-8)):
            move = step * (np.arange(network.inputs) == pixel)
            if here and here == piece(surrogate, point - move) == piece(surrogate, point + move):
                before, middle, after = lead(point - move), lead(point), lead(point + move)
                assert after - middle == pytest.approx(middle - before, abs=1e-4)
                assert slope[pixel] == pytest.approx((after - before) / (2 * step), abs=0.05)
                break


@pytest.mark.parametrize("darkest", [0.0, 6e-137])
def test_a_black_image_has_a_unit_too(darkest: float) -> None:
    values = Surrogate(one_neuron(0.5), np.full(2, darkest)).forward(np.zeros((1, 2)))
    np.testing.assert_allclose(values, [[0.5, -0.5]])


def test_thresholds_beyond_float32_are_constants() -> None:
    values = Surrogate(one_neuron(1e300), np.ones(2)).forward(np.ones((1, 2)))
    np.testing.assert_allclose(values, [[1.0, -1.0]])


def test_straight_through_reads_true_signs() -> None:
    first = SignLayer.dense(np.ones((4, 1), dtype=np.int8), np.array([0.4, 0.45, 0.55, 0.6]))
    second = SignLayer.dense(np.ones((1, 4), dtype=np.int8), np.array([2.0]))
    output = OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2))
    network, image = BinaryNetwork((first, second), output), np.array([0.7])
    pull = np.array([[-1.0, 1.0]])
    found = {}
    for slope in Slope:
        passed = Surrogate(network, image, 0.9, slope).at(image[None])
        found[slope] = (passed.ramps[1].item(), passed.gradient(pull).item())
    # true sum 4, midway 1, root 2, width 0.9: off the ramp; the soft sum is 0.8 / 0.63
    assert found[Slope.STRAIGHT_THROUGH][0] == pytest.approx(1.5 / 0.9)
    assert found[Slope.STRAIGHT_THROUGH][1] == 0
    assert found[Slope.RAMP][0] == pytest.approx((0.8 / 0.63 - 1) / 1.8, rel=1e-5)
    assert found[Slope.RAMP][1] > 0


def test_where_the_gradient_is_0_the_ramp_is_widened() -> None:
    network, images = one_neuron(0.8), np.array([[0.1, 0.0], [0.9, 0.0]])
    surrogate = Surrogate(network, np.array([0.6, 0.8]), width=0.25)
    pull = np.tile([-1.0, 1.0], (2, 1))
    assert not surrogate.at(images).gradient(pull)[0].any()
    gradient = surrogate.gradient(images, always(pull))
    # of a ramp of half-width 1, which reaches from 0.8 to 0.1; the other image's stays as it is
    np.testing.assert_allclose(gradient, [[2, 2], [8, 8]], rtol=1e-6)


def test_once_time_is_out_no_ramp_is_widened() -> None:
    surrogate = Surrogate(one_neuron(0.8), np.array([0.6, 0.8]), width=0.001)
    images, pull = np.array([[0.0, 0.0]]), always([[0, 1]])
    assert not surrogate.gradient(images, pull, clock=Clock.start(0.0)).any()
    assert surrogate.remark == ""
    assert surrogate.gradient(images, pull, clock=ENDLESS).any()
    assert surrogate.remark.startswith("The surrogate's gradient was 0 at 1 of 2 points")


def test_an_attacks_ramps_are_of_what_its_region_can_flip() -> None:
    # sums of 1.0; the first neuron's reach of 0.2 brings it to its threshold, not the second's
    first = SignLayer.dense(np.ones((2, 2), dtype=np.int8), np.array([1.05, 1.5]))
    output = OutputLayer(np.array([[-1, -1], [1, 1]]), np.ones(2), np.zeros(2))
    network, image = BinaryNetwork((first,), output), np.array([0.5, 0.5])
    problem = Problem.ball(network, image, epsilon=0.1)
    for surrogate, expected in (
        (Surrogate(network, image), [True, True]),
        (Surrogate.within(problem, 1.0, Slope.RAMP), [True, False]),
    ):
        assert (np.abs(surrogate.at(image[None]).ramps[0][0]) < 1).tolist() == expected
    passed = Surrogate.within(problem, 1.0, Slope.RAMP).at(image[None])
    # 0.05 below it, of a reach of 0.2 by the root of 2 inputs
    assert passed.ramps[0][0, 0] == pytest.approx(-0.05 / (0.2 / 2**0.5), rel=1e-4)


@pytest.mark.parametrize(
    ("epsilon", "mask", "unit"),
    [
        (0.1, [True, True], 0.2 / 2**0.5),
        (0.1, [True, False], 0.1 / 2**0.5),
        (0.1, [False, False], 1e-4),
        (1e-300, [True, True], 1e-4),
        (0.6, [True, True], 0.9 / 2**0.5),  # the range ends before: from 0 to 1, and from 0.2 to 1
        (0.0, [True, True], 1e-4),
    ],
)
def test_the_reach_is_what_the_box_leaves(epsilon: float, mask: list[bool], unit: float) -> None:
    image = np.array([0.6, 0.8])  # its norm is 1, and so is the unit without a reach
    problem = Problem.ball(one_neuron(0.8), image, epsilon=epsilon, mask=np.array(mask))
    surrogate = Surrogate.within(problem, 1.0, Slope.RAMP)
    ramps = surrogate.at(np.array([[0.6, 0.8], [0.6, 0.9]])).ramps[0][:, 0]
    assert ramps[1] - ramps[0] == pytest.approx(0.1 / unit, rel=1e-3)


@pytest.mark.parametrize(
    ("inputs", "share"), [(1, 1.0), (4, 0.5), (9, 1 / 3), (16, 0.3), (40, 0.3)]
)
def test_what_reads_few_inputs_has_more_of_its_reach(inputs: int, share: float) -> None:
    hidden = SignLayer.dense(np.ones((1, inputs), dtype=np.int8), np.zeros(1))
    output = OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2))
    problem = Problem.ball(BinaryNetwork((hidden,), output), np.full(inputs, 0.5), epsilon=0.01)
    ramps = Surrogate.within(problem, 1.0, Slope.RAMP).at(problem.image[None]).ramps[0]
    assert ramps.item() == pytest.approx(0.5 / (share * 0.01), rel=1e-4)


def test_a_constant_network_has_no_gradient_at_any_width() -> None:
    surrogate = Surrogate(one_neuron(1e9), np.ones(2))
    gradient = surrogate.gradient(np.ones((1, 2)), always([[-1.0, 1.0]]))
    assert gradient.any()  # its threshold counts as 4: a ramp of a half-width of 2 or more
    flat = surrogate.gradient(np.ones((1, 2)), always([[0.0, 0.0]]))
    assert not flat.any()


def test_scales_beyond_float32_have_a_slope() -> None:
    output = OutputLayer(np.array([[-1], [1]]), np.array([1e99, 1e-99]), np.zeros(2))
    hidden = SignLayer.dense(np.array([[1, 1]]), np.array([0.8]))
    surrogate = Surrogate(BinaryNetwork((hidden,), output), np.array([0.6, 0.8]))
    images = np.array([[0.8, 0.0]])
    for wanted, slope in (([-1.0, 0.0], 1e99), ([0.0, 1.0], 1e-99)):
        gradient = surrogate.gradient(images, always([wanted]))
        np.testing.assert_allclose(gradient, [[slope, slope]], rtol=1e-6)


def test_a_slope_that_is_none() -> None:
    with pytest.raises(SettingError, match="the slope is 'soft'; it must be 'ramp' or 'straight-"):
        slope_named("soft")
