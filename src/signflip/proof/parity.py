"""Which sums the second layer can have where an even number of neurons is +1: for the checker.

A sum of all unstable neurons, with weights -1 and +1, changes by 2 with each sign that changes. So
modulo 4 it is known, where it is known whether the number of those that are +1 is even or odd.
"""

from functools import cached_property

import numpy as np

from signflip.proof.evaluate import Array
from signflip.proof.last_layer import LastLayer


class Parity(LastLayer):
    """The second layer's sums, where the parity of the number of unstable +1 signs is known."""

    @cached_property
    def _over(self) -> Array:
        """(3, neurons) as `over`, for even numbers, odd ones, and where that is not known."""
        settled, weights = self.columns
        even = settled - weights.sum(axis=1)  # where all are -1
        over = np.array([even % 4, (even + 2) % 4, np.full_like(even, -1)])
        return np.where((weights != 0).all(axis=1), over, -1)

    def over(self, parities: Array) -> Array | None:
        """What `step` is to know of cases (N,) of these parities, -1 where it is not known."""
        return self._over[parities] if (parities >= 0).any() else None

    def missed(self, signs: Array, parities: Array) -> Array:
        """(N,) whether no pattern has a case: no neuron is free, and they are of another parity.

        Args:
            signs: (N, neurons) of the first layer, 0 for those that are free.
            parities: (N,) that the cases say, or -1.
        """
        signs = signs[:, self.unstable]
        other = (signs > 0).sum(axis=1) % 2 != parities
        missed: Array = other & (parities >= 0) & (signs != 0).all(axis=1)
        return missed
