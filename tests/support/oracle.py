"""The brute-force oracle: the exact optimum of (1) over all real points of a box.

It goes through the sign patterns of the first layer and asks an exact linear program whether a real
point of the box has the pattern. Quick for up to 4 inputs and 5 first-layer neurons.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from signflip.network import BinaryNetwork
from signflip.problem import Box, Problem
from tests.support.rational_lp import maximise
from tests.support.reference import reference_objective, reference_values_of_pattern
from tests.support.weights import weights_of

Pattern = tuple[int, ...]
Point = tuple[Fraction, ...]


@dataclass(frozen=True)
class Optimum:
    """The best that a box holds.

    Attributes:
        value: objective (1).
        pattern: a sign pattern of the first layer that has it.
        point: a point of the box with that pattern. Not always one of float64.
    """

    value: Fraction
    pattern: Pattern
    point: Point


def exact_optimum(problem: Problem) -> Optimum:
    """The optimum over all real points of the box: no attack can exceed it.

    A float64 image need not reach it, for the points with the best pattern may all lie between two
    float64 numbers; `safe_optimum` is what an attack must reach.
    """
    best = _best(problem, Fraction(0))
    if best is None:
        raise AssertionError("no pattern at all: the oracle itself is wrong")
    return best


def safe_optimum(problem: Problem, margin: float | Fraction) -> Optimum | None:
    """The optimum over the points whose unstable neurons are `margin` away from their thresholds.

    An unstable neuron is one whose sign changes within the box. None if there is no such point.
    """
    return _best(problem, Fraction(margin))


def patterns(
    network: BinaryNetwork, box: Box, margin: Fraction = Fraction(0)
) -> Iterator[tuple[Pattern, Point]]:
    """Each first-layer sign pattern that a real point of the box has, with such a point.

    With a margin above 0: that a point has whose unstable neurons are `margin` away from their
    thresholds.
    """
    neurons = _Neurons(network, box)
    yield from _extend(neurons, (), margin)


def _best(problem: Problem, margin: Fraction) -> Optimum | None:
    candidates = (
        Optimum(
            reference_objective(problem, reference_values_of_pattern(problem.network, pattern)),
            pattern,
            point,
        )
        for pattern, point in patterns(problem.network, problem.box, margin)
    )
    return max(candidates, key=lambda optimum: optimum.value, default=None)


class _Neurons:
    """First-layer pre-activations, measured from the threshold, as `base + weight . v`, v >= 0.

    `v = x - lower` runs from 0 to `width` in each pixel.
    """

    def __init__(self, network: BinaryNetwork, box: Box) -> None:
        first = network.hidden[0]
        self.lower = [Fraction(value) for value in box.lower.tolist()]
        upper = [Fraction(value) for value in box.upper.tolist()]
        self.width = [high - low for low, high in zip(self.lower, upper, strict=True)]
        self.weights: list[list[int]] = weights_of(first).tolist()
        self.bases = [
            sum((w * low for w, low in zip(weight, self.lower, strict=True)), -Fraction(threshold))
            for weight, threshold in zip(self.weights, first.threshold.tolist(), strict=True)
        ]

    def stable_sign(self, neuron: int) -> int | None:
        """The sign that the neuron has all over the box, None if it has both."""
        terms = [w * width for w, width in zip(self.weights[neuron], self.width, strict=True)]
        base = self.bases[neuron]
        if base + sum(term for term in terms if term < 0) >= 0:
            return 1
        if base + sum(term for term in terms if term > 0) < 0:
            return -1
        return None

    def realise(self, signs: Sequence[int], margin: Fraction) -> Point | None:
        """A point at which the first `len(signs)` neurons have these signs, None without one.

        Maximises a slack z: `a >= margin` for +1 and `a <= -margin - z` for -1. Signs of -1 need
        `a < 0` strictly, so they need z > 0 where the margin is 0.
        """
        pixels = range(len(self.width))
        rows = [[int(i == j) for j in pixels] + [0] for i in pixels] + [[0 for _ in pixels] + [1]]
        limits = [*self.width, Fraction(1)]
        strict = False
        for neuron, sign in enumerate(signs):
            if self.stable_sign(neuron) is None:
                rows.append([-sign * w for w in self.weights[neuron]] + [int(sign < 0)])
                limits.append(sign * self.bases[neuron] - margin)
                strict |= sign < 0
        found = maximise([0 for _ in pixels] + [1], rows, limits)
        if found is None or (strict and margin == 0 and found[0] == 0):
            return None
        return tuple(low + value for low, value in zip(self.lower, found[1][:-1], strict=True))


def _extend(neurons: _Neurons, signs: Pattern, margin: Fraction) -> Iterator[tuple[Pattern, Point]]:
    """The realisable patterns that start with `signs`: the ones that do not are never visited."""
    point = neurons.realise(signs, margin)
    if point is None:
        return
    if len(signs) == len(neurons.weights):
        yield signs, point
        return
    stable = neurons.stable_sign(len(signs))
    for sign in (-1, 1) if stable is None else (stable,):
        yield from _extend(neurons, (*signs, sign), margin)
