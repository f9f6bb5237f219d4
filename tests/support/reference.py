"""The network's definition in plain Python and exact numbers, independent of the package's own."""

from collections.abc import Sequence
from fractions import Fraction

from signflip.network import BinaryNetwork, SignLayer
from signflip.problem import Problem, Ties
from tests.support.weights import weights_of

Number = int | float | Fraction


def reference_layer(layer: SignLayer, values: Sequence[Number]) -> list[int]:
    """Signs of one layer: +1 iff `weight . values >= threshold`."""
    exact = [Fraction(value) for value in values]
    return [
        1 if _dot(weight, exact) >= Fraction(threshold) else -1
        for weight, threshold in zip(
            weights_of(layer).tolist(), layer.threshold.tolist(), strict=True
        )
    ]


def reference_values(network: BinaryNetwork, image: Sequence[Number]) -> list[Fraction]:
    """Class values of an image (inputs,)."""
    return reference_values_of_pattern(network, reference_layer(network.hidden[0], image))


def reference_values_of_pattern(network: BinaryNetwork, pattern: Sequence[int]) -> list[Fraction]:
    """Class values, given the signs of the first layer."""
    signs = [Fraction(sign) for sign in pattern]
    for layer in network.hidden[1:]:
        signs = [Fraction(sign) for sign in reference_layer(layer, signs)]
    output = network.output
    return [
        Fraction(scale) * _dot(weight, signs) + Fraction(bias)
        for weight, scale, bias in zip(
            output.weight.tolist(), output.scale.tolist(), output.bias.tolist(), strict=True
        )
    ]


def reference_prediction(values: Sequence[Fraction]) -> int:
    """The class with the highest value, a tie to the lower index."""
    return max(range(len(values)), key=lambda c: (values[c], -c))


def reference_objective(problem: Problem, values: Sequence[Fraction]) -> Fraction:
    """Objective (1) of class values."""
    return max(values[rival] for rival in problem.rivals) - values[problem.prediction]


def reference_flips(problem: Problem, values: Sequence[Fraction]) -> bool:
    """Whether class values are those of a flip, by the problem's rule of ties."""
    own = values[problem.prediction]
    if problem.ties is Ties.PREDICT:
        candidates = {problem.prediction, *problem.rivals}
        return max(candidates, key=lambda c: (values[c], -c)) != problem.prediction
    return any(
        values[rival] > own or (problem.ties is Ties.FLIP and values[rival] == own)
        for rival in problem.rivals
    )


def _dot(weight: Sequence[float], values: Sequence[Fraction]) -> Fraction:
    return sum((Fraction(w) * value for w, value in zip(weight, values, strict=True)), Fraction(0))
