"""The classes that a walk may lead to, and which of them a run is for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from signflip.patterns.space import PatternSpace
from signflip.walk.dual import Singles


@dataclass
class Rival:
    """What is known of one rival.

    Attributes:
        index: the class.
        coefficients: (width,) float32, the objective's, divided by `scale`.
        scale: the largest of them.
        constant: of the objective.
        runs: begun so far.
        best: the best objective of a pattern so far.
        units: by the inverse of a softness, the mean change of the softened objective by a toggle.
    """

    index: int
    coefficients: Singles
    scale: float
    constant: float
    runs: int = 0
    best: float = -math.inf
    units: dict[float, float] = field(default_factory=dict)


def rivals_of(space: PatternSpace) -> list[Rival]:
    """The problem's rivals that can gain something, the closest in the middle of the box first."""
    problem = space.problem
    last = problem.network.activations_of_pattern(space.signs[None])[-1][0]
    found = []
    for rival in problem.rivals:
        coefficients = problem.coefficients(rival)
        scale = float(np.abs(coefficients).max())
        if scale > 0.0:
            start = float(coefficients @ last) + problem.constant(rival)
            singles = (coefficients / scale).astype(np.float32)
            found.append((start, Rival(rival, singles, scale, problem.constant(rival))))
    return [rival for _, rival in sorted(found, key=lambda pair: -pair[0])]


def next_rival(rivals: Sequence[Rival], number: int) -> Rival:
    """Each once; then the best so far every other run, the next best every fourth, ...

    Args:
        rivals: at least one.
        number: runs begun before.
    """
    count = len(rivals)
    if number < count:
        return rivals[number]
    turn = number - count + 1
    rank = (turn & -turn).bit_length() - 1
    ranking = sorted(rivals, key=lambda rival: -rival.best)
    return ranking[rank % count]
