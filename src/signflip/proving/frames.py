"""The cases of a hard proof over two hidden layers, in Numba: as the search over sets of flips.

A frame (`signflip.exact.sets`) is a case: its toggles, and the neurons that have left its list and
do not toggle. A neuron leaves the list with a case of its own, in which it toggles: a set that
geometry refuses closes that, or a frame of its own goes on there. What closes a frame is written
as soon as it is found.
"""

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.ahead import combine, place, refused_at_once, refused_with, value_with
from signflip.exact.cases import DONE, FULL, LEAF, PAUSE, minimal
from signflip.exact.frame_bounds import bounded_jointly, chosen, leading, reachable, sort
from signflip.exact.frames import Rules, State
from signflip.exact.geometry import Geometry
from signflip.exact.products import Whole
from signflip.exact.rows import Rows
from signflip.exact.sets import descend, lose, take
from signflip.proof.check import BOUND, BRANCH
from signflip.proving.forms import BITS, Longs, confirmed, round_form
from signflip.proving.halved import NONE, Halved, goes_on, halve
from signflip.proving.last import Last, cover, enter
from signflip.proving.writing import (
    Writer,
    hold,
    keep_base,
    let_go,
    put,
    put_base,
    put_joint,
    put_known,
    put_refused,
    put_with_base,
    toggled,
)


@compiled(inner=True)
def _try_ahead(frame: int, geometry: Geometry, rows: Rows, w: Writer, s: State) -> bool:
    """Take the neurons that geometry refuses from a new frame's list; whether there are any."""
    live = s.live[frame]
    kept = 0
    length = s.length[frame]
    need, base, scale = combine(frame, geometry, s.span)
    keep_base(base, w, s)
    written = False
    for q in range(length):
        j = int(live[q])
        dead = False
        if value_with(frame, j, geometry, s.span) > geometry.ask:
            before = w.place[0]
            if base > 0:
                multiplier = refused_at_once(frame, j, need, scale, geometry, s.span)
                if multiplier > 0:
                    if not written:
                        put_base(base, w)
                        written = True
                    put(BRANCH + toggled(j, w), w)
                    put_with_base(j, multiplier, w)
                    dead = True
            if not dead:
                put(BRANCH + toggled(j, w), w)
                dead = put_known(j, w)
            if not dead and refused_with(frame, j, geometry, s.span):
                count = s.span.active[frame] + 1
                size = minimal(geometry, s.span.factor, count, w.literals[0], w.literals[1])
                put_refused(size, w)
                dead = True
            if not dead:
                w.place[0] = before
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
def _closed(
    frame: int,
    rows: Rows,
    need: Longs,
    rules: Rules,
    points: npt.NDArray[np.uint8],
    scratch: tuple[Whole, Longs],
    w: Writer,
    s: State,
) -> bool:
    """Close a frame by its bounds, if those of all rivals that may still win are low enough."""
    first, size = s.next[frame], points.shape[1] - 1
    live = s.live[frame, first:]
    count = s.length[frame] - first
    some = False
    points[:, size] = 0
    for rival in range(need.shape[0]):
        if not s.hopeful[frame, rival]:
            continue
        if not s.due[frame, rival]:
            return False
        s.looked[frame, rival] = True
        weight = rows.weight[rival]
        s.gap[frame, rival] = 0.0
        s.passed[frame, rival] = 0.0
        if reachable(s.sums[frame, rival], s.gain[frame, rival], weight) < need[rival]:
            s.hopeful[frame, rival] = False
            continue
        slot = s.data[frame, rival]
        done, gap = False, 0.0
        if slot >= 0 and rules.least < count <= rules.most:
            done, gap = bounded_jointly(frame, rival, rows, need[rival], rules, s)
            done = done and confirmed(frame, rival, rows, need[rival], scratch, s)
        if not done:
            s.gap[frame, rival] = gap
            s.due[frame, rival] = False
            return False
        for q in range(count):
            points[rival, live[q]] = np.uint8(s.scratch.point[q])
        points[rival, size] = 1
        some = True
    if some:
        put_joint(frame, points, rows, w, s)
    else:
        put(BOUND, w)
    return True


@compiled(inner=True)
def _choose(frame: int, rows: Rows, rules: Rules, factor: Longs, w: Writer, s: State) -> bool:
    """Give a frame forms of its own where the search would choose; whether there are any."""
    if not chosen(frame, rows, rules, s):
        return False
    some = False
    latest = True
    for rival in range(s.hopeful.shape[1] - 1, -1, -1):
        latest = latest and s.data[frame, rival] >= 0
        # the search's own points are in finer steps
        if s.data[frame, rival] == frame and s.bits[frame, rival] != BITS:
            good = round_form(frame, rival, latest, rows, factor, s)
            latest = False
            s.data[frame, rival] = frame if good else -1
            w.form[frame, rival] = w.made[0]
            w.first[frame, rival] = s.next[frame]
            w.made[0] += 1
            some |= good
    return some


@compiled()
def advance_frames(
    geometry: Geometry,
    rows: Rows,
    need: Longs,
    rules: Rules,
    points: npt.NDArray[np.uint8],
    scratch: tuple[Whole, Longs, Longs],
    room: int,
    last: Last,
    h: Halved,
    w: Writer,
    s: State,
    budget: int,
) -> int:
    """Go on until all is covered, a full case is open, or `budget` frames were looked at.

    Args:
        geometry: of the problem.
        rows: of its second layer.
        need: (R,) worths that are to be out of reach.
        rules: that steer the search.
        points: (R, m + 1) scratch.
        scratch: (K,), (K,) and (N, N).
        room: bytes that a frame may write.
        last: the cases of the last neurons of the frame in hand.
        h: the frame that is halved.
        w: the steps.
        s: where it stands.
        budget: frames.
    """
    at, pull, factor = scratch
    for _ in range(budget):
        top = s.top[0]
        if top < w.least[0]:
            return DONE
        if w.place[0] + room > w.out.shape[0]:
            return FULL
        if last.level[0] >= 0:
            why = cover(top, geometry, rows, need, room, last, w, s)
            if why != DONE:
                return why
            leave(h, w, s)
        elif _closed(top, rows, need, rules, points, (at, pull), w, s):
            leave(h, w, s)
        elif s.next[top] == s.length[top]:
            return LEAF
        elif s.fresh[top]:
            s.fresh[top] = False
            place(top - 1, s.flip[top - 1], geometry, s.span)
            if _try_ahead(top, geometry, rows, w, s):
                s.due[top, :] = True
        elif s.length[top] - s.next[top] <= rules.bottom:
            enter(top, rows, last, s)
        elif _choose(top, rows, rules, factor, w, s):
            leader = leading(top, s)
            if s.data[top, leader] == top:
                sort(top, leader, geometry, rules, s)
        elif h.due[0] and h.frame[0] == NONE:
            halve(top, h, w, s)
        else:
            neuron = take(top, rows, rules, s)
            if s.next[top] == s.length[top]:
                s.due[top, :] = True
            put(BRANCH + toggled(neuron, w), w)
            if descend(top, neuron, rows, need, s):
                hold(neuron, w)
                s.top[0] = top + 1
                s.gap[top + 1, :] = 0.0
                s.passed[top + 1, :] = 0.0
            else:
                put(BOUND, w)
    return PAUSE


@compiled()
def leave(h: Halved, w: Writer, s: State) -> None:
    """Go on with what follows the frame that was closed: its other half, or the frame below."""
    if goes_on(h, s):
        return
    top = s.top[0] - 1
    s.top[0] = top
    if top >= 0:
        let_go(s.flip[top], w)
