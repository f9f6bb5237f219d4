from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.clock import Clock, OutOfTime
from signflip.exact.geometry import (
    MOST_FLIPS,
    Factor,
    Geometry,
    extend,
    fresh_factor,
    geometry_of,
    refused,
)
from signflip.network import BinaryNetwork, Floats, SignLayer
from signflip.patterns.space import Flips, PatternSpace
from signflip.problem import Problem
from tests.support.random_problems import EPSILONS, points_of, random_problem
from tests.support.weights import weights_of

seeds = st.integers(0, 2**32)


def geometry_for(problem: Problem) -> tuple[PatternSpace, Geometry]:
    space = PatternSpace.of(problem)
    return space, geometry_of(space, 0.0, 0.0)


def flips_at(space: PatternSpace, image: Floats) -> Flips:
    """The flips of the pattern that an image has."""
    signs = space.problem.network.activations(image[None])[0][0]
    flips: Flips = (signs != space.signs)[space.unstable]
    return flips


def place(geometry: Geometry, flips: Flips) -> tuple[Factor, int]:
    """The factor of a set of flips and the number of its active ones, as the search makes it."""
    factor = fresh_factor(geometry)
    count = 0
    for neuron in np.flatnonzero(flips):
        count = extend(geometry, factor, count, int(neuron))
    return factor, count


def refuses(geometry: Geometry, flips: Flips) -> bool:
    return bool(refused(geometry, *place(geometry, flips)))


@settings(max_examples=150)
@given(seeds, st.sampled_from(EPSILONS), st.sampled_from([1, 2, 5, 20, 200]))
def test_flips_of_a_point_are_never_refused(seed: int, epsilon: float, inputs: int) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=inputs, widths=(60, 3), epsilon=epsilon)
    space, geometry = geometry_for(problem)
    for image in points_of(rng, problem, 10):
        flips = flips_at(space, image)
        factor, count = fresh_factor(geometry), 0
        for neuron in np.flatnonzero(flips):
            count = extend(geometry, factor, count, int(neuron))
            assert not refused(geometry, factor, count)
        for share in (0.2, 0.5, 0.8):
            assert not refuses(geometry, flips & (rng.random(space.size) < share))


def cornered(rng: np.random.Generator, inputs: int, margin: float) -> tuple[Problem, Floats]:
    """A problem and the one corner of its box at which all neurons are flipped, by a margin."""
    base = random_problem(rng, inputs=inputs, widths=(5, 3), epsilon=0.2)
    weight = weights_of(base.network.hidden[0])
    corner = np.where(weight.sum(axis=0) > 0, base.box.upper, base.box.lower)
    thresholds = (weight @ corner - margin).astype(np.float64)
    first = SignLayer.dense(weight, thresholds)
    network = BinaryNetwork((first, *base.network.hidden[1:]), base.network.output)
    return Problem(network, base.image, base.box), corner


@settings(max_examples=150)
@given(seeds, st.floats(-12, -3), st.integers(2, 60))
def test_flips_that_only_a_corner_has_are_not_refused(
    seed: int, exponent: float, inputs: int
) -> None:
    rng = np.random.default_rng(seed)
    problem, corner = cornered(rng, inputs, 10.0**exponent)
    space, geometry = geometry_for(problem)
    flips = flips_at(space, corner)
    assert not refuses(geometry, flips)


def geometry_with(
    directions: npt.ArrayLike, grid_distance: npt.ArrayLike, grid_radius: npt.ArrayLike
) -> Geometry:
    """A geometry of these numbers alone, in steps of 1."""
    any_space = PatternSpace.of(random_problem(np.random.default_rng(0), inputs=2, widths=(3, 3)))
    space = replace(
        any_space,
        directions=np.array(directions, dtype=np.int8),
        radius=np.array(grid_radius, dtype=np.float64),
        distance=np.array(grid_distance, dtype=np.float64),
        grid_distance=np.array(grid_distance, dtype=np.int64),
        grid_radius=np.array(grid_radius, dtype=np.int16),
    )
    return geometry_of(space, 0.0, 0.0)


def test_flips_out_of_reach_together_are_refused() -> None:
    # q0 + q1 >= 150 and q0 - q1 >= 100, but |q0| <= 100
    geometry = geometry_with([[1, 1], [1, -1]], [150, 100], [100, 100])
    assert refuses(geometry, np.array([True, True]))
    assert not refuses(geometry, np.array([True, False]))
    assert not refuses(geometry, np.array([False, True]))


