"""Neurons that read one pixel of a grid: other thresholds, the same signs at every image."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import attack
from signflip.methods import Exact
from signflip.network import BinaryNetwork, InputRange, OutputLayer, SignLayer
from signflip.patterns.chains import chains_of
from signflip.patterns.space import PatternSpace
from signflip.problem import GridName, Problem, Untargeted
from signflip.result import Verdict


def comparing(rng: np.random.Generator) -> Problem:
    """A problem in steps of 1 from 0 to 7 whose first neurons compare a pixel each."""
    neurons = 8
    pixel, turn = rng.integers(0, 3, neurons), rng.choice([-1, 1], neurons)
    weight = np.zeros((neurons, 3), dtype=np.int8)
    weight[np.arange(neurons), pixel] = turn
    limit = np.round(rng.uniform(-1, 8, neurons), rng.integers(0, 2))
    limit += rng.choice([0, 2.0**-45], neurons)
    hidden = (
        SignLayer.dense(weight, turn * limit),
        SignLayer.dense(rng.choice([-1, 1], (5, neurons)), rng.integers(-3, 4, 5)),
        SignLayer.dense(rng.choice([-1, 1], (4, 5)), rng.integers(-3, 4, 4)),
    )
    output = OutputLayer(rng.choice([-1, 1], (3, 4)), np.ones(3), np.zeros(3))
    network = BinaryNetwork(hidden, output, input_range=InputRange(lower=0, upper=7, step=1))
    image = rng.integers(0, 8, 3).astype(np.float64)
    return Problem.ball(network, image, epsilon=float(rng.integers(1, 4)), goal=Untargeted())


def images_of(problem: Problem) -> np.ndarray:
    box = problem.box
    pixels = [np.arange(a, b + 1) for a, b in zip(box.lower, box.upper, strict=True)]
    return np.array(list(itertools.product(*pixels)), dtype=np.float64)


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_no_image_sees_a_difference(seed: int) -> None:
    problem = comparing(np.random.default_rng(seed))
    images, first = images_of(problem), problem.network.hidden[0]
    signs = first.signs_of_reals(images)
    np.testing.assert_array_equal(problem.first_layer.signs_of_reals(images), signs)
    space = PatternSpace.of(problem)
    # neurons that no image of the box tells apart toggle together
    toggled = signs[:, space.unstable] != space.signs[space.unstable]
    kinds = len(np.unique(toggled, axis=1).T)
    assert kinds == space.size - int(chains_of(space).twin.sum())


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_exact_decides_as_all_images_do(seed: int) -> None:
    problem = comparing(np.random.default_rng(seed))
    result = attack(problem, Exact())
    flips = problem.objectives(images_of(problem)).max() > 0
    assert result.verdict is (Verdict.FLIPPED if flips else Verdict.ROBUST)


@pytest.mark.parametrize(
    "inputs",
    [
        InputRange(lower=0, upper=4e-323, step=5e-324),
        InputRange(lower=0, upper=1e-321),
        InputRange(lower=1e15, upper=1e15 + 40),
    ],
)
def test_grid_points_may_have_no_number_between(inputs: InputRange) -> None:
    """Their own thresholds stay: a number between two of them would be rounded to one."""
    grid = GridName.EIGHT_BIT.of(inputs)
    middle = float(grid.nearest(np.array([(inputs.lower + inputs.upper) / 2]))[0])
    points = [float(grid.floor(np.array([np.nextafter(middle, -np.inf)]))[0]), middle]
    points.append(float(grid.ceil(np.array([np.nextafter(middle, np.inf)]))[0]))
    images = np.array(points)[:, None]
    output = OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2))
    for image, limit, turn in itertools.product(points, points, (1, -1)):
        for threshold in (turn * limit, np.nextafter(turn * limit, np.inf)):
            first = SignLayer.dense([[turn]], [threshold])
            network = BinaryNetwork((first,), output, input_range=inputs)
            problem = Problem.ball(
                network,
                [image],
                epsilon=1.5 * (points[2] - points[0]),
                grid=GridName.EIGHT_BIT,
                goal=Untargeted(),
            )
            assert problem.box.lower <= points[0]
            assert problem.box.upper >= points[2]
            seen = problem.first_layer.signs_of_reals(images)
            np.testing.assert_array_equal(seen, first.signs_of_reals(images))
