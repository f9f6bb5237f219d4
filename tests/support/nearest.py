"""The oracle for smallest perturbations: exact, by going through the patterns that flip."""

from fractions import Fraction

from signflip.problem import Norm, Problem
from tests.support.oracle import patterns
from tests.support.rational_lp import maximise
from tests.support.reference import reference_objective, reference_values_of_pattern
from tests.support.weights import weights_of


def least_distance(problem: Problem, norm: Norm, margin: Fraction = Fraction(0)) -> Fraction | None:
    """The greatest lower bound of the distance of all real points of the box that flip.

    Args:
        problem: up to 4 inputs and 5 first-layer neurons.
        norm: what distances are measured by.
        margin: how far unstable neurons are to be from their thresholds.

    Returns:
        The distance; None if nothing flips.
    """
    distances = [
        _distance_of_pattern(problem, norm, pattern, margin)
        for pattern, _ in patterns(problem.network, problem.box, margin)
        if reference_objective(problem, reference_values_of_pattern(problem.network, pattern)) > 0
    ]
    return min(distances, default=None)


def _distance_of_pattern(
    problem: Problem, norm: Norm, pattern: tuple[int, ...], margin: Fraction
) -> Fraction:
    """Over v = x - lower >= 0 and one size for each pixel (L1) or for all of them."""
    first, box = problem.network.hidden[0], problem.box
    lower = [Fraction(value) for value in box.lower.tolist()]
    width: list[Fraction] = [
        Fraction(high) - low for high, low in zip(box.upper.tolist(), lower, strict=True)
    ]
    image = [
        Fraction(value) - low for value, low in zip(problem.image.tolist(), lower, strict=True)
    ]
    pixels = range(len(lower))
    sizes = 1 if norm is Norm.LINF else len(lower)
    rows: list[list[int]] = []
    limits: list[Fraction] = []
    for pixel in pixels:
        axis = [int(pixel == other) for other in pixels]
        size = [-int(index == pixel % sizes) for index in range(sizes)]
        rows += [axis + [0] * sizes, axis + size, [-a for a in axis] + size]
        limits += [width[pixel], image[pixel], -image[pixel]]
    for neuron, sign in enumerate(pattern):
        weight: list[int] = weights_of(first)[neuron].tolist()
        base = -Fraction(float(first.threshold[neuron]))
        base += sum(w * low for w, low in zip(weight, lower, strict=True))
        ends: list[Fraction] = [w * step for w, step in zip(weight, width, strict=True)]
        least = base + sum((end for end in ends if end < 0), Fraction(0))
        most = base + sum((end for end in ends if end > 0), Fraction(0))
        if least < 0 <= most:
            rows.append([-sign * w for w in weight] + [0] * sizes)
            limits.append(sign * base - margin)
    found = maximise([0 for _ in pixels] + [-1] * sizes, rows, limits)
    if found is None:
        raise AssertionError("a pattern that has a point has none: the oracle itself is wrong")
    return -found[0]
