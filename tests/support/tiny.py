"""A small network with fixed weights, for tests of what is around the methods."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from signflip.network import BinaryNetwork, OutputLayer, SignLayer

INPUTS, CLASSES = 16, 3


def tiny_network(
    *, inputs: int = INPUTS, scale: Sequence[float] = (1.0,) * CLASSES
) -> BinaryNetwork:
    """A 2x8 network, the same at every call."""
    rng = np.random.default_rng(5)
    hidden = tuple(
        SignLayer.dense(rng.choice([-1, 1], (after, before)), np.zeros(after))
        for before, after in pairwise((inputs, 8, 8))
    )
    output = OutputLayer(
        rng.choice([-1, 1], (CLASSES, 8)), np.array(scale, dtype=np.float64), np.zeros(CLASSES)
    )
    return BinaryNetwork(hidden, output, {"dataset": "tiny"})
