"""Intervals: what each neuron's sign may be where every input has a range of its own."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Booleans, Signs
from signflip.network.sign_layer import SignLayer, as_signs


@dataclass(frozen=True, eq=False)
class Interval:
    """A range for each input or neuron.

    Attributes:
        low: (inputs,) float64, or (neurons,) int8 of -1 and +1 for activations.
        high: the same, nowhere below `low`.
    """

    low: npt.NDArray[Any]
    high: npt.NDArray[Any]

    @property
    def free(self) -> Booleans:
        """Where the two differ."""
        free: Booleans = self.low != self.high
        return free

    @property
    def stable(self) -> Signs:
        """(neurons,) int8: the sign that an activation is bound to, 0 where it can change."""
        return np.where(self.free, 0, self.low).astype(np.int8)

    @classmethod
    def of_stable(cls, stable: Signs) -> "Interval":
        """The interval of activations with these signs (neurons,), 0 where either is possible."""
        return cls(
            np.where(stable == 0, -1, stable).astype(np.int8),
            np.where(stable == 0, 1, stable).astype(np.int8),
        )


class Intervals:
    """Each neuron by itself: exact for the first layer, and a bound above it."""

    def step(self, layer: SignLayer, below: Interval) -> Interval:
        """The activations' interval."""
        low, high = below.low, below.high
        if low.dtype != np.int8:
            return Interval(*layer.signs_at_extremes(low, high))
        # an input that is free stands in the middle for 0, and adds 1 to either side
        middle = layer.sums(below.stable[None])[0]
        spread = layer.map.magnitude(below.free.astype(np.float64))
        threshold = layer.integer_threshold
        return Interval(
            as_signs(middle - spread >= threshold), as_signs(middle + spread >= threshold)
        )


INTERVALS = Intervals()
