"""Binarized networks: layers with exact signs, and the forward pass."""

from signflip.arrays import Floats, Integers, Signs
from signflip.network.ensemble import ensemble
from signflip.network.input_range import UNIT_RANGE, InputRange, check_range
from signflip.network.maps import Composed, Conv2d, Dense, LinearMap, Pool, Shape, Sparse
from signflip.network.network import BinaryNetwork, check_card, check_network
from signflip.network.output_layer import Lead, OutputLayer, ranking
from signflip.network.sign_layer import UNIT_ROUNDOFF, SignLayer

__all__ = [
    "UNIT_RANGE",
    "UNIT_ROUNDOFF",
    "BinaryNetwork",
    "Composed",
    "Conv2d",
    "Dense",
    "Floats",
    "InputRange",
    "Integers",
    "Lead",
    "LinearMap",
    "OutputLayer",
    "Pool",
    "Shape",
    "SignLayer",
    "Signs",
    "Sparse",
    "check_card",
    "check_network",
    "check_range",
    "ensemble",
    "ranking",
]
