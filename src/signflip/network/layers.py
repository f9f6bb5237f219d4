"""Layers of -1/+1 weights, whose neurons have exact signs.

A hidden neuron answers +1 iff `weight . input >= threshold`, else -1, so `sign(0) = +1`. The first
layer reads real inputs; every later one reads -1/+1 activations, and is integer arithmetic. The
output is `scale * (weight . h) + bias`, one value per class.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers, Signs
from signflip.errors import NetworkError

UNIT_ROUNDOFF = 2.0**-53

_BLOCK = 2048  # images in one product of matrices: few enough for the cache, many for threads
_HUGE = 2.0**1000
_LARGEST_OUTPUT = 1e100


@dataclass(frozen=True, eq=False)
class HiddenLayer:
    """Neurons that answer +1 iff `weight . input >= threshold`, else -1.

    Attributes:
        weight: (neurons, inputs) int8, each -1 or +1.
        threshold: (neurons,) float64, finite. A constant neuron has one beyond -inputs or +inputs.
    """

    weight: Signs
    threshold: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _checked_weight(self.weight, "hidden layer"))
        threshold = _checked_vector(self.threshold, len(self.weight), "hidden layer threshold")
        object.__setattr__(self, "threshold", threshold)

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return int(self.weight.shape[0])

    @property
    def inputs(self) -> int:
        """Number of inputs of each neuron."""
        return int(self.weight.shape[1])

    @cached_property
    def integer_threshold(self) -> Integers:
        """(neurons,) int64: `threshold` rounded up to the lattice of sums of `inputs` signs.

        Such a sum has the parity of `inputs` and lies in [-inputs, inputs], so this changes no
        neuron of a layer that reads signs; `-inputs` means always +1, `inputs + 2` always -1.
        """
        # ceil first: added to `inputs`, a threshold just above an integer would be rounded to it
        whole = np.ceil(np.clip(self.threshold, -self.inputs, self.inputs + 1)).astype(np.int64)
        lifted: Integers = whole + (whole - self.inputs) % 2
        return lifted

    @cached_property
    def real_weight(self) -> Floats:
        """The weights (inputs, neurons) as float64, for products with rows of real inputs."""
        return np.ascontiguousarray(self.weight.T, dtype=np.float64)

    @cached_property
    def _fast_weight(self) -> npt.NDArray[np.float32]:
        return np.ascontiguousarray(self.weight.T, dtype=np.float32)

    def signs_of_reals(self, values: Floats) -> Signs:
        """Activations (N, neurons) int8 for real inputs (N, inputs) float64, each sign exact."""
        signs = np.empty((len(values), self.neurons), dtype=np.int8)
        for start in range(0, len(values), _BLOCK):
            block = slice(start, start + _BLOCK)
            signs[block] = self._signs_of_block(values[block])
        return signs

    def _signs_of_block(self, values: Floats) -> Signs:
        with np.errstate(over="ignore", invalid="ignore"):
            sums = values @ self.real_weight
            magnitude = np.abs(values).sum(axis=1)
            error = self._error_bound(self.inputs, magnitude[:, None])
            signs, doubtful = self._likely_signs(sums - self.threshold, error)
        for row, neuron in np.argwhere(doubtful):
            signs[row, neuron] = self._exact_sign(int(neuron), values[row])
        return signs

    @staticmethod
    def _error_bound(terms: int, magnitude: Floats) -> Floats:
        """A bound of the rounding error of sums of so many terms of this `magnitude` together.

        A sum of n terms in any order has a rounding error below `n u sum |x_i|` (Higham 2002,
        section 4.2), with `sum |x_i|` the `magnitude`. The bound is doubled, which covers its own
        rounding, and infinite where the sum itself comes near the end of the range of float64.
        """
        return np.where(magnitude < _HUGE, 2 * terms * UNIT_ROUNDOFF * magnitude, np.inf)

    @staticmethod
    def _likely_signs(gaps: Floats, error: Floats) -> tuple[Signs, npt.NDArray[np.bool_]]:
        """Signs of `gaps`, sums less their thresholds, and where the true sign may differ."""
        return _as_signs(gaps >= 0), ~(np.abs(gaps) > error)

    def signs_at_extremes(self, lower: Floats, upper: Floats) -> tuple[Signs, Signs]:
        """Each neuron's sign where its pre-activation is least and where it is greatest in a box.

        Args:
            lower: (inputs,) float64.
            upper: (inputs,) float64, nowhere below `lower`.

        Returns:
            Two arrays (neurons,) int8, exact. A neuron is *stable* iff they agree.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            # twice the sums at the corners are weight . (lower + upper) -+ sum (upper - lower)
            both, spread = lower + upper, upper - lower
            gaps = both @ self.real_weight - 2 * self.threshold
            reach = spread.sum()
            # 2 inputs terms, each rounded once when it was made, and the threshold's own difference
            size = np.abs(both).sum() + reach + 2 * np.abs(self.threshold)
            error = self._error_bound(2 * self.inputs + 3, size)
            lowest, doubtful_lowest = self._likely_signs(gaps - reach, error)
            highest, doubtful_highest = self._likely_signs(gaps + reach, error)
        for neuron in np.flatnonzero(doubtful_lowest):
            corner = np.where(self.weight[neuron] > 0, lower, upper)
            lowest[neuron] = self._exact_sign(int(neuron), corner)
        for neuron in np.flatnonzero(doubtful_highest):
            corner = np.where(self.weight[neuron] > 0, upper, lower)
            highest[neuron] = self._exact_sign(int(neuron), corner)
        return lowest, highest

    def _exact_sign(self, neuron: int, values: Floats) -> int:
        terms = [*(self.weight[neuron] * values).tolist(), -float(self.threshold[neuron])]
        try:
            return 1 if math.fsum(terms) >= 0 else -1
        except OverflowError:  # sums beyond the range of float64
            return 1 if sum(map(Fraction, terms)) >= 0 else -1

    def signs_of_signs(self, signs: Signs) -> Signs:
        """Activations (N, neurons) int8 for activations (N, inputs) int8 of the layer below."""
        return _as_signs(self.sums(signs) >= self.integer_threshold.astype(np.float32))

    def sums(self, signs: Signs) -> npt.NDArray[np.float32]:
        """`weight . h` (N, neurons) for inputs (N, inputs) int8 of -1, 0 or 1; exact."""
        # float32 holds these sums exactly, and a product of float32 matrices is the fast one
        sums: npt.NDArray[np.float32] = signs.astype(np.float32) @ self._fast_weight
        return sums


