"""What goes through a network's layers: numbers, intervals, fractions, ramps, program columns.

There is one loop over the layers, `propagate`, and one step for each domain. Whoever needs another
domain writes its step: the forward pass and the rest cannot drift apart.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from signflip.network.domains.fractions import FRACTIONS, Fractions
from signflip.network.domains.intervals import INTERVALS, Interval, Intervals
from signflip.network.domains.numbers import NUMBERS, Numbers
from signflip.network.sign_layer import SignLayer

V = TypeVar("V")

__all__ = [
    "FRACTIONS",
    "INTERVALS",
    "NUMBERS",
    "Domain",
    "Fractions",
    "Interval",
    "Intervals",
    "Numbers",
    "propagate",
]


class Domain(Protocol[V]):
    """What a layer makes of values of one kind."""

    def step(self, layer: SignLayer, below: V) -> V:
        """The layer's activations, given what it reads."""
        ...


def propagate(layers: Iterable[SignLayer], domain: Domain[V], below: V) -> list[V]:
    """The activations of each layer, the first layer's first."""
    values = []
    for layer in layers:
        below = domain.step(layer, below)
        values.append(below)
    return values
