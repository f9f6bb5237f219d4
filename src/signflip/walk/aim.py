"""IProp's lines 9 to 12 by local search: targets of the last layer, down to a point and up again.

For each of several targets in turn the layers' problems (9) are solved from the last one down, then
(10) by the dual ascent, all from the incumbent; then the network is evaluated at the point.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers, Signs
from signflip.compiled import compiled
from signflip.patterns.space import Flips
from signflip.walk.dual import FINE, ROOM, Dual, Frame, Singles, load, pursue, settle_all
from signflip.walk.tables import Halves, Tables, Wires
from signflip.walk.targets import chase, look

F32 = np.float32
MEND_SWEEPS = 3


class Course(NamedTuple):
    """What does not change in a run, and room to work: D hidden layers, m unstable neurons."""

    tables: Tables  # the layers above the first, by their inputs
    readers: Tables  # by their neurons
    wires: Wires  # afterwards the halved sums at the point
    frame: Frame
    dual: Dual  # afterwards the point
    place: Integers  # (D + 1,) where each hidden layer's neurons begin, the first one's first
    free: npt.NDArray[np.bool_]  # (neurons,) which may have another sign than the incumbent
    unstable: Integers  # (m,) places in the first layer
    sign: Signs  # (m,) their signs at the centre
    base: Halves  # halved sums of the centre's pattern
    coefficients: Floats  # (rivals, width) of the last layer
    constants: Floats  # (rivals,)
    tied: npt.NDArray[np.bool_]  # (rivals,) whether a tie with the prediction flips
    toggles: Flips  # (m,) afterwards what toggles at the point
    lack: Singles  # (m,) afterwards how far each is from its toggle
    score: Floats  # (1,) afterwards the point's


class Incumbent(NamedTuple):
    """Where targets are pursued from."""

    signs: Signs  # (neurons,) of all hidden layers
    halves: Halves  # halved sums above the first layer
    cost: Singles  # (neurons,) of a toggle, in targets
    toggled: Flips  # (m,) the dual's intentions
    u: Singles  # its multipliers
    z: Singles  # its point


@compiled()
def judge(course: Course, tie: float) -> bool:
    """Evaluate the dual's point; whether what it intends is so. `tie` is the score of a flip at 0.

    The score is `Problem.scores_of_signs`, summed up in this one order wherever it is compared.
    """
    same = look(
        course.tables, course.wires, course.frame, course.dual, course.unstable, course.sign,
        course.base, course.toggles, course.lack,
    )  # fmt: skip
    places = course.tables.place
    last = course.wires.trial[places[places.shape[0] - 2] :]
    best = -np.inf
    for rival in range(course.constants.shape[0]):
        value = course.constants[rival]
        for k in range(last.shape[0]):
            c = course.coefficients[rival, k]
            value += c if last[k] >= 0 else -c
        if value == 0.0 and course.tied[rival]:
            value = tie
        best = max(best, value)
    course.score[0] = best
    return same


@compiled(allocates=True)
def aim(
    course: Course,
    incumbent: Incumbent,
    best: float,
    targets: Signs,
    dice: Singles,
    steps: int,
    sweeps: int,
    tie: float,
) -> int:
    """Pursue targets one after the other, until a point is better than the incumbent.

    Args:
        course: the run.
        incumbent: where each begins.
        best: the incumbent's score.
        targets: (N, width) int8 for the last layer, 0 for none.
        dice: (N, neurons) float32 in [0, 1), for ties in (9).
        steps: most steps of a local search (9).
        sweeps: of the ascent for each target of (10).
        tie: see `judge`.

    Returns:
        How many were pursued in vain; fewer than N if the last point, which `course` has, is
        better.
    """
    tables, frame, dual = course.tables, course.frame, course.dual
    wanted = np.zeros(course.unstable.shape[0], dtype=np.bool_)
    count = len(targets)
    for number in range(count):
        target, own_dice = targets[number], dice[number]
        for layer in range(course.place.shape[0] - 3, -1, -1):
            here = slice(course.place[layer], course.place[layer + 1])
            below = incumbent.signs[here].copy()
            chase(
                tables, course.readers, layer,
                incumbent.halves[tables.place[layer] : tables.place[layer + 1]], below, target,
                course.free[here], incumbent.cost[here], own_dice[here], steps,
            )  # fmt: skip
            target = below
        for j in range(wanted.shape[0]):
            neuron = course.unstable[j]
            # a neuron without a target stays as it is
            sign = target[neuron] if target[neuron] != 0 else incumbent.signs[neuron]
            wanted[j] = sign != course.sign[j]
        load(frame, dual, incumbent.toggled, incumbent.u, incumbent.z)
        pursue(frame, dual, wanted, sweeps, F32(ROOM))
        same = judge(course, tie)
        if course.score[0] <= best and not same:
            settle_all(frame, dual, MEND_SWEEPS, F32(FINE))
            judge(course, tie)
        if course.score[0] > best:
            return number
    return count
