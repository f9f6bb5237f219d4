"""Two halves of a search over sets of flips: that of even numbers of flips, and that of odd ones.

A row that each neuron adds 1 to or takes 1 from has a sum x_k of the parity of s_k and the number
of flips together. Where that makes it odd, x_k >= 0 is x_k >= 1: in that half its sum may be taken
for one less. That is so for about every second row, and lowers the joint bound by some 4 neurons,
which is as much as two or three decisions do. It costs that both halves are searched, so that only
long searches go on by halves.

A set of the other parity is worth less in a half than it is, or as much. So a half may find such
ones, and misses none of its own.
"""

import copy

import numpy as np
import numpy.typing as npt

from signflip.exact.frames import State
from signflip.exact.rows import Rows


def excess(rows: Rows, sums: npt.NDArray[np.int16], parity: int) -> npt.NDArray[np.int16]:
    """What the sums of each row can be lowered by where so many flips are made: 0 or 1.

    Args:
        rows: R times K of them.
        sums: (R, K) at the centre.
        parity: of the number of flips.

    Returns:
        (R, K).
    """
    full = (rows.effect != 0).all(axis=1)
    lowered: npt.NDArray[np.int16] = (full & ((sums + parity) % 2 == 1)).astype(np.int16)
    return lowered


def halves(state: State, rows: Rows) -> tuple[State, State]:
    """What is left of a search, for even numbers of flips and for odd ones.

    The first is made of the state itself.
    """
    other = copy.deepcopy(state)
    sums = state.sums[0].copy()  # of no flips: the first frame has none
    other.tally[:] = 0
    for parity, half in enumerate((state, other)):
        lowered = excess(rows, sums, parity)
        half.sums[:] -= lowered
        half.bottom.sums[:] -= lowered
        half.due[:] = True
    return state, other
