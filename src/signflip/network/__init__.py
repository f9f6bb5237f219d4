"""Binarized networks: layers with exact signs, and the forward pass."""

from signflip.arrays import Floats, Integers, Signs
from signflip.network.layers import UNIT_ROUNDOFF, HiddenLayer, OutputLayer
from signflip.network.network import BinaryNetwork, ranking

__all__ = [
    "UNIT_ROUNDOFF",
    "BinaryNetwork",
    "Floats",
    "HiddenLayer",
    "Integers",
    "OutputLayer",
    "Signs",
    "ranking",
]
