"""A bound of the objective over the whole box, from intervals: weak, but proved and immediate."""

from fractions import Fraction

import numpy as np

from signflip.network import HiddenLayer, Signs
from signflip.problem import Problem
from signflip.search.patterns import PatternSpace


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
    # a neuron counts by its two weights and its two ends only: few kinds, each weighed exactly
    kinds = np.stack([output.weight[rival], output.weight[prediction], low, high])
    found, counts = np.unique(kinds, axis=1, return_counts=True)
    for kind, count in zip(found.T.tolist(), counts.tolist(), strict=True):
        for_rival, for_prediction, least, most = kind
        coefficient = (
            Fraction(float(output.scale[rival])) * for_rival
            - Fraction(float(output.scale[prediction])) * for_prediction
        )
        bound += count * max(coefficient * least, coefficient * most)
    return bound


def _interval(layer: HiddenLayer, low: Signs, high: Signs) -> tuple[Signs, Signs]:
    weight = layer.weight.astype(np.int64)
    least = np.minimum(weight * low, weight * high).sum(axis=1)
    most = np.maximum(weight * low, weight * high).sum(axis=1)
    threshold = layer.integer_threshold
    return tuple(  # type: ignore[return-value]
        np.where(sums >= threshold, np.int8(1), np.int8(-1)) for sums in (least, most)
    )
