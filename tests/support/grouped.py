"""Brute force for networks that see two sums of pixels only: exact, for any number of neurons.

All weights of a first-layer neuron are equal within each of two groups of pixels, so it depends on
the groups' sums a and b, by `p = a + b` or by `d = a - b`. The box gives a and b an interval each,
the thresholds cut this rectangle into cells by lines of constant p and constant d, and one point
of each cell, edge and corner gives every pattern that there is. Numbers are multiples of 1/64, so
that all is integer arithmetic.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from signflip.network import BinaryNetwork, Integers, OutputLayer, SignLayer, Signs
from signflip.problem import Box, Goal, Problem, Target, Untargeted
from tests.support.weights import weights_of

UNIT = 64
_FINE = 64  # points lie on a finer grid, so that halves of halves are integers


@dataclass(frozen=True)
class Optima:
    """The best that a box holds.

    Attributes:
        exact: the optimum of (1) over all real points of the box.
        safe: the optimum over points away from every threshold, None if there are none.
        patterns: number of first-layer patterns in the box.
    """

    exact: Fraction
    safe: Fraction | None
    patterns: int


def grouped_problem(rng: np.random.Generator, neurons: int, depth: int) -> Problem:
    """A random problem of this kind, with ties, constant neurons, masks and every kind of goal."""
    inputs = int(rng.choice([2, 3, 20, 300]))
    group = np.arange(inputs) < rng.integers(1, inputs)
    weight = np.where(group, *rng.choice([-1, 1], (2, neurons, 1)))
    image = rng.integers(0, UNIT + 1, inputs)
    radius = np.where(rng.random(inputs) < 0.8, rng.choice([0, 1, 5, 16, UNIT]), 0)
    lower, upper = np.maximum(image - radius, 0), np.minimum(image + radius, UNIT)
    spread = (upper - lower).sum() // 2 + 1
    threshold = weight @ image + rng.integers(-spread, spread + 1, neurons)
    constant = rng.random(neurons) < 0.05
    threshold[constant] = rng.choice([-1, 1], constant.sum()) * UNIT * (inputs + 2)
    widths = [neurons, *rng.choice([1, 8, 9, 20, 70], depth - 1)]
    above = (
        SignLayer.dense(rng.choice([-1, 1], (after, before)), rng.integers(-3, 4, after) * 1.0)
        for before, after in pairwise(widths)
    )
    classes = int(rng.choice([2, 3, 10]))
    plain = rng.random() < 0.6
    scale = np.ones(classes) if plain else rng.normal(size=classes)
    bias = np.zeros(classes) if plain else rng.normal(size=classes)
    network = BinaryNetwork(
        (SignLayer.dense(weight, threshold / UNIT), *above),
        OutputLayer(rng.choice([-1, 1], (classes, widths[-1])), scale, bias),
    )
    box = Box(lower=lower / UNIT, upper=upper / UNIT)
    others = [c for c in range(classes) if c != network.predict(image[None] / UNIT)[0]]
    goals: list[Goal | None] = [None, Untargeted(), Target(int(rng.choice(others)))]
    return Problem(network, image / UNIT, box, goals[rng.integers(3)])


def grouped_optima(problem: Problem) -> Optima:
    """Brute force."""
    weight = weights_of(problem.network.hidden[0]).astype(np.int64)
    threshold = (problem.network.hidden[0].threshold * UNIT * _FINE).astype(np.int64)
    first = np.all(weight == weight[:, :1], axis=0)
    ends = [
        (np.array([bound[group].sum() for bound in (problem.box.lower, problem.box.upper)]) * UNIT)
        for group in (first, ~first)
    ]
    a, b = ((end * _FINE).astype(np.int64) for end in ends)
    lead = weight[:, 0]
    by_sum = np.all(weight == weight[:, :1], axis=1)
    points = _points(lead[by_sum] * threshold[by_sum], lead[~by_sum] * threshold[~by_sum], a, b)
    values = lead * np.where(by_sum, points[:, :1], points[:, 1:])
    signs: Signs = np.where(values >= threshold, 1, -1).astype(np.int8)
    last = problem.network.activations_of_pattern(signs)[-1]
    exact = {
        row: problem.exact_objective(np.array(row, dtype=np.int8))
        for row in set(map(tuple, last.tolist()))
    }
    inner = {tuple(row) for row in last[np.all(values != threshold, axis=1)].tolist()}
    return Optima(
        exact=max(exact.values()),
        safe=max((exact[row] for row in inner), default=None),
        patterns=len(np.unique(signs, axis=0)),
    )


def _points(cuts_p: Integers, cuts_d: Integers, a: Integers, b: Integers) -> Integers:
    """(points, 2): p and d of a point in each cell, edge and corner."""
    corners = np.add.outer(a, b).ravel()
    # where a line of constant d meets an edge of the rectangle
    meets = np.concatenate([*(2 * end - cuts_d for end in a), *(cuts_d + 2 * end for end in b)])
    found: list[tuple[int, int]] = []
    for p in _stops(np.concatenate([corners, meets, cuts_p]), corners[0], corners[-1]):
        least, most = max(2 * a[0] - p, p - 2 * b[1]), min(2 * a[1] - p, p - 2 * b[0])
        if least <= most:
            edges = np.array([least, most])
            found += [(p, d) for d in _stops(np.concatenate([cuts_d, edges]), least, most)]
    return np.array(found, dtype=np.int64)


def _stops(cuts: Integers, least: int, most: int) -> list[int]:
    """The cuts in an interval, and the points halfway between them."""
    inside = np.unique(cuts[(cuts >= least) & (cuts <= most)])
    halves = (inside[1:] + inside[:-1]) // 2
    return [*inside.tolist(), *halves.tolist()]
