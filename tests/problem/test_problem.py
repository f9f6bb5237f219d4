import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.errors import DataError, NetworkError, ProblemError
from signflip.network import BinaryNetwork, Floats, OutputLayer, SignLayer
from signflip.problem import Box, Problem, Target, Untargeted
from tests.support.reference import (
    reference_objective,
    reference_prediction,
    reference_values,
)
from tests.support.strategies import epsilons, images, networks, problems

UNIT = st.floats(0, 1) | st.integers(0, 255).map(lambda k: k / 255) | st.floats(0, 1e-300)


def two_pixels(classes: int = 3) -> BinaryNetwork:
    """Two neurons: whether the pixels are bright, and which is brighter. Up to 4 classes."""
    hidden = SignLayer.dense(np.array([[1, 1], [1, -1]], dtype=np.int8), np.array([1.0, 0.0]))
    weight = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]], dtype=np.int8)[:classes]
    return BinaryNetwork((hidden,), OutputLayer(weight, np.ones(classes), np.zeros(classes)))


# --- boxes ----------------------------------------------------------------------------------------


@given(centre=UNIT, epsilon=UNIT)
def test_ball_holds_exactly_the_float64_images_of_the_exact_ball(
    centre: float, epsilon: float
) -> None:
    box = Box.ball([centre], epsilon)
    lower, upper = float(box.lower[0]), float(box.upper[0])
    least = max(Fraction(centre) - Fraction(epsilon), Fraction(0))
    greatest = min(Fraction(centre) + Fraction(epsilon), Fraction(1))
    assert least <= Fraction(lower) <= Fraction(upper) <= greatest
    assert Fraction(math.nextafter(lower, -math.inf)) < least
    assert Fraction(math.nextafter(upper, math.inf)) > greatest


@given(st.data())
def test_masked_pixels_stay(data: st.DataObject) -> None:
    image = data.draw(images(4))
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=4, max_size=4)))
    epsilon = data.draw(epsilons())
    box, free = Box.ball(image, epsilon, mask), Box.ball(image, epsilon)
    assert box.lower.tolist() == np.where(mask, free.lower, image).tolist()
    assert box.upper.tolist() == np.where(mask, free.upper, image).tolist()
    assert box.contains(image)
    assert box.epsilon == epsilon


@given(st.data())
def test_clip_moves_only_what_lies_outside(data: st.DataObject) -> None:
    box = Box.ball(data.draw(images(3)), data.draw(epsilons()))
    points = np.array([[data.draw(st.floats(-2, 2)) for _ in range(3)] for _ in range(2)])
    clipped = box.clip(points)
    assert all(box.contains(point) for point in clipped)
    inside = (box.lower <= points) & (points <= box.upper)
    assert np.array_equal(clipped == points, inside)


def test_an_image_that_is_outside_by_less_than_a_rounding_error_is_outside() -> None:
    # float64 rounds 0.3 + 0.1 up to 0.4, which lies above the exact sum
    assert 0.3 + 0.1 == 0.4
    box = Box.ball([0.3], 0.1)
    assert not box.contains(np.array([0.4]))
    assert box.contains(np.array([math.nextafter(0.4, 0)]))


def test_a_box_keeps_its_own_arrays() -> None:
    lower = np.zeros(2)
    box = Box(lower=lower, upper=np.ones(2))
    lower[0] = 0.5
    assert box.lower[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        box.upper[0] = 0.5


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Box.ball([0.5], "0.1"), "epsilon is '0.1'; it must be a number"),  # type: ignore[arg-type]
        (lambda: Box.ball([0.5], -0.1), "epsilon is -0.1; it must be from 0 to 1"),
        (lambda: Box.ball([0.5], 8), "epsilon is 8.*k grey levels is k / 255"),
        (lambda: Box.ball([0.5], math.nan), "epsilon is nan"),
        (lambda: Box.ball([0.5, 255], 0.1), "the image is 255.0 at pixel 1.*divide 8-bit values"),
        (lambda: Box.ball([-0.1], 0.1), "the image is -0.1 at pixel 0"),
        (lambda: Box.ball([math.nan], 0.1), "the image is nan at pixel 0"),
        (lambda: Box.ball([[0.5]], 0.1), r"the image has shape \(1, 1\); it must be flat"),
        (lambda: Box.ball([0.5], 0.1, [1]), "the mask is int64.*must be bool"),
        (lambda: Box.ball([0.5], 0.1, [True, False]), r"bool of shape \(2,\); it must be bool"),
        (lambda: Box(lower=np.zeros(1), upper=np.array([1.5])), "the box's upper is 1.5"),
        (lambda: Box(lower=np.array([math.nan]), upper=np.ones(1)), "the box's lower is nan"),
        (lambda: Box(lower=np.zeros(1), upper=np.ones(2)), r"lower has shape \(1,\).*\(2,\)"),
        (
            lambda: Box(lower=np.array([0, 0.5]), upper=np.array([0, 0.25])),
            "empty at pixel 1: lower 0.5 is above 0.25",
        ),
    ],
)
def test_a_broken_box_is_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        build()


