"""Random problems with many unstable neurons, too large for the oracle, and points to try."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from signflip.network import BinaryNetwork, Floats, OutputLayer, SignLayer
from signflip.patterns.space import PatternSpace
from signflip.problem import Box, Problem, Untargeted
from tests.support.weights import weights_of

EPSILONS = (1e-300, 1e-12, 1e-8, 1e-4, 0.01, 0.1, 0.3, 1.0)


def random_problem(
    rng: np.random.Generator,
    *,
    inputs: int,
    widths: Sequence[int],
    classes: int = 2,
    epsilon: float = 0.1,
    plain: bool = True,
) -> Problem:
    """A problem whose first-layer thresholds lie near what the image gives: most are unstable.

    Some pixels are at 0 or 1, some are masked; an untargeted goal if there are more classes than 2.
    """
    image = np.where(rng.random(inputs) < 0.3, rng.integers(0, 2, inputs), rng.random(inputs))
    box = Box.ball(image, epsilon, rng.random(inputs) < 0.9)
    weight = rng.choice([-1, 1], (widths[0], inputs))
    spread = np.sqrt(((box.upper - box.lower) ** 2).sum())
    first = SignLayer.dense(weight, weight @ image + spread * rng.normal(0, 0.6, widths[0]))
    above = [
        SignLayer.dense(
            rng.choice([-1, 1], (after, before)), rng.normal(0, np.sqrt(before) / 2, after)
        )
        for before, after in pairwise(widths)
    ]
    scale, bias = np.ones(classes), np.zeros(classes)
    if not plain:
        scale, bias = rng.normal(size=(2, classes))
    output = OutputLayer(rng.choice([-1, 1], (classes, widths[-1])), scale, bias)
    goal = Untargeted() if classes > 2 else None
    return Problem(BinaryNetwork((first, *above), output), image, box, goal)


def points_of(rng: np.random.Generator, problem: Problem, count: int) -> Floats:
    """(count, inputs) images of the box: inner points, corners, and what some neurons like."""
    lower, upper = problem.box.lower, problem.box.upper
    weight = weights_of(problem.network.hidden[0]).astype(np.float64)
    wishes = rng.choice([-1, 0, 1], (count, len(weight)), p=[0.1, 0.8, 0.1]) @ weight
    corners = np.where(wishes + rng.normal(0, 0.5, wishes.shape) > 0, upper, lower)
    share = rng.choice([0.0, 0.3, 0.9, 1.0], (count, 1))
    inner = lower + (upper - lower) * rng.random((count, len(lower)))
    return problem.box.clip(share * corners + (1 - share) * inner)


def toggles_seen(
    rng: np.random.Generator, space: PatternSpace, above: float
) -> set[tuple[bool, ...]]:
    """What the unstable neurons do at 500 points whose objective is above that much."""
    images = points_of(rng, space.problem, 500)
    signs = space.problem.network.activations(images)[0]
    better = space.problem.objectives(images) > above
    return {tuple(flips) for flips in (signs != space.signs)[better][:, space.unstable].tolist()}


def with_copies(rng: np.random.Generator, problem: Problem, *, moved: bool = True) -> Problem:
    """The problem with copies and negations in its first layer, some with their limit `moved`."""
    first, *above = problem.network.hidden
    weight, threshold = weights_of(first).copy(), first.threshold.copy()
    near = np.sqrt(((problem.box.upper - problem.box.lower) ** 2).sum()) / 8 * moved
    for copy in np.flatnonzero(rng.random(first.neurons) < 0.6):
        original, turn = rng.integers(first.neurons), rng.choice([-1, 1])
        weight[copy] = turn * weight[original]
        threshold[copy] = turn * threshold[original] + near * rng.choice([-1, 0, 0, 0, 1])
    network = BinaryNetwork((SignLayer.dense(weight, threshold), *above), problem.network.output)
    goal = Untargeted() if problem.target is None else None
    return Problem(network, problem.image, problem.region, goal)


def flat_problem() -> Problem:
    """A problem whose classes are alike to every neuron: nothing can be gained."""
    problem = random_problem(np.random.default_rng(3), inputs=9, widths=(8, 7), epsilon=0.3)
    network = problem.network
    same = OutputLayer(np.ones_like(network.output.weight), np.ones(2), np.array([1.0, 0.0]))
    return Problem(BinaryNetwork(network.hidden, same), problem.image, problem.box)
