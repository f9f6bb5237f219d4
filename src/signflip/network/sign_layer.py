"""The hidden layer: a linear map, thresholds, and exact signs.

A neuron answers +1 iff `map(input) >= threshold`, else -1, so `sign(0) = +1`. The first layer reads
real inputs; every later one reads -1/+1 activations, and is integer arithmetic.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from signflip.arrays import Booleans, Floats, Integers, Signs
from signflip.errors import NetworkError
from signflip.network.checks import checked_vector
from signflip.network.maps import Dense, LinearMap

UNIT_ROUNDOFF = 2.0**-53

_BLOCK = 2048  # images in one product of matrices: few enough for the cache, many for threads
_HUGE = 2.0**1000
_WHOLE = 2.0**52


@dataclass(frozen=True, eq=False)
class SignLayer:
    """Neurons that answer +1 iff `map(input) >= threshold`, else -1.

    Attributes:
        map: what they read.
        threshold: (neurons,) float64, finite. A constant neuron has one beyond -fan_in or +fan_in
            times the largest input.

    Raises:
        NetworkError: the map is none, a threshold is not finite, or there is another number of
            them.
    """

    map: LinearMap
    threshold: Floats

    def __post_init__(self) -> None:
        if not isinstance(self.map, LinearMap):
            raise NetworkError(
                f"the layer's map is of type {type(self.map).__name__}; it must be a map, or of a "
                "matrix: SignLayer.dense(weight, threshold)"
            )
        threshold = checked_vector(self.threshold, self.map.neurons, "hidden layer threshold")
        object.__setattr__(self, "threshold", threshold)

    @classmethod
    def dense(cls, weight: npt.ArrayLike, threshold: npt.ArrayLike) -> "SignLayer":
        """A layer of a matrix (neurons, inputs) of -1, 0 and +1.

        Raises:
            NetworkError: a weight is another number, or shapes do not fit.
        """
        return cls(Dense(weight), np.asarray(threshold))

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.map.neurons

    @property
    def inputs(self) -> int:
        """Number of inputs of the layer."""
        return self.map.inputs

    def part(self, neurons: Integers) -> "SignLayer":
        """The layer of only these neurons (k,)."""
        return SignLayer(Dense(self.map.rows(neurons)), self.threshold[neurons])

    @cached_property
    def integer_threshold(self) -> Integers:
        """(neurons,) int64: `threshold` rounded up to the lattice of sums of `fan_in` signs.

        Such a sum has the parity of `fan_in` and lies in [-fan_in, fan_in], so this changes no
        neuron of a layer that reads signs; `-fan_in` means always +1, `fan_in + 2` always -1.
        """
        fan_in = self.map.fan_in
        # ceil first: added to `fan_in`, a threshold just above an integer would be rounded to it
        whole = np.ceil(np.clip(self.threshold, -fan_in, fan_in + 1)).astype(np.int64)
        lifted: Integers = whole + (whole - fan_in) % 2
        return lifted

    @cached_property
    def parallel(self) -> Integers:
        """(neurons,) int64: those whose weights are equal or opposite share a number; others -1."""
        probe = np.random.default_rng(0).integers(-(2**36), 2**36, self.inputs).astype(np.float64)
        # sums of whole numbers, exact: equal or opposite for such neurons, and for few others
        sums = np.abs(self.map.apply(probe[None])[0])
        _, alike, count = np.unique(sums, return_inverse=True, return_counts=True)
        families = np.full(self.neurons, -1, dtype=np.int64)
        for candidate in np.flatnonzero(count > 1):
            neurons = np.flatnonzero(alike == candidate)
            rows = self.map.rows(neurons)
            while len(neurons) > 1:
                same = (rows == rows[0]).all(axis=1) | (rows == -rows[0]).all(axis=1)
                if same.sum() > 1:
                    families[neurons[same]] = neurons[0]
                neurons, rows = neurons[~same], rows[~same]
        return families

    def signs_of_reals(self, values: Floats) -> Signs:
        """Activations (N, neurons) int8 for real inputs (N, inputs) float64, each sign exact."""
        signs = np.empty((len(values), self.neurons), dtype=np.int8)
        for start in range(0, len(values), _BLOCK):
            block = slice(start, start + _BLOCK)
            signs[block] = self._signs_of_block(values[block])
        return signs

    def _signs_of_block(self, values: Floats) -> Signs:
        with np.errstate(over="ignore", invalid="ignore"):
            sums = self.map.apply(values)
            magnitude = np.abs(values).sum(axis=1)
            if magnitude.max(initial=0.0) < _WHOLE and np.array_equal(values, np.rint(values)):
                whole: Booleans = sums >= self.threshold
                return as_signs(whole)  # no sum of whole numbers is rounded
            error = self._error_bound(self.inputs, magnitude[:, None])
            signs, doubtful = self._likely_signs(sums - self.threshold, error)
        if doubtful.any():
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
    def _likely_signs(gaps: Floats, error: Floats) -> tuple[Signs, Booleans]:
        """Signs of `gaps`, sums less their thresholds, and where the true sign may differ."""
        return as_signs(gaps >= 0), ~(np.abs(gaps) > error)

    def signs_at_extremes(self, lower: Floats, upper: Floats) -> tuple[Signs, Signs]:
        """Each neuron's sign where its pre-activation is least and where it is greatest in a box.

        Args:
            lower: (inputs,) float64.
            upper: (inputs,) float64, nowhere below `lower`.

        Returns:
            Two arrays (neurons,) int8, exact. A neuron is *stable* iff they agree.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            # twice the sums at the corners are map(lower + upper) -+ magnitude(upper - lower)
            both, spread = lower + upper, upper - lower
            gaps = self.map.apply(both[None])[0] - 2 * self.threshold
            reach = self.map.magnitude(spread)
            # 2 inputs terms, each rounded once when it was made, and the threshold's own difference
            size = np.abs(both).sum() + spread.sum() + 2 * np.abs(self.threshold)
            error = self._error_bound(2 * self.inputs + 3, size)
            lowest, doubtful_lowest = self._likely_signs(gaps - reach, error)
            highest, doubtful_highest = self._likely_signs(gaps + reach, error)
        for neuron in np.flatnonzero(doubtful_lowest).tolist():
            corner = np.where(self._row(neuron) > 0, lower, upper)
            lowest[neuron] = self._exact_sign(neuron, corner)
        for neuron in np.flatnonzero(doubtful_highest).tolist():
            corner = np.where(self._row(neuron) > 0, upper, lower)
            highest[neuron] = self._exact_sign(neuron, corner)
        return lowest, highest

    def _row(self, neuron: int) -> Signs:
        row: Signs = self.map.rows(np.array([neuron]))[0]
        return row

    def _exact_sign(self, neuron: int, values: Floats) -> int:
        terms = [*(self._row(neuron) * values).tolist(), -float(self.threshold[neuron])]
        try:
            return 1 if math.fsum(terms) >= 0 else -1
        except OverflowError:  # sums beyond the range of float64
            return 1 if sum(map(Fraction, terms)) >= 0 else -1

    def signs_of_signs(self, signs: Signs) -> Signs:
        """Activations (N, neurons) int8 for activations (N, inputs) int8 of the layer below."""
        positive: Booleans = self.sums(signs) >= self.integer_threshold.astype(np.float32)
        return as_signs(positive)

    def sums(self, signs: Signs) -> npt.NDArray[np.float32]:
        """The map's sums (N, neurons) for inputs (N, inputs) int8 of -1, 0 or 1; exact."""
        # no sum of signs is invalid: such a flag is of the lanes that BLAS computes beyond the data
        with np.errstate(invalid="ignore"):
            return self.map.counts(signs)


def as_signs(positive: Booleans) -> Signs:
    """+1 where true, else -1."""
    signs: Signs = positive.view(np.int8) * np.int8(2) - np.int8(1)
    return signs
