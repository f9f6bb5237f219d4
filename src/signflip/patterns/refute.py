"""Multipliers that prove that no point of the box has some signs (Farkas' lemma).

Nobody's multipliers are believed: here they are tested, quickly with every rounding error outward,
or exactly. `side` says what is asked of each unstable neuron: 1 to toggle, that is, to have the
other sign than at the centre, -1 not to, and 0 where nothing is asked.
"""

import numpy as np
import numpy.typing as npt

from signflip.arrays import Booleans, Signs
from signflip.network import UNIT_ROUNDOFF
from signflip.patterns.rational import BoxProgram, Whole
from signflip.patterns.space import PatternSpace

_SMALLEST = 2.0**-1074

_NOISE = 1e-7
"""Multipliers below this share of the largest are most often a solver's noise."""


def refutes(space: PatternSpace, side: Signs, multipliers: npt.ArrayLike) -> bool:
    """Whether multipliers prove that no point of the box has what is asked.

    With u >= 0, a point q of the box that has it has

        sum_j u_j side_j directions_j . q >= sum_j u_j need_j,

    where need_j is `distance_j` or `-reluctance_j`; the left side is at most
    `sum_i rad_i |sum_j u_j side_j directions_ji|`. The test leaves room for every rounding error.

    Args:
        space: the pattern space.
        side: (m,) int8, what is asked.
        multipliers: (m,) float64 of any sign and scale; a solver's dual values.
    """
    multipliers = np.asarray(multipliers, dtype=np.float64)
    need = np.where(side > 0, space.distance, -space.reluctance)
    largest = np.abs(multipliers).max(initial=0.0)
    if not np.isfinite(largest) or largest == 0.0:
        return False
    for orientation in (1.0, -1.0):
        u = np.maximum(orientation * multipliers * side / largest, 0.0)
        demand = float(u @ need)
        supply = float(space.radius @ np.abs((u * side) @ space.directions))
        terms = 2 * (sum(space.directions.shape) + 8)
        size = float(space.radius.sum()) * float(u.sum()) + float(u @ np.abs(need))
        # a product below the normal numbers is off by more than its own roundoff
        if demand - supply > terms * (UNIT_ROUNDOFF * size + _SMALLEST):
            return True
    return False


def conflict(space: PatternSpace, side: Signs, multipliers: npt.ArrayLike) -> Booleans | None:
    """(m,) bool: what is asked that cannot hold together; None if the multipliers prove nothing."""
    multipliers = np.asarray(multipliers, dtype=np.float64)
    if not refutes(space, side, multipliers):
        return None
    clear: Booleans = np.abs(multipliers) > _NOISE * np.abs(multipliers).max()
    if not refutes(space, side, np.where(clear, multipliers, 0.0)):
        clear = multipliers != 0
    asked: Booleans = clear & (side != 0)
    return asked


def refutes_exactly(program: BoxProgram, multipliers: Whole) -> bool:
    """Whether multipliers prove that no point has the rows of a program, its elastic ones strictly.

    Args:
        program: rows of a sign, `rows_j . x >= need_j`, or above where elastic.
        multipliers: (k,) whole numbers.
    """
    if any(u < 0 for u in multipliers[~program.equal]):
        return False
    used = np.flatnonzero(multipliers)
    slope = multipliers[used] @ program.rows[used].astype(object)
    best = np.where(slope > 0, program.upper, program.lower)
    most = slope @ best - multipliers @ program.need if len(used) else 0
    return bool(most < 0 or (most == 0 and np.any(program.elastic[used])))
