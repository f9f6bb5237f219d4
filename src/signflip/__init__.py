"""Attacks on binarized neural networks, and proofs that there is none."""

from signflip import starting  # noqa: F401 - first: from here on Ctrl-C ends a command quietly

# isort: split

from signflip.attack import Method, Outcome, attack
from signflip.errors import SignflipError
from signflip.formats.native import save_network
from signflip.formats.opening import load_network
from signflip.network import BinaryNetwork, InputRange, OutputLayer, SignLayer
from signflip.problem import (
    AnyOther,
    Box,
    Distance,
    GridName,
    GridPoints,
    L1Ball,
    Margin,
    Norm,
    Problem,
    Region,
    RunnerUp,
    Target,
    Ties,
    Untargeted,
)
from signflip.result import AttackResult, Stop, Verdict

__all__ = [
    "AnyOther",
    "AttackResult",
    "BinaryNetwork",
    "Box",
    "Distance",
    "GridName",
    "GridPoints",
    "InputRange",
    "L1Ball",
    "Margin",
    "Method",
    "Norm",
    "Outcome",
    "OutputLayer",
    "Problem",
    "Region",
    "RunnerUp",
    "SignLayer",
    "SignflipError",
    "Stop",
    "Target",
    "Ties",
    "Untargeted",
    "Verdict",
    "attack",
    "load_network",
    "save_network",
]
