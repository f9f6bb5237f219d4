"""The steps of a search by cases as proof files have them, in Numba."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.cases import CLOSED, Path, Sets
from signflip.proof.check import BOUND, BRANCH, KNOWN, NEW
from signflip.proof.exclusions import MOST_KNOWN
from signflip.proving.writing import write


class Written(NamedTuple):
    """How far the steps are written."""

    steps: npt.NDArray[np.int64]  # (2,) steps, and sets
    order: npt.NDArray[np.int64]  # (S,) which of the sets that were written is this one, or -1


@compiled()
def written(
    path: Path,
    sets: Sets,
    literals: npt.NDArray[np.int64],
    done: Written,
    room: int,
    out: npt.NDArray[np.uint8],
) -> int:
    """Write more steps as proof files have them, a set where it is needed first.

    Args:
        path: where all is covered.
        sets: the sets.
        literals: (2 m,) what a checker calls the literals.
        done: what was written before.
        room: bytes that a step may take.
        out: these.

    Returns:
        The number of bytes; 0 if there are no more steps.
    """
    place = 0
    while done.steps[0] < path.written[0] and place + room <= out.shape[0]:
        step = path.steps[done.steps[0]]
        done.steps[0] += 1
        number = -2 - step
        if step >= 0:
            place = write(BRANCH + literals[step], out, place)
        elif step == CLOSED:
            place = write(BOUND, out, place)
        elif done.order[number] >= 0 and done.steps[1] - done.order[number] <= MOST_KNOWN:
            place = write(KNOWN, out, place)
            place = write(done.steps[1] - 1 - done.order[number], out, place)
        else:
            done.order[number] = done.steps[1]
            done.steps[1] += 1
            place = write(NEW, out, place)
            place = write(sets.start[number + 1] - sets.start[number], out, place)
            for j in range(sets.start[number], sets.start[number + 1]):
                place = write(literals[sets.literals[j]], out, place)
                place = write(sets.multipliers[j], out, place)
    return place
