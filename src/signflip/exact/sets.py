"""The depth-first search over sets of flips for hard problems, in Numba.

A frame holds a set F of flips and a list of the neurons that may join it. It tries to refute all
supersets of F within the list at once, by the joint bound. While that fails, it takes the first
neuron j out of the list, for good, and opens a frame for F and j with the rest of the list. So a
frame branches on the shortest prefix of its list after which the rest is refuted, and the order of
the list is free. Flips are tried ahead: a neuron that geometry refuses together with F is refused
with every superset, and leaves the list for the frame and all that it opens.

The curvatures of the joint bound are chosen anew where some decisions were made since, and serve
the frames below until these choose their own.
"""

import copy

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.ahead import combine, place, refused_at_once, refused_with, value_with
from signflip.exact.bottom import enter, walk, write_flips
from signflip.exact.frame_bounds import bounded, chosen, leading, reachable, sort
from signflip.exact.frames import Counts, Rules, State
from signflip.exact.geometry import Geometry
from signflip.exact.products import Small
from signflip.exact.rows import Rows

F32 = np.float32
I16 = np.int16


@compiled(inner=True)
def lose(gain: Small, change: Small) -> None:
    """Take what a neuron can add from what a list can."""
    for k in range(gain.shape[0]):
        gain[k] -= max(change[k], I16(0))


@compiled(inner=True)
def _try_ahead(frame: int, geometry: Geometry, rows: Rows, s: State) -> bool:
    """Take the neurons that geometry refuses from a new frame's list; whether there are any."""
    live = s.live[frame]
    kept = 0
    length = s.length[frame]
    need, _, scale = combine(frame, geometry, s.span)
    for q in range(length):
        j = live[q]
        dead = False
        if value_with(frame, j, geometry, s.span) > geometry.ask:
            s.tally[1] += 1
            dead = scale > 0.0 and refused_at_once(frame, j, need, scale, geometry, s.span) > 0
            s.tally[7] += 1 if dead else 0
            dead = dead or refused_with(frame, j, geometry, s.span)
            s.tally[2] += 1 if dead else 0
        if not dead:
            live[kept] = j
            kept += 1
            continue
        for rival in range(s.hopeful.shape[1]):
            if s.hopeful[frame, rival]:
                lose(s.gain[frame, rival], rows.effect[rival, j])
    s.length[frame] = kept
    return bool(kept < length)


@compiled(inner=True)
def take(frame: int, rows: Rows, rules: Rules, s: State) -> int:
    """Take the first neuron out of a frame's list: in what is left of the frame it is unflipped."""
    neuron = int(s.live[frame, s.next[frame]])
    s.next[frame] += 1
    for rival in range(s.hopeful.shape[1]):
        if not s.hopeful[frame, rival]:
            continue
        lose(s.gain[frame, rival], rows.effect[rival, neuron])
        slot = s.data[frame, rival]
        if slot >= 0:
            p = s.point[frame, rival, neuron]
            s.passed[frame, rival] += max(s.excess[slot, rival, neuron], F32(0)) * p * p
        s.age[frame, rival] += 1
        s.due[frame, rival] = s.passed[frame, rival] >= F32(rules.share) * s.gap[frame, rival]
    return neuron


@compiled(inner=True)
def _drop(frame: int, neuron: int, rows: Rows, s: State) -> None:
    """A neuron stays unflipped: it leaves the list; a frame that flipped it has none left."""
    for above in range(frame):
        if s.flip[above] == neuron:
            s.next[frame] = s.length[frame]
            for rival in range(s.hopeful.shape[1]):
                s.hopeful[frame, rival] = False
    live, end = s.live[frame], s.length[frame]
    for q in range(s.next[frame], end):
        if live[q] == neuron:
            for later in range(q, end - 1):
                live[later] = live[later + 1]
            s.length[frame] = end - 1
            for rival in range(s.hopeful.shape[1]):
                if s.hopeful[frame, rival]:
                    lose(s.gain[frame, rival], rows.effect[rival, neuron])
                    s.due[frame, rival] = True
            break


@compiled(inner=True)
def _drop_chain(frame: int, neuron: int, rows: Rows, s: State) -> None:
    """Where a neuron stays unflipped, those that flip only with it do, too."""
    other = rows.stronger[neuron]
    while other >= 0:
        _drop(frame, other, rows, s)
        other = rows.stronger[other]
    other = rows.twin[neuron]
    while other >= 0:
        _drop(frame, other, rows, s)
        other = rows.twin[other]