# --- goals ----------------------------------------------------------------------------------------


@given(st.data())
def test_default_target_has_the_second_highest_value(data: st.DataObject) -> None:
    network = data.draw(networks())
    image = data.draw(images(network.inputs))
    problem = Problem.ball(network, image, epsilon=0.1)
    values = reference_values(network, image.tolist())
    first = reference_prediction(values)
    others = [c for c in range(network.classes) if c != first]
    second = max(others, key=lambda c: (values[c], -c))
    assert problem.prediction == first
    assert problem.goal == Target(second)
    assert problem.rivals == (second,)


def test_untargeted_rivals_are_all_classes_but_the_prediction() -> None:
    problem = Problem.ball(two_pixels(4), [0.6, 0.9], epsilon=0.1, goal=Untargeted())
    assert problem.prediction not in problem.rivals
    assert {problem.prediction, *problem.rivals} == {0, 1, 2, 3}


# --- the objective --------------------------------------------------------------------------------


@given(problems(), st.data())
def test_replay_is_the_definition(problem: Problem, data: st.DataObject) -> None:
    image = data.draw(images(problem.network.inputs))
    replay = problem.replay(image)
    values = reference_values(problem.network, image.tolist())
    inside = all(
        low <= value <= high
        for low, value, high in zip(
            problem.box.lower.tolist(), image.tolist(), problem.box.upper.tolist(), strict=True
        )
    )
    assert replay.inside == inside
    assert replay.value == reference_objective(problem, values)
    assert replay.prediction == reference_prediction(values)
    assert replay.flipped == (inside and replay.value > 0)


@given(problems(), st.data())
def test_batch_objectives_agree_with_replays(problem: Problem, data: st.DataObject) -> None:
    batch = np.array([data.draw(images(problem.network.inputs)) for _ in range(3)])
    exact = [problem.replay(image).value for image in batch]
    objectives = problem.objectives(batch).tolist()
    if problem.network.output.plain:
        assert [Fraction(value) for value in objectives] == exact
    assert objectives == pytest.approx([float(value) for value in exact], abs=1e-12)


@given(problems())
def test_the_clean_image_never_counts_as_flipped(problem: Problem) -> None:
    assert problem.clean.inside
    assert not problem.clean.flipped
    assert problem.clean.prediction == problem.prediction


@given(problems(), st.data())
def test_objective_is_linear_in_the_last_layer(problem: Problem, data: st.DataObject) -> None:
    width = problem.network.widths[-1]
    signs = np.array(
        [data.draw(st.lists(st.sampled_from([-1, 1]), min_size=width, max_size=width))]
    )
    linear = max(
        problem.constant(rival) + float(problem.coefficients(rival) @ signs[0])
        for rival in problem.rivals
    )
    exact = problem.exact_objective(signs[0].astype(np.int8))
    assert linear == pytest.approx(float(exact), abs=1e-12)
    if problem.network.output.plain:
        assert all(set(problem.coefficients(c).tolist()) <= {-2, 0, 2} for c in problem.rivals)


@given(problems())
def test_largest_conceivable_is_the_maximum_over_all_last_layers(problem: Problem) -> None:
    width = problem.network.widths[-1]
    patterns = np.array(list(product([-1, 1], repeat=width)), dtype=np.int8)
    best = problem.objectives_of_signs(patterns).max()
    assert problem.largest_conceivable == pytest.approx(best, abs=1e-12)


def test_a_tie_with_the_prediction_is_no_flip() -> None:
    # the second pixel's neuron decides between class 0 and a tie of both classes
    hidden = SignLayer.dense(np.array([[1], [1]], dtype=np.int8), np.array([0.5, -3.0]))
    plain = OutputLayer(np.array([[-1, 1], [1, 1]], dtype=np.int8), np.ones(2), np.zeros(2))
    network = BinaryNetwork((hidden,), plain)
    lower_wins = Problem.ball(network, [0.0], epsilon=1)
    assert lower_wins.prediction == 0
    assert lower_wins.clean.value == -2
    assert lower_wins.replay([1.0]).flipped
    tied = OutputLayer(np.array([[-1, 1], [-1, 1]], dtype=np.int8), np.ones(2), np.zeros(2))
    problem = Problem.ball(BinaryNetwork((hidden,), tied), [0.0], epsilon=1)
    assert problem.prediction == 0
    assert problem.replay([1.0]).value == 0
    assert not problem.replay([1.0]).flipped


