"""Time that tables of a network take: nothing interrupts them, and on wide ones they take seconds.

A convolution's table goes through all pairs of what it reads and a neuron: 25,000 neurons that read
25,000 others, as those of 32 channels of 28x28, are 600 million of them.
"""

from signflip.clock import Clock, OutOfTime, Seconds
from signflip.network import BinaryNetwork, SignLayer

WALK = 3e-9
"""Seconds for each pair of the layers above the first, at least: the walk's tables."""
LAYER_PROBLEMS = 5e-9
"""The same for those of IProp's local search, which has them both ways round."""
SQUARES = 2e-9
"""The same for those of the Square attack, of all layers."""
UNNOTICED = 0.1
"""Tables that take less are made whatever the time limit is."""


def in_time(clock: Clock, layers: tuple[SignLayer, ...], each: Seconds, share: float = 1.0) -> bool:
    """Whether a share of the time that is left is enough for tables of these layers."""
    seconds = each * sum(layer.inputs * layer.neurons for layer in layers)
    return seconds <= max(UNNOTICED, share * clock.remaining())


def allow_tables(clock: Clock, layers: tuple[SignLayer, ...], each: Seconds) -> None:
    """Go on only if there is time for tables of these layers.

    Raises:
        OutOfTime: there is not.
    """
    if not in_time(clock, layers, each):
        raise OutOfTime(
            "Making tables of so wide a network takes longer than the time limit allows."
        )


def has_time_to_walk(clock: Clock, network: BinaryNetwork, share: float = 1.0) -> bool:
    """Whether a share of the time that is left is enough for the walk's tables."""
    return in_time(clock, network.hidden[1:], WALK, share)
