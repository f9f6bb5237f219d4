"""What bounds start from where the second layer is the last hidden one: for the checker."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from signflip.network import SignLayer
from signflip.proof.evaluate import MANY, Array, rounded_up


@dataclass(eq=False)
class LastLayer:
    """The second layer of a problem, and the rivals' leads over it.

    Attributes:
        above: the layers above the first.
        leads: of the rivals, see `check`.
        stable: (neurons,) signs of the first layer, 0 for unstable neurons; a copy is kept.
        unstable: these.
        read: gives the next number of the steps.
    """

    above: tuple[SignLayer, ...]
    leads: list[tuple[Array, int]]
    stable: Array
    unstable: list[int]
    read: Callable[[], int]

    def __post_init__(self) -> None:
        self.stable = self.stable.copy()

    @cached_property
    def columns(self) -> tuple[Array, Array]:
        """Sums less thresholds (width,) of the second layer, and its weights (width, m).

        The unstable neurons count as 0 in the sums; the weights are theirs.
        """
        layer = self.above[0]
        sums, weights = [], []
        for start in range(0, layer.neurons, MANY):
            rows = layer.map.rows(slice(start, start + MANY)).astype(np.int64)
            sums.append(rows @ self.stable)
            weights.append(rows[:, self.unstable])
        return np.concatenate(sums) - rounded_up(layer), np.concatenate(weights)
