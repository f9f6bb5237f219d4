"""Pairs of first-layer signs that no image of the box has together, all at once.

With weights of one size Farkas' multipliers of two neurons need no program. The sum

    sum_i rad_i |u_a s_a d_ai + u_b s_b d_bi|

bends at u_a = u_b only, but for the ends, where one neuron stands alone: so two signs clash iff

    need_a + need_b > sum_i rad_i |s_a d_ai + s_b d_bi|.
"""

from typing import NamedTuple

import numpy as np

from signflip.arrays import Booleans, Integers
from signflip.network import UNIT_ROUNDOFF
from signflip.patterns.space import PatternSpace

_SMALLEST = 2.0**-1074


class Clashes(NamedTuple):
    """Assignments of two unstable neurons that no image has."""

    neurons: Integers  # (p, 2), each row rising
    toggled: Booleans  # (p, 2)


def clashes(space: PatternSpace) -> Clashes:
    """All pairs of signs that clash by what is said above; every rounding error is outward."""
    from scipy.sparse import csr_array, triu

    directions = csr_array(space.directions.astype(np.float64))
    weighted = directions.multiply(space.radius[None, :]).tocsr()
    both = triu(abs(weighted) @ abs(directions).T, k=1).tocoo()
    first, second, shared = both.row, both.col, both.data
    agreement = np.asarray((weighted @ directions.T).tocsr()[first, second]).ravel()
    reach = np.asarray(abs(weighted).sum(axis=1)).ravel()
    together = reach[first] + reach[second]
    terms = 2 * (len(space.radius) + 8)
    neurons, toggled = [], []
    for a in (True, False):
        for b in (True, False):
            need_a, need_b = _need(space, first, a), _need(space, second, b)
            # twice the shared pixels that pull both ways
            lost = shared - agreement if a == b else shared + agreement
            size = together + np.abs(need_a) + np.abs(need_b) + shared
            error = terms * (UNIT_ROUNDOFF * size + _SMALLEST)
            found = need_a + need_b - (together - lost) > error
            neurons.append(np.stack([first[found], second[found]], axis=1))
            toggled.append(np.tile([a, b], (int(found.sum()), 1)))
    return Clashes(np.concatenate(neurons).astype(np.int64), np.concatenate(toggled))


def _need(space: PatternSpace, neurons: Integers, toggles: bool) -> np.ndarray:
    return space.distance[neurons] if toggles else -space.reluctance[neurons]