@compiled(inner=True)
def descend(frame: int, neuron: int, rows: Rows, need: Counts, s: State) -> bool:
    """Make the frame with one more flip; whether any rival may win there, each row on its own."""
    below = frame + 1
    hope = False
    for rival in range(need.shape[0]):
        s.hopeful[below, rival] = False
        if not s.hopeful[frame, rival]:
            continue
        sums, change = s.sums[below, rival], rows.effect[rival, neuron]
        above, gain = s.sums[frame, rival], s.gain[frame, rival]
        for k in range(sums.shape[0]):
            sums[k] = above[k] + change[k]
        if reachable(sums, gain, rows.weight[rival]) < need[rival]:
            continue
        hope = True
        s.hopeful[below, rival] = True
        s.due[below, rival] = True
        gain_below = s.gain[below, rival]
        for k in range(gain.shape[0]):
            gain_below[k] = gain[k]
        for j in range(s.point.shape[2]):
            s.point[below, rival, j] = s.point[frame, rival, j]
        s.data[below, rival] = s.data[frame, rival]
        s.age[below, rival] = s.age[frame, rival] + 2
    if hope:
        first, end = s.next[frame], s.length[frame]
        s.next[below] = 0
        s.length[below] = end - first
        for q in range(first, end):
            s.live[below, q - first] = s.live[frame, q]
        s.flip[frame] = neuron
        s.fresh[below] = True
    return hope


@compiled(inner=True)
def _write_leaf(top: int, s: State, leaf: npt.NDArray[np.bool_]) -> None:
    for j in range(leaf.shape[0]):
        leaf[j] = False
    for frame in range(top):
        leaf[s.flip[frame]] = True


@compiled()
def advance_sets(
    geometry: Geometry,
    rows: Rows,
    need: Counts,
    rules: Rules,
    s: State,
    leaves: npt.NDArray[np.bool_],
    budget: int,
) -> int:
    """Search on until `budget` visits are made, `leaves` is full, or all is searched.

    Returns the number of leaves found; `state.top[0]` is -1 when all is searched.
    """
    found = 0
    top = s.top[0]
    end = s.tally[0] + budget
    while top >= 0 and s.tally[0] < end and found < leaves.shape[0]:
        live = s.live[top, s.next[top] : s.length[top]]
        count = live.shape[0]
        if s.bottom.level[0] >= 0:
            left = end - s.tally[0]
            if walk(geometry, rows.effect, live, need, s.span.factor, s.bottom, left, s.tally):
                _write_leaf(top, s, leaves[found])
                write_flips(live, s.bottom, leaves[found])
                found += 1
            if s.bottom.level[0] < 0:
                top -= 1
            continue
        if count == 0:
            s.tally[0] += 1
            for rival in range(need.shape[0]):
                if s.hopeful[top, rival] and (
                    reachable(s.sums[top, rival], s.gain[top, rival], rows.weight[rival])
                    >= need[rival]
                ):
                    _write_leaf(top, s, leaves[found])
                    found += 1
                    break
            top -= 1
            continue
        if not bounded(top, rows, need, rules, s):
            top -= 1
        elif s.fresh[top]:
            s.fresh[top] = False
            place(top - 1, s.flip[top - 1], geometry, s.span)
            if _try_ahead(top, geometry, rows, s):
                for rival in range(need.shape[0]):
                    s.due[top, rival] = True
        elif rows.blocks and count <= rules.bottom:
            s.tally[0] += 1
            sums, hopeful = s.sums[top], s.hopeful[top]
            if not enter(rows, sums, hopeful, live, need, s.span.active[top], s.bottom):
                top -= 1
        elif chosen(top, rows, rules, s):
            leader = leading(top, s)
            if s.data[top, leader] == top:
                sort(top, leader, geometry, rules, s)
        else:
            s.tally[0] += 1
            neuron = take(top, rows, rules, s)
            below = descend(top, neuron, rows, need, s)
            _drop_chain(top, neuron, rows, s)
            top += 1 if below else 0
    s.top[0] = top
    s.tally[3] += found
    return found


def split_sets(state: State) -> State | None:
    """Move the rest of the lowest frame's list to a new state; None if only the top has any."""
    for frame in range(int(state.top[0])):
        if state.next[frame] < state.length[frame]:
            given = copy.deepcopy(state)
            given.top[0] = frame
            given.bottom.level[0] = -1
            given.tally[:] = 0
            _close(given, slice(0, frame))
            _close(state, slice(frame, frame + 1))
            return given
    return None


def _close(state: State, frames: slice) -> None:
    """Leave nothing to do in these frames; they are the path to others."""
    state.next[frames] = state.length[frames]
    state.hopeful[frames] = False
