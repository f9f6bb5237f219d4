"""Simulated annealing over intended toggles: the compiled part, which goes on where it was left."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.arrays import Integers, Signs
from signflip.compiled import compiled
from signflip.patterns.space import Flips
from signflip.walk.dual import (
    LEAST_FREE,
    Dual,
    Frame,
    Singles,
    along,
    along_without,
    drop_idle,
    try_toggle,
    value_of,
)
from signflip.walk.tables import Tables, Wires, copy, energy, propagate

F32 = np.float32
DICE = 5
"""Random numbers of a move: neuron, whether to swap, the other neuron, the gate's, Metropolis'."""
MOST_ROOM = 1.2
"""No toggle is tried whose estimate of room is above this, in units of R / 2."""
FIRST_BIN, BINS_PER_UNIT = 0.6, 20
BINS = 12
"""The gate learns from this estimate on, in bins of a twentieth."""

SOFT, BEST, HEAT, VALUE = range(4)
"""Entries of `Walk.numbers`: softened objective, best true one, temperature, dual value."""


class Walk(NamedTuple):
    """Where a walk stands, m neurons that move; the halved sums and the dual beside it."""

    first: Integers  # (m + 1,) where the neurons begin that toggle with each, itself among them
    unstable: Integers  # (m or more,) their places in the first layer
    sign: Signs  # (m or more,) at the centre
    members: npt.NDArray[np.int64]  # (m,) the toggled neurons, the first `toggles`
    place: npt.NDArray[np.int64]  # (m,) where in `members`, or -1
    toggles: npt.NDArray[np.int64]  # (1,)
    numbers: npt.NDArray[np.float64]  # (4,)
    best: Flips  # (m,) toggles of the best true objective
    best_u: Singles
    best_z: Singles
    tried: npt.NDArray[np.float64]  # (BINS,) toggles that the gate let pass
    settled: npt.NDArray[np.float64]  # (BINS,) those of them that had room


class Schedule(NamedTuple):
    """The settings of one run."""

    cooling: float  # factor of the temperature at each move
    inverse: float  # one over the width of a softened sign
    swaps: float  # share of moves that take back another toggle
    sweeps: int  # of the ascent after a toggle
    room: float
    enough: float  # stop at the first true objective above this one and above the best so far


@compiled(inner=True)
def _room(frame: Frame, dual: Dual, walk: Walk, neuron: int, other: int) -> float:
    """What share of R / 2 the point would need after a toggle: an estimate from the dual."""
    value = F32(walk.numbers[VALUE])
    if other >= 0:
        u = dual.u[other]
        reached, free = along_without(frame, neuron, dual, other, -u)
        value -= F32(0.5) * u * frame.distance[other]
    else:
        reached = along(frame, neuron, dual.q)
        free = dual.free[0]
    lack = frame.distance[neuron] - reached
    if lack > F32(0.0):
        free = max(free, LEAST_FREE * F32(frame.total)) * frame.share[neuron]
        value += F32(0.5) * lack * lack / free
    return float(value) / (0.5 * frame.total)


@compiled(inner=True)
def _member(walk: Walk, neuron: int, joins: bool) -> None:
    """Keep the list of toggled neurons."""
    if joins:
        walk.members[walk.toggles[0]] = neuron
        walk.place[neuron] = walk.toggles[0]
        walk.toggles[0] += 1
    else:
        walk.toggles[0] -= 1
        last = walk.members[walk.toggles[0]]
        walk.members[walk.place[neuron]] = last
        walk.place[last] = walk.place[neuron]
        walk.place[neuron] = -1


@compiled(inner=True)
def _aim(walk: Walk, wires: Wires, slot: int, neuron: int, toggled: bool) -> int:
    """List a toggle of a neuron, which is `toggled` now, to be propagated; the next free slot."""
    for member in range(walk.first[neuron], walk.first[neuron + 1]):
        wires.turned[slot] = walk.unstable[member]
        wires.up[slot] = (walk.sign[member] > 0) == toggled
        slot += 1
    return slot


@compiled(inner=True)
def _objective(
    tables: Tables, wires: Wires, count: int, coefficients: Singles, inverse: np.float32
) -> tuple[np.float32, np.float32]:
    propagate(tables, wires, count)
    return energy(wires.trial[tables.place[-2] :], coefficients, inverse)


@compiled()
def spread(
    tables: Tables,
    wires: Wires,
    walk: Walk,
    dual: Dual,
    coefficients: Singles,
    inverse: float,
    dice: Singles,
) -> float:
    """Root mean square of the softened objective's change by a random toggle.

    Args:
        tables: the upper layers.
        wires: halved sums of the present pattern.
        walk: the walk.
        dual: its intentions.
        coefficients: (width,) float32 of the objective.
        inverse: one over the width of a softened sign.
        dice: (N,) float32 in [0, 1): which neurons to try.
    """
    now, _ = energy(wires.sums[tables.place[-2] :], coefficients, F32(inverse))
    total = 0.0
    for t in range(dice.shape[0]):
        neuron = int(dice[t] * walk.place.shape[0])
        count = _aim(walk, wires, 0, neuron, dual.toggled[neuron])
        soft, _ = _objective(tables, wires, count, coefficients, F32(inverse))
        total += (float(soft) - float(now)) ** 2
    return float(np.sqrt(total / max(1, dice.shape[0])))


@compiled()
def begin(
    tables: Tables, wires: Wires, walk: Walk, frame: Frame, dual: Dual, coefficients: Singles,
    inverse: float, base: npt.NDArray[np.int16],
) -> None:  # fmt: skip
    """Start a run at the dual's intentions; `base` are the halved sums of the centre's pattern."""
    copy(base, wires.sums)
    walk.toggles[0] = 0
    for neuron in range(walk.place.shape[0]):
        walk.place[neuron] = -1
    for neuron in range(dual.toggled.shape[0]):
        if dual.toggled[neuron]:
            _member(walk, neuron, True)
            propagate(tables, wires, _aim(walk, wires, 0, neuron, False))
            copy(wires.trial, wires.sums)
    soft, _ = energy(wires.sums[tables.place[-2] :], coefficients, F32(inverse))
    walk.numbers[SOFT] = soft
    walk.numbers[BEST] = -np.inf
    walk.numbers[VALUE] = value_of(frame, dual)


@compiled()
def anneal(
    tables: Tables,
    wires: Wires,
    walk: Walk,
    frame: Frame,
    dual: Dual,
    coefficients: Singles,
    schedule: Schedule,
    dice: Singles,
) -> int:
    """Make a move for each row of `dice` (moves, 5) float32; the number made.

    It ends early at the first true objective above `schedule.enough` and the best so far.
    """
    size = walk.place.shape[0]
    inverse, room = F32(schedule.inverse), F32(schedule.room)
    numbers = walk.numbers
    for move in range(dice.shape[0]):
        numbers[HEAT] *= schedule.cooling
        neuron = int(dice[move, 0] * size)
        other = -1
        bin_ = -1
        leaves = dual.toggled[neuron]
        if not leaves:
            if walk.toggles[0] > 0 and dice[move, 1] < schedule.swaps:
                other = walk.members[int(dice[move, 2] * walk.toggles[0])]
            takes = _room(frame, dual, walk, neuron, other)
            if takes > MOST_ROOM:
                continue
            bin_ = min(int((takes - FIRST_BIN) * BINS_PER_UNIT), BINS - 1)
            if takes >= FIRST_BIN and (
                dice[move, 3] * (walk.tried[bin_] + 1.0) > 2.0 * (walk.settled[bin_] + 1.0)
            ):
                continue
            if takes < FIRST_BIN:
                bin_ = -1
        count = _aim(walk, wires, 0, neuron, leaves)
        if other >= 0:
            count = _aim(walk, wires, count, other, True)
        soft, true = _objective(tables, wires, count, coefficients, inverse)
        change = float(soft) - numbers[SOFT]
        if change < 0.0 and dice[move, 4] >= np.exp(change / numbers[HEAT]):
            continue
        if bin_ >= 0:
            walk.tried[bin_] += 1.0
        if not try_toggle(frame, dual, neuron, other, schedule.sweeps, room):
            continue
        if bin_ >= 0:
            walk.settled[bin_] += 1.0
        drop_idle(dual)
        copy(wires.trial, wires.sums)
        _member(walk, neuron, not leaves)
        if other >= 0:
            _member(walk, other, False)
        numbers[SOFT] = soft
        numbers[VALUE] = value_of(frame, dual)
        if true > numbers[BEST]:
            numbers[BEST] = true
            copy(dual.toggled, walk.best)
            copy(dual.u, walk.best_u)
            copy(dual.z, walk.best_z)
            if true > schedule.enough:
                return move + 1
    return len(dice)