@dataclass(frozen=True, eq=False)
class OutputLayer:
    """Class values `scale * (weight . h) + bias`.

    Attributes:
        weight: (classes, inputs) int8, each -1 or +1.
        scale: (classes,) float64, from -1e100 to 1e100.
        bias: (classes,) float64, from -1e100 to 1e100.
    """

    weight: Signs
    scale: Floats
    bias: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _checked_weight(self.weight, "output layer"))
        for name in ("scale", "bias"):
            vector = _checked_vector(getattr(self, name), self.classes, f"output layer {name}")
            object.__setattr__(self, name, vector)
        if self.classes < 2:
            raise NetworkError("the output layer has 1 class; a classifier needs at least 2")
        for name in ("scale", "bias"):
            largest = float(np.abs(getattr(self, name)).max())
            if largest > _LARGEST_OUTPUT:
                raise NetworkError(
                    f"output layer {name} reaches {largest}; it must not exceed "
                    f"{_LARGEST_OUTPUT}, or class values would overflow: divide scale and bias by "
                    "one number"
                )

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.weight.shape[0])

    @property
    def inputs(self) -> int:
        """Width of the last hidden layer."""
        return int(self.weight.shape[1])

    @cached_property
    def plain(self) -> bool:
        """Whether scale is 1 and bias 0, as in the paper: class values are integers then."""
        return bool(np.all(self.scale == 1) and np.all(self.bias == 0))

    @cached_property
    def _fast_weight(self) -> npt.NDArray[np.float32]:
        return np.ascontiguousarray(self.weight.T, dtype=np.float32)

    def sums(self, signs: Signs) -> Integers:
        """`weight . h` (N, classes) int64 for activations (N, inputs) int8."""
        return (signs.astype(np.float32) @ self._fast_weight).astype(np.int64)

    def values(self, sums: Integers) -> Floats:
        """Class values (N, classes) float64 of `sums`, rounded once or twice unless `plain`."""
        return self.scale * sums + self.bias

    def exact_values(self, sums: Integers) -> list[Fraction]:
        """Class values of one row (classes,) of `sums`, as exact numbers."""
        if self.plain:
            return [Fraction(total) for total in sums.tolist()]
        return [
            Fraction(float(scale)) * int(total) + Fraction(float(bias))
            for scale, total, bias in zip(self.scale, sums, self.bias, strict=True)
        ]


def _as_signs(positive: npt.NDArray[np.bool_]) -> Signs:
    return positive.view(np.int8) * np.int8(2) - np.int8(1)


def _checked_weight(weight: npt.ArrayLike, where: str) -> Signs:
    array = np.asarray(weight)
    if array.ndim != 2 or 0 in array.shape:
        raise NetworkError(
            f"{where} weight has shape {array.shape}; it must be (neurons, inputs), both at least 1"
        )
    wrong = np.argwhere((array != 1) & (array != -1))
    if len(wrong):
        row, column = wrong[0]
        raise NetworkError(
            f"{where} weight[{row}, {column}] is {array[row, column]}; every weight must be -1 or "
            "+1: binarize it, +1 where it is at least 0"
        )
    signs = np.array(array, dtype=np.int8, order="C")
    signs.setflags(write=False)
    return signs


def _checked_vector(values: npt.ArrayLike, length: int, where: str) -> Floats:
    array = np.array(values, dtype=np.float64)
    if array.shape != (length,):
        raise NetworkError(
            f"{where} has shape {array.shape}; it must be ({length},), a value for each row of "
            "weight"
        )
    wrong = np.flatnonzero(~np.isfinite(array))
    if len(wrong):
        raise NetworkError(
            f"{where}[{wrong[0]}] is {array[wrong[0]]}; it must be finite: a constant neuron has a "
            "threshold below -inputs or above +inputs"
        )
    array.setflags(write=False)
    return array
