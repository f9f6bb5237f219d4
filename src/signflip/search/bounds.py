"""A bound of the objective over the whole box, from intervals: weak, but proved and immediate."""

from fractions import Fraction

import numpy as np

from signflip.network import HiddenLayer, Signs
from signflip.search.patterns import PatternSpace


def interval_bound(space: PatternSpace) -> Fraction:
    """No image of the box has an objective (1) above this."""
    problem = space.problem
    low, high = space.signs.copy(), space.signs.copy()
    low[space.unstable], high[space.unstable] = -1, 1
    for layer in problem.network.hidden[1:]:
        low, high = _interval(layer, low, high)
    output = problem.network.output
    best: list[Fraction] = []
    for rival in problem.rivals:
        scales = [Fraction(float(output.scale[c])) for c in (rival, problem.prediction)]
        bound = Fraction(problem.network.output.bias[rival].item())
        bound -= Fraction(output.bias[problem.prediction].item())
        weights = output.weight[[rival, problem.prediction]].tolist()
        for for_rival, for_prediction, least, most in zip(
            *weights, low.tolist(), high.tolist(), strict=True
        ):
            coefficient = scales[0] * for_rival - scales[1] * for_prediction
            bound += max(coefficient * least, coefficient * most)
        best.append(bound)
    return max(best)


def _interval(layer: HiddenLayer, low: Signs, high: Signs) -> tuple[Signs, Signs]:
    weight = layer.weight.astype(np.int64)
    least = np.minimum(weight * low, weight * high).sum(axis=1)
    most = np.maximum(weight * low, weight * high).sum(axis=1)
    threshold = layer.integer_threshold
    return tuple(  # type: ignore[return-value]
        np.where(sums >= threshold, np.int8(1), np.int8(-1)) for sums in (least, most)
    )