def test_what_just_fits_is_not_refused_and_one_step_more_is() -> None:
    assert not refuses(geometry_with([[1, -1, 1]], [300], [100] * 3), np.array([True]))
    assert refuses(geometry_with([[1, -1, 1]], [301], [100] * 3), np.array([True]))


@pytest.mark.parametrize("inputs", [1, 784, 1834, 5000, 300_000])
@pytest.mark.parametrize("more", [0, 1])
def test_sums_do_not_overflow(inputs: int, more: int) -> None:
    # the largest sums that there can be: every multiplier and every radius at its limit
    distance = np.full(MOST_FLIPS, 254 * inputs)
    distance[-1] += more
    directions = np.ones((MOST_FLIPS, inputs), dtype=np.int8)
    geometry = geometry_with(directions, distance, np.full(inputs, 254))
    factor = fresh_factor(geometry)
    factor.members[:] = np.arange(MOST_FLIPS)
    factor.lower[:] = np.eye(MOST_FLIPS)
    factor.inverse[:] = 1.0
    factor.height[:] = 1.0
    assert refused(geometry, factor, MOST_FLIPS) is bool(more)


def test_flips_beyond_the_room_of_the_factor_are_left_out() -> None:
    rng = np.random.default_rng(0)
    problem = random_problem(rng, inputs=200, widths=(400, 3))
    space, geometry = geometry_for(problem)
    assert space.size > 2 * MOST_FLIPS
    _, count = place(geometry, np.ones(space.size, dtype=np.bool_))
    assert count == MOST_FLIPS


def test_a_flip_that_is_nearly_in_the_span_of_others_is_left_out() -> None:
    problem = random_problem(np.random.default_rng(0), inputs=20, widths=(8, 3))
    first = problem.network.hidden[0]
    twice = SignLayer.dense(np.repeat(weights_of(first), 2, axis=0), np.repeat(first.threshold, 2))
    above = SignLayer.dense(np.ones((3, 16), dtype=np.int8), np.zeros(3))
    network = BinaryNetwork((twice, above), problem.network.output)
    space, geometry = geometry_for(Problem(network, problem.image, problem.box))
    _, count = place(geometry, np.ones(space.size, dtype=np.bool_))
    assert count <= space.size / 2


def test_the_factor_is_that_of_cholesky() -> None:
    problem = random_problem(np.random.default_rng(5), inputs=60, widths=(40, 3))
    space, geometry = geometry_for(problem)
    factor, count = place(geometry, np.arange(space.size) % 3 == 0)
    members = factor.members[:count]
    lower = np.tril(factor.lower[:count, :count])
    gram = geometry.gram[np.ix_(members, members)]
    np.testing.assert_allclose(lower @ lower.T, gram, rtol=1e-9)
    distance = space.distance[members]
    np.testing.assert_allclose(lower @ factor.height[:count], distance, rtol=1e-9)
    value = distance @ np.linalg.solve(gram, distance)
    assert factor.value[count] == pytest.approx(value)


def test_the_gram_matrix_weighs_pixels_by_their_radius() -> None:
    problem = random_problem(np.random.default_rng(6), inputs=9, widths=(5, 3))
    space, geometry = geometry_for(problem)
    for i, a in enumerate(space.directions.tolist()):
        for j, b in enumerate(space.directions.tolist()):
            radii = space.radius.tolist()
            exact = sum(Fraction(r) * x * y for r, x, y in zip(radii, a, b, strict=True))
            assert geometry.gram[i, j] == pytest.approx(float(exact))


def test_a_gram_matrix_is_the_same_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    problem = random_problem(rng, inputs=20, widths=(30, 3), epsilon=0.5)
    space, whole = geometry_for(problem)
    assert len(whole.gram) > 7
    monkeypatch.setattr("signflip.exact.geometry.MOST_PRODUCTS", 7 * space.directions.size)
    np.testing.assert_array_equal(geometry_of(space, 0.0, 0.0).gram, whole.gram)
    np.testing.assert_allclose(
        whole.gram, (space.directions * space.radius) @ space.directions.T, rtol=1e-5, atol=1e-5
    )


def test_no_gram_matrix_is_made_past_the_time_limit() -> None:
    problem = random_problem(np.random.default_rng(3), inputs=20, widths=(30, 3), epsilon=0.5)
    with pytest.raises(OutOfTime):
        geometry_of(PatternSpace.of(problem), 0.0, 0.0, Clock.start(0))
