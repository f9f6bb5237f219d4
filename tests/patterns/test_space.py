from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.patterns.space import RADIUS_LEVELS, PatternSpace
from signflip.problem import Box, Problem
from tests.support.random_problems import EPSILONS, points_of, random_problem
from tests.support.reference import reference_layer
from tests.support.strategies import problems

seeds = st.integers(0, 2**32)


def moves(space: PatternSpace, image: np.ndarray) -> list[Fraction]:
    """The exact move from the centre to an image."""
    return [Fraction(a) - Fraction(b) for a, b in zip(image, space.centre.tolist(), strict=True)]


def check_point(space: PatternSpace, image: np.ndarray) -> None:
    """What the space says of every point of the box holds at this one, in exact arithmetic."""
    layer = space.problem.network.hidden[0]
    signs = reference_layer(layer, image.tolist())
    stable = set(range(layer.neurons)) - set(space.unstable.tolist())
    assert all(space.signs[neuron] == signs[neuron] for neuron in stable)
    move = moves(space, image)
    assert all(abs(q) <= Fraction(r) for q, r in zip(move, space.radius.tolist(), strict=True))
    for row, neuron in enumerate(space.unstable):
        gain = sum(d * q for d, q in zip(space.directions[row].tolist(), move, strict=True))
        if signs[neuron] != space.signs[neuron]:
            assert gain >= Fraction(space.distance[row])
        else:
            assert gain <= Fraction(space.reluctance[row])


@settings(max_examples=100)
@given(problems(), st.data())
def test_it_holds_at_any_point_of_any_box(problem: Problem, data: st.DataObject) -> None:
    space = PatternSpace.of(problem)
    shares = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
    share = data.draw(
        st.lists(shares, min_size=problem.network.inputs, max_size=problem.network.inputs)
    )
    lower, upper = problem.box.lower, problem.box.upper
    check_point(space, problem.box.clip(lower + np.array(share) * (upper - lower)))


@settings(max_examples=60)
@given(seeds, st.sampled_from(EPSILONS), st.sampled_from([1, 7, 100]))
def test_it_holds_with_many_neurons(seed: int, epsilon: float, inputs: int) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=inputs, widths=(12, 3), epsilon=epsilon)
    space = PatternSpace.of(problem)
    for image in points_of(rng, problem, 5):
        check_point(space, image)


@settings(max_examples=20)
@given(seeds)
def test_the_radius_reaches_both_ends_of_every_pixel(seed: int) -> None:
    # bounds of different magnitude, whose distance from the centre is rounded
    rng = np.random.default_rng(seed)
    ends = rng.random((2, 100)) * 2.0 ** -rng.integers(0, 20, (2, 100))
    lower, upper = np.sort(ends, axis=0)
    base = random_problem(rng, inputs=100, widths=(3,))
    space = PatternSpace.of(Problem(base.network, lower, Box(lower=lower, upper=upper)))
    check_point(space, lower)
    check_point(space, upper)


@settings(max_examples=60)
@given(seeds, st.sampled_from(EPSILONS))
def test_one_grid_rounds_distances_down_and_radii_up(seed: int, epsilon: float) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=int(rng.integers(1, 30)), widths=(20, 3), epsilon=epsilon)
    space = PatternSpace.of(problem)
    # some step g has radius <= g grid_radius and distance >= g grid_distance, exactly
    radii = list(zip(space.radius.tolist(), space.grid_radius.tolist(), strict=True))
    distances = list(zip(space.distance.tolist(), space.grid_distance.tolist(), strict=True))
    assert all(r == 0 for r, steps in radii if steps == 0)
    assert all(d >= 0 for d, steps in distances if steps == 0)
    least = [Fraction(r) / steps for r, steps in radii if steps > 0]
    least += [Fraction(d) / steps for d, steps in distances if steps < 0]
    most = [Fraction(d) / steps for d, steps in distances if steps > 0]
    assert max(least, default=0) <= min(most, default=np.inf)
    assert space.grid_radius.max() <= RADIUS_LEVELS


def test_the_grid_is_fine() -> None:
    problem = random_problem(np.random.default_rng(1), inputs=100, widths=(60, 3))
    space = PatternSpace.of(problem)
    step = space.radius.max() / RADIUS_LEVELS
    np.testing.assert_allclose(space.grid_radius * step, space.radius, atol=1.01 * step)
    np.testing.assert_allclose(space.grid_distance * step, space.distance, atol=1.01 * step)


@pytest.mark.parametrize("epsilon", [1e-12, 1e-8, 1e-4, 0.1])
def test_distances_are_sharp_in_small_boxes_too(epsilon: float) -> None:
    problem = random_problem(np.random.default_rng(2), inputs=784, widths=(60, 3), epsilon=epsilon)
    space = PatternSpace.of(problem)
    assert space.size > 10
    assert np.all(space.reluctance - space.distance <= 1e-9 * epsilon + 1e-14 * space.reluctance)


def test_the_dearest_flip_comes_first_and_a_pattern_has_the_flips_asked_for() -> None:
    problem = random_problem(np.random.default_rng(3), inputs=20, widths=(30, 3))
    space = PatternSpace.of(problem)
    assert np.all(np.diff(space.distance) <= 0)
    flips = np.arange(space.size) % 3 == 0
    pattern = space.pattern(flips)
    assert set(np.flatnonzero(pattern != space.signs)) == set(space.unstable[flips])


def network(*thresholds: float) -> BinaryNetwork:
    """Neurons of one pixel, +1 from these values on."""
    first = SignLayer.dense(np.ones((len(thresholds), 1), dtype=np.int8), np.array(thresholds))
    weight = np.ones((2, len(thresholds)), dtype=np.int8)
    return BinaryNetwork((first,), OutputLayer(weight, np.ones(2), np.zeros(2)))


def test_unstable_neurons_are_those_that_change_within_the_box() -> None:
    # a box from 0.25 to 0.75: at its lower end 0.25 is +1 already, at its upper end 0.75 is +1 too
    problem = Problem.ball(
        network(-3, 0.25, np.nextafter(0.25, 1), 0.75, np.nextafter(0.75, 1), 3),
        [0.5],
        epsilon=0.25,
    )
    assert sorted(PatternSpace.of(problem).unstable) == [2, 3]


def test_a_box_of_one_point_has_one_pattern() -> None:
    problem = Problem.ball(network(-3, 0.5, 3), [0.5], epsilon=0.0)
    space = PatternSpace.of(problem)
    assert space.size == 0
    np.testing.assert_array_equal(space.signs, [1, 1, -1])
