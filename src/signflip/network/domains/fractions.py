"""The definition itself, in Python's exact numbers: slow, plain, and for checks."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from signflip.network.sign_layer import SignLayer


class Fractions:
    """Sequences of exact numbers, one an input; a neuron's activation is the Fraction -1 or +1."""

    def step(self, layer: SignLayer, below: Sequence[Fraction]) -> Sequence[Fraction]:
        """+1 iff the sum of weight times input is at least the threshold."""
        return [
            Fraction(1 if self.sum(layer, neuron, below) >= Fraction(threshold) else -1)
            for neuron, threshold in enumerate(layer.threshold.tolist())
        ]

    @staticmethod
    def sum(layer: SignLayer, neuron: int, below: Sequence[Fraction]) -> Fraction:
        """The exact sum of one neuron."""
        row = layer.map.rows(np.array([neuron]))[0]
        terms = (int(row[i]) * below[i] for i in np.flatnonzero(row).tolist())
        return sum(terms, start=Fraction(0))


FRACTIONS = Fractions()
