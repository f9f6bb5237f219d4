"""What a Marabou file says of an input, in its own variables and numbers, without rounding."""

from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import NamedTuple

import numpy as np

from signflip.arrays import Floats
from signflip.queries.marabou_file import Terms
from signflip.queries.query import Case
from signflip.queries.reading import float_from


class Row(NamedTuple):
    """`sum weights_i x_i + constant`, of the inputs, or of the signs of the layer below."""

    weights: Terms
    constant: Fraction

    def total(self, values: list[Fraction]) -> Fraction:
        """The sum. In whole numbers over one denominator, which takes a tenth of the time."""
        below = lcm(*(value.denominator for value in values))
        wholes = [value.numerator * (below // value.denominator) for value in values]
        return self.total_of(wholes, below)

    def total_of(self, wholes: list[int], below: int) -> Fraction:
        """The sum at `wholes / below`."""
        weights, constant = self
        own = lcm(constant.denominator, *(each.denominator for each in weights.values()))
        total = constant.numerator * (own // constant.denominator) * below
        for place, weight in weights.items():
            total += weight.numerator * (own // weight.denominator) * wholes[place]
        return Fraction(total, own * below)

    def range(self, lower: list[Fraction], upper: list[Fraction]) -> tuple[Fraction, Fraction]:
        """The least and the largest sum of a box."""
        least = most = self.constant
        for place, weight in self.weights.items():
            ends = (weight * lower[place], weight * upper[place])
            least, most = least + min(ends), most + max(ends)
        return least, most


class Found(NamedTuple):
    """A witness: an input (inputs,) float64 of the file, and the outputs that it has."""

    image: Floats
    outputs: list[Fraction]


@dataclass(frozen=True, eq=False, kw_only=True)
class Replay:
    """The file's question.

    Attributes:
        lower: of each input.
        upper: of each input.
        layers: the sums that are signed, layer by layer.
        outputs: the sums of the last signs.
        case: what the outputs must fulfil.
    """

    lower: list[Fraction]
    upper: list[Fraction]
    layers: list[list[Row]]
    outputs: list[Row]
    case: Case

    def outputs_of(self, image: Floats) -> list[Fraction] | None:
        """The outputs at an input (inputs,) that is in the box and has those looked for."""
        values = [Fraction(value) for value in image.tolist()]
        box = zip(values, self.lower, self.upper, strict=True)
        if not all(low <= value <= high for value, low, high in box):
            return None
        for layer in self.layers:
            below = lcm(*(value.denominator for value in values))
            wholes = [value.numerator * (below // value.denominator) for value in values]
            values = [Fraction(1 if row.total_of(wholes, below) >= 0 else -1) for row in layer]
        outputs = [row.total(values) for row in self.outputs]
        return outputs if all(each.holds(outputs) for each in self.case) else None

    def witness_near(self, image: Floats) -> Found | None:
        """A witness at an input (inputs,), or at most a few roundings beside it."""
        lower = np.array([float_from(low, np.inf) for low in self.lower])
        upper = np.array([float_from(high, -np.inf) for high in self.upper])
        if (lower > upper).any():  # no float64 lies between these bounds
            return None
        steps = (image, np.nextafter(image, np.inf), np.nextafter(image, -np.inf))
        for each in steps:
            inside = np.clip(each, lower, upper)
            outputs = self.outputs_of(inside)
            if outputs is not None:
                return Found(inside, outputs)
        return None
