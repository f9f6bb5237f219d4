"""Time that tables of a network take: nothing interrupts them, and on wide ones they take seconds.

Square's are matrices: those of 25,000 neurons that read 25,000 others, as 32 channels of 28x28 do,
have 600 million numbers.
"""

from signflip.clock import Clock, OutOfTime, Seconds
from signflip.network import BinaryNetwork, SignLayer
from signflip.network.maps.sparse import SparseMap

WALK = 3e-9
"""Seconds for each weight of the layers above the first, at least: the walk's tables."""
LAYER_PROBLEMS = 5e-9
"""Seconds for each pair of an input and a neuron above the first layer: a step of IProp's local
search, which nothing interrupts."""
SQUARES = 2e-9
"""Seconds for each number of the Square attack's matrices, of all layers."""
SPARSE = 4
"""Weights of a matrix that take as long as one of a sparse map."""


def weights(layers: tuple[SignLayer, ...]) -> int:
    """Weights of layers, those of sparse maps by the time that they take."""
    return sum(
        SPARSE * int(layer.map.fan_in.sum())
        if isinstance(layer.map, SparseMap)
        else layer.inputs * layer.neurons
        for layer in layers
    )


def time_of_a_step(network: BinaryNetwork) -> Seconds:
    """What tables and a step of IProp's local search take."""
    return LAYER_PROBLEMS * sum(layer.inputs * layer.neurons for layer in network.hidden[1:])


def allow_tables(clock: Clock, seconds: Seconds) -> None:
    """Go on only if there is time for tables that take so long.

    Raises:
        OutOfTime: there is not.
    """
    if not clock.suffices(seconds):
        raise OutOfTime(
            "Making tables of so wide a network takes longer than the time limit allows."
        )


def time_to_walk(network: BinaryNetwork) -> Seconds:
    """What the walk's tables take."""
    return WALK * weights(network.hidden[1:])


def has_time_to_walk(clock: Clock, network: BinaryNetwork, share: float = 1.0) -> bool:
    """Whether a share of the time that is left is enough for the walk's tables."""
    return clock.suffices(time_to_walk(network), share)
