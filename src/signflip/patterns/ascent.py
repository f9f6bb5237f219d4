"""A point of the box with a given pattern, or multipliers that refuse it, without a linear program.

The point of the pattern that is nearest to the centre, under the weights 1 / radius, has the form

    q_i = radius_i clip(z_i, -1, 1),        z = sum_j u_j side_j directions_j,        u >= 0.

Ascent over one u_j at a time (Hildreth 1957, here with a box) raises a multiplier until its neuron
is on its side. Where no point has the pattern, the multipliers grow towards a proof of that
(Farkas' lemma). Both answers are but proposals: the caller checks them.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats
from signflip.compiled import compiled

SWEEPS = 100
"""Most visits of each neuron; what is not settled by then seldom is."""
MOST_WORK = 50_000_000
"""Most weights to be read, some 50 ms: fewer sweeps where layers are wide."""
ROOM = 0.1
"""How far beyond its margin a neuron on the wrong side is moved, in units of the largest radius."""
_LEAST_FREE = 0.02
"""A step takes at least this share of the radii to be free to move."""
_PROOF_SWEEPS = 4
"""Sweeps between two looks at whether the multipliers refuse the pattern."""


class End(IntEnum):
    """How an ascent ended."""

    POINT = 0
    REFUSAL = 1
    NEITHER = 2


def sweeps_of(size: int, inputs: int) -> int:
    """How many sweeps over `size` neurons are worth their time."""
    return max(1, min(SWEEPS, MOST_WORK // (size * inputs)))


@compiled(fastmath={"reassoc", "contract", "nsz"})
def ascend(
    directions: npt.NDArray[np.int8],
    radius: Floats,
    side: Floats,
    need: Floats,
    margin: float,
    sweeps: int,
    multipliers: Floats,
    z: Floats,
) -> End:
    """Look for q with `side_j directions_j . q >= need_j + margin` for all neurons j.

    Args:
        directions: (m, inputs) int8.
        radius: (inputs,) float64, in a unit of the caller's.
        side: (m,) float64, 1 or -1.
        need: (m,) float64, in the same unit.
        margin: in the same unit.
        sweeps: most visits of each neuron.
        multipliers: (m,) float64, zeros at first; u afterwards.
        z: (inputs,) float64, zeros at first; afterwards q is `radius clip(z, -1, 1)`.

    Returns:
        How it ended, as far as floating point can tell.
    """
    total = 0.0
    for i in range(len(radius)):  # with radius.sum() Numba imports all of its linear algebra
        total += radius[i]
    settled = 0
    for sweep in range(sweeps):
        for j in range(len(need)):
            row = directions[j]
            value = 0.0
            free = 0.0
            for i in range(len(z)):
                clipped = min(max(z[i], -1.0), 1.0)
                value += row[i] * (radius[i] * clipped)
                free += radius[i] if clipped == z[i] else 0.0
            lacking = need[j] + margin - side[j] * value
            # on its side, and not held back there for nothing
            if lacking <= 0.0 and (multipliers[j] == 0.0 or lacking >= -2.0 * ROOM):
                settled += 1
                if settled >= len(need):
                    return End.POINT
                continue
            settled = 0
            step = (lacking + ROOM) / max(free, _LEAST_FREE * total)
            before = multipliers[j]
            multipliers[j] = max(0.0, before + step)
            change = side[j] * (multipliers[j] - before)
            for i in range(len(z)):
                z[i] += change * row[i]
        if sweep % _PROOF_SWEEPS == _PROOF_SWEEPS - 1:
            demand = 0.0
            for j in range(len(need)):
                demand += multipliers[j] * need[j]
            supply = 0.0
            for i in range(len(z)):
                supply += radius[i] * abs(z[i])
            if demand > supply:
                return End.REFUSAL
    return End.NEITHER