def test_a_tie_won_by_a_lower_class_is_no_flip_though_the_prediction_changes() -> None:
    hidden = SignLayer.dense(np.array([[1]], dtype=np.int8), np.array([0.5]))
    plain = OutputLayer(np.array([[1], [-1]], dtype=np.int8), np.array([1.0, 1.0]), np.zeros(2))
    shifted = OutputLayer(plain.weight, plain.scale, np.array([-1.0, 1.0]))
    problem = Problem.ball(BinaryNetwork((hidden,), shifted), [0.0], epsilon=1)
    assert problem.prediction == 1
    replay = problem.replay([1.0])
    assert replay.value == 0
    assert replay.prediction == 0
    assert not replay.flipped


def test_real_scales_are_compared_exactly() -> None:
    # float64 has 0.1 * 3 == 0.30000000000000004; the exact objective is not 0
    hidden = SignLayer.dense(np.array([[1]] * 3, dtype=np.int8), np.array([-5.0] * 3))
    weight = np.array([[1, 1, 1], [1, 1, -1]], dtype=np.int8)
    layer = OutputLayer(weight, np.array([0.1, 0.0]), np.array([0.0, 0.30000000000000004]))
    problem = Problem.ball(BinaryNetwork((hidden,), layer), [0.5], epsilon=0.1)
    assert problem.prediction == 1
    assert problem.objectives(problem.image[None]).tolist() == [0]
    assert problem.clean.value < 0


# --- refusals -------------------------------------------------------------------------------------


@given(st.data())
def test_the_predicted_class_is_no_target(data: st.DataObject) -> None:
    network = data.draw(networks())
    image = data.draw(images(network.inputs))
    prediction = int(network.predict(image[None])[0])
    with pytest.raises(ProblemError, match=f"class {prediction}, which the network predicts"):
        Problem.ball(network, image, epsilon=0.1, goal=Target(prediction))


@pytest.mark.parametrize("target", [-1, 3])
def test_a_target_beyond_the_classes_is_refused(target: int) -> None:
    with pytest.raises(ProblemError, match=f"class {target}; the network has classes 0 to 2"):
        Problem.ball(two_pixels(), [0.5, 0.5], epsilon=0.1, goal=Target(target))


@pytest.mark.parametrize(
    ("image", "box", "message"),
    [
        (np.zeros(3), Box.ball(np.zeros(3), 0.1), r"image has shape \(3,\).*reads \(2,\)"),
        (np.zeros(2), Box.ball(np.zeros(3), 0.1), r"the box \(3,\).*reads \(2,\)"),
        (np.zeros((1, 2)), Box.ball(np.zeros(2), 0.1), "flatten the image"),
        (np.array([0, 1.5]), Box.ball(np.zeros(2), 0.1), "the image is 1.5 at pixel 1"),
        (np.array([0, math.nan]), Box.ball(np.zeros(2), 0.1), "the image is nan at pixel 1"),
        (np.array([0, 0.2]), Box.ball(np.zeros(2), 0.1), "the image lies outside the box"),
    ],
)
def test_an_image_that_does_not_fit_is_refused(image: Floats, box: Box, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        Problem(two_pixels(), image, box)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ([0.5], r"shape \(1, 1\)"),
        ([0.5, math.inf], r"images\[0, 1\] is inf"),
        ("image.png", "images hold <U9; they must be real numbers"),
        (None, "images hold object; they must be real numbers"),
    ],
)
def test_a_replay_of_no_image_is_refused(image: Any, message: str) -> None:
    problem = Problem.ball(two_pixels(), [0.5, 0.5], epsilon=0.1)
    with pytest.raises(DataError, match=message):
        problem.replay(image)


@pytest.mark.parametrize("other", [None, 3, "mnist-2x100"])
def test_what_is_no_network_or_no_region_is_refused(other: Any) -> None:
    with pytest.raises(NetworkError, match=r"^the network is .*; it must be a BinaryNetwork"):
        Problem.ball(other, [0.5, 0.5], epsilon=0.1)
    with pytest.raises(NetworkError, match=r"^the network is .*; it must be a BinaryNetwork"):
        Problem(other, np.zeros(2), Box.ball(np.zeros(2), 0.1))
    with pytest.raises(ProblemError, match=r"^the region is .*; it must be such as Box\.ball"):
        Problem(two_pixels(), np.zeros(2), other)


def test_a_problem_keeps_its_own_image() -> None:
    image = np.array([0.5, 0.5])
    problem = Problem.ball(two_pixels(), image, epsilon=0.1)
    image[0] = 0.25
    assert problem.image[0] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        problem.image[0] = 0.25


def test_epsilon_is_any_kind_of_number() -> None:
    fifth = Box.ball([0.5], 0.2)
    for epsilon in (Fraction(1, 5), Decimal("0.2"), np.float64(0.2)):
        box = Box.ball([0.5], epsilon)  # type: ignore[arg-type]
        assert (box.lower, box.upper, box.epsilon) == (fifth.lower, fifth.upper, 0.2)
