"""The last neurons of a frame case by case, in Numba: each is quick, as nothing is chosen there."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.cases import DONE, FULL, LEAF, minimal
from signflip.exact.frame_bounds import reachable
from signflip.exact.frames import State
from signflip.exact.geometry import Geometry, extend, refused
from signflip.exact.products import Small, Whole
from signflip.exact.rows import Rows
from signflip.proof.check import BOUND, BRANCH
from signflip.proving.writing import (
    Longs,
    Writer,
    hold,
    let_go,
    put,
    put_known,
    put_refused,
    toggled,
)

I16, I32 = np.int16, np.int32


class Last(NamedTuple):
    """Where the cases of a frame's last neurons stand; room for B, of R rivals and K rows."""

    level: Longs  # (1,) neurons of the list that have a sign in the case in hand; -1 outside
    toggled: npt.NDArray[np.bool_]  # (B,)
    second: npt.NDArray[np.bool_]  # (B,) whether the opposite is closed
    sums: npt.NDArray[np.int16]  # (B + 1, R, K)
    at: Longs  # (B + 1,) which of these are of a level: where nothing toggles, those before
    gain: npt.NDArray[np.int16]  # (B + 1, R, K) what the neurons from here on can add
    hopeful: npt.NDArray[np.bool_]  # (B + 1, R) whether the rival may still win
    active: Longs  # (B + 1,) flips in the factor


def fresh_last(neurons: int, rivals: int, width: int) -> Last:
    """Room for so many neurons."""
    return Last(
        level=np.full(1, -1, dtype=np.int64),
        toggled=np.zeros(neurons, dtype=np.bool_),
        second=np.zeros(neurons, dtype=np.bool_),
        sums=np.zeros((neurons + 1, rivals, width), dtype=np.int16),
        at=np.zeros(neurons + 1, dtype=np.int64),
        gain=np.zeros((neurons + 1, rivals, width), dtype=np.int16),
        hopeful=np.zeros((neurons + 1, rivals), dtype=np.bool_),
        active=np.zeros(neurons + 1, dtype=np.int64),
    )


@compiled(inner=True)
def enter(frame: int, rows: Rows, last: Last, s: State) -> None:
    """Begin with what is left of a frame's list."""
    live = s.live[frame, s.next[frame] : s.length[frame]]
    count, width = live.shape[0], rows.effect.shape[2]
    for rival in range(rows.effect.shape[0]):
        last.hopeful[0, rival] = s.hopeful[frame, rival]
        if not s.hopeful[frame, rival]:
            continue
        sums, none = last.sums[0, rival], last.gain[count, rival]
        for k in range(width):
            sums[k] = s.sums[frame, rival, k]
            none[k] = I16(0)
        for q in range(count - 1, -1, -1):
            change, rest = rows.effect[rival, live[q]], last.gain[q + 1, rival]
            gain = last.gain[q, rival]
            for k in range(width):
                gain[k] = rest[k] + max(change[k], I16(0))
    last.active[0] = s.span.active[frame]
    last.level[0] = 0


@compiled(inner=True)
def _reachable_with(sums: Small, change: Small, gain: Small, weight: Whole, below: Small) -> int:
    """Write the sums with a change; `reachable` from there."""
    worth = I32(0)
    for k in range(sums.shape[0]):
        x = I16(sums[k] + change[k])
        below[k] = x
        worth = I32(worth + (weight[k] if I16(x + gain[k]) >= 0 else I32(0)))
    return int(worth)


@compiled(inner=True)
def _assume(
    frame: int, level: int, flips: bool, rows: Rows, need: Longs, last: Last, s: State
) -> bool:
    """Give the neuron at `level` a sign; whether any rival may win then, each row on its own."""
    neuron, here, below = s.live[frame, s.next[frame] + level], last.at[level], level + 1
    last.toggled[level] = flips
    last.second[level] = not flips
    last.active[below] = last.active[level]
    last.at[below] = below if flips else here
    last.level[0] = below
    hope = False
    for rival in range(need.shape[0]):
        last.hopeful[below, rival] = False
        if not last.hopeful[level, rival]:
            continue
        sums, gain, weight = last.sums[here, rival], last.gain[below, rival], rows.weight[rival]
        if flips:
            change, target = rows.effect[rival, neuron], last.sums[below, rival]
            worth = _reachable_with(sums, change, gain, weight, target)
        else:
            worth = reachable(sums, gain, weight)
        last.hopeful[below, rival] = worth >= need[rival]
        hope |= worth >= need[rival]
    return hope


@compiled(inner=True)
def _refuse(neuron: int, count: int, geometry: Geometry, w: Writer, s: State) -> bool:
    """Write that geometry refuses the case in hand, with its last toggle, if it does."""
    factor = s.span.factor
    if factor.value[count] <= geometry.ask:
        return False
    if put_known(neuron, w):
        return True
    if not refused(geometry, factor, count):
        return False
    put_refused(minimal(geometry, factor, count, w.literals[0], w.literals[1]), w)
    return True


@compiled()
def turn_last(frame: int, rows: Rows, need: Longs, last: Last, w: Writer, s: State) -> None:
    """Go on to what follows a case that was closed; outside, if that was the last one."""
    level = last.level[0]
    while level > 0:
        level -= 1
        if last.toggled[level]:
            let_go(s.live[frame, s.next[frame] + level], w)
        if not last.second[level]:
            if _assume(frame, level, False, rows, need, last, s):
                return
            put(BOUND, w)
    last.level[0] = -1


@compiled(inner=True)
def cover(
    frame: int,
    geometry: Geometry,
    rows: Rows,
    need: Longs,
    room: int,
    last: Last,
    w: Writer,
    s: State,
) -> int:
    """Go on until all is covered, a full case is open, or a step may have no room."""
    count = s.length[frame] - s.next[frame]
    while last.level[0] >= 0:
        level = last.level[0]
        if level == count:
            return LEAF
        if w.place[0] + room > w.out.shape[0]:
            return FULL
        neuron = s.live[frame, s.next[frame] + level]
        put(BRANCH + toggled(neuron, w), w)
        if not _assume(frame, level, True, rows, need, last, s):
            put(BOUND, w)
            turn_last(frame, rows, need, last, w, s)
            continue
        before = last.active[level]
        active = extend(geometry, s.span.factor, before, neuron)
        if active > before and _refuse(neuron, active, geometry, w, s):
            turn_last(frame, rows, need, last, w, s)
            continue
        last.active[level + 1] = active
        hold(neuron, w)
    return DONE
