"""A bound of the objective over the whole box, from intervals: weak, but proved and immediate."""

import itertools
from fractions import Fraction

import numpy as np

from signflip.arrays import Signs
from signflip.network import HiddenLayer
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem


def interval_bound(space: PatternSpace) -> Fraction:
    """No image of the box has an objective (1) above this."""
    problem = space.problem
    low, high = space.signs.copy(), space.signs.copy()
    low[space.unstable], high[space.unstable] = -1, 1
    for layer in problem.network.hidden[1:]:
        low, high = _interval(layer, low, high)
    return max(_objective_bound(problem, rival, low, high) for rival in problem.rivals)


def _objective_bound(problem: Problem, rival: int, low: Signs, high: Signs) -> Fraction:
    """No activations between `low` and `high` make the rival's lead greater than this."""
    output, prediction = problem.network.output, problem.prediction
    bound = Fraction(float(output.bias[rival])) - Fraction(float(output.bias[prediction]))
    scales = Fraction(float(output.scale[rival])), Fraction(float(output.scale[prediction]))
    free = low != high
    # a neuron counts by its two weights: four kinds, each weighed exactly
    for signs in itertools.product((1, -1), repeat=2):
        coefficient = scales[0] * signs[0] - scales[1] * signs[1]
        if coefficient == 0:
            continue
        kind = (output.weight[rival] == signs[0]) & (output.weight[prediction] == signs[1])
        settled = int(low[kind & ~free].sum())
        bound += coefficient * settled + abs(coefficient) * int(np.count_nonzero(kind & free))
    return bound


def _interval(layer: HiddenLayer, low: Signs, high: Signs) -> tuple[Signs, Signs]:
    # an input that is free stands in the middle for 0, and adds 1 to either side
    middle = layer.sums(((low + high) // 2)[None])[0].astype(np.int64)
    spread = np.count_nonzero(low != high)
    threshold = layer.integer_threshold
    return tuple(  # type: ignore[return-value]
        np.where(sums >= threshold, np.int8(1), np.int8(-1))
        for sums in (middle - spread, middle + spread)
    )
