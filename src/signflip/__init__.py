"""Attacks on binarized neural networks, and proofs that there is none."""

from signflip.attack import Method, Outcome, attack
from signflip.errors import SignflipError
from signflip.formats.native import save_network
from signflip.formats.opening import load_network
from signflip.network import BinaryNetwork, InputRange, OutputLayer, SignLayer
from signflip.problem import Box, Problem, Target, Untargeted
from signflip.result import AttackResult, Stop, Verdict

__all__ = [
    "AttackResult",
    "BinaryNetwork",
    "Box",
    "InputRange",
    "Method",
    "Outcome",
    "OutputLayer",
    "Problem",
    "SignLayer",
    "SignflipError",
    "Stop",
    "Target",
    "Untargeted",
    "Verdict",
    "attack",
    "load_network",
    "save_network",
]
