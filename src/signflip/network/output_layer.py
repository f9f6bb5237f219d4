"""The output: one value for each class, exact where it is asked for.

    f_c = scale_c (weight_c . h) + bias_c

The weights are -1, 0 and +1, or any real numbers, as the last layer of many networks is real. Every
float64 is a whole number over a power of two, so every class value is: exact values are sums of
whole numbers.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Booleans, Floats, Integers, Signs
from signflip.errors import NetworkError
from signflip.network.checks import checked_vector
from signflip.network.sign_layer import UNIT_ROUNDOFF

_LARGEST = 1e100
_MOST = 2**62


@dataclass(frozen=True, eq=False, kw_only=True)
class Lead:
    """`f_rival - f_prediction` over the last hidden layer, exact.

    The value at activations h is `(numerators . h + constant) / denominator`.

    Attributes:
        numerators: (width,) whole numbers, int64 or Python's.
        constant: a whole number.
        denominator: a power of two.
    """

    numerators: npt.NDArray[Any]
    constant: int
    denominator: int

    def most(self, low: Signs, high: Signs) -> Fraction:
        """The greatest value over activations between `low` and `high`, (width,) int8 each."""
        free = low != high
        settled = int((self.numerators * np.where(free, 0, low)).sum())
        reach = int(np.abs(self.numerators[free]).sum())
        return Fraction(settled + reach + self.constant, self.denominator)


@dataclass(frozen=True, eq=False)
class OutputLayer:
    """Class values `scale * (weight . h) + bias`.

    Attributes:
        weight: (classes, inputs): int8 of -1, 0 and +1, or real numbers as float64 from -1e100 to
            1e100. Real weights that are all -1, 0 or +1 become int8.
        scale: (classes,) float64, from -1e100 to 1e100.
        bias: (classes,) float64, from -1e100 to 1e100.

    Raises:
        NetworkError: a number is out of range, shapes do not fit, or there is only 1 class.
    """

    weight: Signs | Floats
    scale: Floats
    bias: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _checked_weight(self.weight))
        for name in ("scale", "bias"):
            vector = checked_vector(getattr(self, name), self.classes, f"output layer {name}")
            object.__setattr__(self, name, vector)
        if self.classes < 2:
            raise NetworkError("the output layer has 1 class; a classifier needs at least 2")
        for name in ("weight", "scale", "bias"):
            largest = float(np.abs(getattr(self, name)).max())
            if largest > _LARGEST:
                raise NetworkError(
                    f"output layer {name} reaches {largest}; it must not exceed {_LARGEST}, or "
                    "class values would overflow: divide scale and bias by one number"
                )

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.weight.shape[0])

    @property
    def inputs(self) -> int:
        """Width of the last hidden layer."""
        return int(self.weight.shape[1])

    @property
    def real(self) -> bool:
        """Whether weights are real numbers, and not -1, 0 and +1."""
        return self.weight.dtype != np.int8

    @cached_property
    def plain(self) -> bool:
        """Whether the output is the paper's: weights of -1 and +1, a scale of 1, a bias of 0.

        Class values are whole numbers of one parity then, and a lead's coefficients -2, 0 or 2.
        """
        unscaled = bool(np.all(self.scale == 1) and np.all(self.bias == 0))
        return not self.real and unscaled and bool(np.all(self.weight != 0))

    @cached_property
    def _integral(self) -> bool:
        """Whether float64 holds every class value exactly."""
        scaled = bool(np.all(self.scale == 1) and np.all(self.bias == np.rint(self.bias)))
        return not self.real and scaled and float(np.abs(self.bias).max()) < 2.0**50

    @cached_property
    def _rows(self) -> Floats:
        """(classes, inputs) float64: what each neuron adds to each class value, rounded once."""
        rows: Floats = self.scale[:, None] * self.weight
        return rows

    @cached_property
    def _fast_weight(self) -> npt.NDArray[Any]:
        kind = np.float64 if self.real else np.float32
        return np.ascontiguousarray(self.weight.T, dtype=kind)

    def values(self, signs: npt.NDArray[np.generic]) -> Floats:
        """Class values (N, classes) float64 of activations (N, inputs), rounded unless integral.

        Activations may be signs or, as the surrogate's are, numbers between.
        """
        kind = self._fast_weight.dtype if signs.dtype == np.int8 else np.float64
        sums = (signs.astype(kind) @ self._fast_weight.astype(kind, copy=False)).astype(np.float64)
        values: Floats = self.scale * sums + self.bias
        return values

    def exact_values(self, signs: Signs) -> list[Fraction]:
        """Class values of one row (inputs,) of activations, as exact numbers."""
        numbers, denominator = self.whole_values(signs)
        return [Fraction(number, denominator) for number in numbers]

    def whole_values(self, signs: Signs) -> tuple[list[int], int]:
        """The same as whole numbers over one denominator, a power of two."""
        if self.real:
            numerators, constants, denominator = self._exact
            totals = (numerators * signs).sum(axis=1).tolist()
            return [a + b for a, b in zip(totals, constants, strict=True)], denominator
        sums: list[int]
        sums = np.rint(signs.astype(np.float32) @ self._fast_weight).astype(np.int64).tolist()
        if self.plain:
            return sums, 1
        _, factors, constants, denominator = self._whole
        terms = zip(factors, sums, constants, strict=True)
        return [factor * total + constant for factor, total, constant in terms], denominator

    def rankings(self, signs: Signs) -> Integers:
        """Classes (N, classes) int64, the highest value first, a tie to the lower index. Exact.

        Args:
            signs: (N, inputs) int8, activations of the last hidden layer.
        """
        values = self.values(signs)
        ranked = np.argsort(-values, axis=1, kind="stable").astype(np.int64)
        if self._integral:
            return ranked
        # gaps between neighbours that rounding might have closed or turned round
        ordered = np.take_along_axis(values, ranked, axis=1)
        doubtful = np.any(ordered[:, :-1] - ordered[:, 1:] <= 2 * self._rounding, axis=1)
        for row in np.flatnonzero(doubtful).tolist():
            ranked[row] = ranking(self.whole_values(signs[row])[0])
        return ranked

    @cached_property
    def largest(self) -> float:
        """No class value is farther from 0 than this, up to rounding."""
        return float((np.abs(self._rows).sum(axis=1) + np.abs(self.bias)).max())

    @cached_property
    def _rounding(self) -> float:
        """No class value is off by more than this."""
        terms = self.inputs + 4
        # a sum's bound (Higham 2002, section 4.2), doubled, and what lies below the normal numbers
        tiny = float(np.finfo(np.float64).tiny)
        return 2 * terms * UNIT_ROUNDOFF * self.largest + terms * tiny

    def coefficients(self, rival: int, prediction: int) -> Floats:
        """(inputs,) float64: what each neuron adds to `f_rival - f_prediction`, rounded.

        Exact for a plain output, where each is -2, 0 or 2.
        """
        coefficients: Floats = self._rows[rival] - self._rows[prediction]
        return coefficients

    def constant(self, rival: int, prediction: int) -> float:
        """`bias_rival - bias_prediction`, rounded."""
        return float(self.bias[rival] - self.bias[prediction])

    def size(self, rival: int, prediction: int) -> float:
        """A bound of all terms of both class values together: rounding errors are shares of it."""
        both = np.abs(self._rows[[rival, prediction]]).sum()
        return float(both + abs(self.bias[rival]) + abs(self.bias[prediction]))

    def lead(self, rival: int, prediction: int) -> Lead:
        """`f_rival - f_prediction`, exact."""
        numerators, constants, denominator = self._exact
        return Lead(
            numerators=numerators[rival] - numerators[prediction],
            constant=constants[rival] - constants[prediction],
            denominator=denominator,
        )

    @cached_property
    def _whole(self) -> tuple[npt.NDArray[Any], list[int], list[int], int]:
        """Weights (classes, inputs), factors (classes,) of their rows, and constants (classes,).

        Whole numbers: `(factor (weight . h) + constant) / denominator` is a class value.
        """
        scales = [_dyadic(scale) for scale in self.scale.tolist()]
        biases = [_dyadic(bias) for bias in self.bias.tolist()]
        weights, weight_shift = _dyadic_matrix(self.weight)
        shift = max(
            max(shift for _, shift in scales) + weight_shift, max(shift for _, shift in biases)
        )
        factors = [number << (shift - weight_shift - own) for number, own in scales]
        constants = [number << (shift - own) for number, own in biases]
        return weights, factors, constants, 1 << shift

    @cached_property
    def _exact(self) -> tuple[npt.NDArray[Any], list[int], int]:
        """Whole numbers (classes, inputs) and (classes,) over one denominator, a power of two."""
        weights, factors, constants, denominator = self._whole
        # at least each of the two, also where the other is 0
        largest = max(1, *map(abs, factors)) * max(1, int(np.abs(weights).max(initial=0)))
        small = largest * (2 * self.inputs + 2) < _MOST
        kind = np.int64 if small else np.object_
        rows = [weights[index].astype(kind) * factor for index, factor in enumerate(factors)]
        return np.array(rows, dtype=kind), constants, denominator


def ranking(values: list[Fraction] | list[int]) -> list[int]:
    """Classes from the highest value to the lowest, a tie to the lower index first."""
    # sorting is stable, in reverse as well
    return sorted(range(len(values)), key=values.__getitem__, reverse=True)


def _dyadic(value: float) -> tuple[int, int]:
    """A float as `number / 2^shift`, with `shift` of at least 0."""
    number, denominator = value.as_integer_ratio()
    return number, denominator.bit_length() - 1


def _dyadic_matrix(weight: Signs | Floats) -> tuple[npt.NDArray[Any], int]:
    """A matrix of floats as whole numbers over one power of two."""
    if weight.dtype == np.int8:
        return weight.astype(np.int64), 0
    pairs = [_dyadic(value) for value in weight.ravel().tolist()]
    shift = max(own for _, own in pairs)
    numbers = [number << (shift - own) for number, own in pairs]
    kind = np.int64 if max(map(abs, numbers)) < _MOST else np.object_
    return np.array(numbers, dtype=kind).reshape(weight.shape), shift


def _checked_weight(weight: npt.ArrayLike) -> Signs | Floats:
    array = np.asarray(weight)
    if array.ndim != 2 or 0 in array.shape:
        raise NetworkError(
            f"output layer weight has shape {array.shape}; it must be (classes, inputs), both at "
            "least 1"
        )
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_):
        raise NetworkError(f"output layer weight is {array.dtype}; it must be numbers")
    real = np.array(array, dtype=np.float64, order="C")
    wrong = np.argwhere(~np.isfinite(real))
    if len(wrong):
        row, column = wrong[0]
        raise NetworkError(
            f"output layer weight[{row}, {column}] is {real[row, column]}; it must be finite"
        )
    ternary: Booleans = (real == 0) | (np.abs(real) == 1)
    made: Signs | Floats = real.astype(np.int8) if ternary.all() else real
    made.setflags(write=False)
    return made
