"""What a frame of the search over sets is bounded by, and how that orders its list, in Numba."""

import numpy as np

from signflip.compiled import compiled
from signflip.exact.ahead import value_with
from signflip.exact.curvature import COLD_ROUNDS, choose
from signflip.exact.frames import Counts, Rules, State
from signflip.exact.geometry import Geometry
from signflip.exact.joint import joint
from signflip.exact.products import Small, Whole
from signflip.exact.rows import Rows

F32 = np.float32
I16 = np.int16
I32 = np.int32
I64 = np.int64


@compiled(inner=True)
def reachable(sums: Small, gain: Small, weight: Whole) -> int:
    """What the rows are worth that can be useful, each on its own."""
    worth = I64(0)
    for k in range(sums.shape[0]):
        worth += weight[k] if I16(sums[k] + gain[k]) >= 0 else I32(0)
    return int(worth)


@compiled(inner=True)
def bounded_jointly(
    frame: int, rival: int, rows: Rows, need: int, rules: Rules, s: State
) -> tuple[bool, float]:
    """The joint bound of a frame and a rival that has curvatures, as `joint` returns it."""
    first, slot = s.next[frame], s.data[frame, rival]
    return joint(
        s.sums[frame, rival],
        s.gain[frame, rival],
        rows.effect[rival],
        rows.weight[rival],
        rows.fraction,
        s.curve[slot, rival],
        s.root[slot, rival],
        s.diagonal[slot, rival],
        s.drop[slot, rival],
        s.bits[slot, rival],
        s.live[frame, first:],
        s.length[frame] - first,
        need,
        rules.steps,
        s.point[frame, rival],
        s.scratch,
    )


@compiled(inner=True)
def bounded(frame: int, rows: Rows, need: Counts, rules: Rules, s: State) -> bool:
    """Bound the rivals of a frame that are due; whether any may still win."""
    first = s.next[frame]
    count = s.length[frame] - first
    hope = False
    for rival in range(need.shape[0]):
        if not s.hopeful[frame, rival]:
            continue
        if s.due[frame, rival]:
            s.due[frame, rival] = False
            s.looked[frame, rival] = True
            s.tally[0] += 1
            sums, gain, weight = s.sums[frame, rival], s.gain[frame, rival], rows.weight[rival]
            done = reachable(sums, gain, weight) < need[rival]
            gap = 0.0
            slot = s.data[frame, rival]
            if not done and slot >= 0 and rules.least < count <= rules.most:
                s.tally[4] += 1
                done, gap = bounded_jointly(frame, rival, rows, need[rival], rules, s)
                s.tally[5] += 1 if done else 0
            s.gap[frame, rival] = gap
            s.passed[frame, rival] = F32(0)
            s.hopeful[frame, rival] = not done
        hope |= s.hopeful[frame, rival]
    return hope


@compiled(inner=True)
def chosen(frame: int, rows: Rows, rules: Rules, s: State) -> bool:
    """Give a frame curvatures of its own where it has been bounded and they are old."""
    first = s.next[frame]
    count = s.length[frame] - first
    if not rules.least < count <= rules.most or frame >= s.mu.shape[0]:
        return False
    some = False
    for rival in range(s.hopeful.shape[1]):
        old = s.data[frame, rival]
        again = (
            count >= rules.fresh
            and s.gap[frame, rival] >= rules.near
            and s.age[frame, rival] >= rules.age
        )
        wanted = s.looked[frame, rival] and (old < 0 or again)
        s.looked[frame, rival] = False
        if not (wanted and s.hopeful[frame, rival]):
            continue
        s.tally[6] += 1
        warm = max(old, 0)
        proved, drop, bits = choose(
            s.sums[frame, rival],
            s.gain[frame, rival],
            rows.effect[rival],
            rows.weight[rival],
            rows.fraction,
            s.live[frame, first:],
            count,
            COLD_ROUNDS if old < 0 else rules.rounds,
            rules.sweeps,
            old < 0,
            s.mu[warm, rival],
            s.variance[warm, rival],
            s.vectors[warm, rival],
            s.mu[frame, rival],
            s.variance[frame, rival],
            s.vectors[frame, rival],
            s.curve[frame, rival],
            s.root[frame, rival],
            s.diagonal[frame, rival],
            s.excess[frame, rival],
            s.point[frame, rival],
            s.workspace,
        )
        s.drop[frame, rival] = drop
        s.bits[frame, rival] = bits
        s.data[frame, rival] = frame if proved else -1
        s.age[frame, rival] = 0
        s.due[frame, rival] = proved
        some |= proved
    return some


@compiled(inner=True)
def leading(frame: int, s: State) -> int:
    """The rival whose bound is farthest from the need."""
    leader = 0
    largest = F32(-1)
    for rival in range(s.hopeful.shape[1]):
        if s.hopeful[frame, rival] and s.gap[frame, rival] > largest:
            largest = s.gap[frame, rival]
            leader = rival
    return leader


@compiled(inner=True)
def sort(frame: int, rival: int, geometry: Geometry, rules: Rules, s: State) -> None:
    """Sort what is left of a list: first the neurons whose decision lowers (J) most, either way.

    D_j - Q_jj times p_j^2 or (1 - p_j)^2 is what (J) falls by to second order at the best p. A flip
    also takes of the ellipsoid's budget, and so brings refusals.
    """
    slot = s.data[frame, rival]
    first, end = s.next[frame], s.length[frame]
    live = s.live[frame]
    now = s.span.factor.value[s.span.active[frame]]
    left = max(geometry.gate - now, 1e-9 * geometry.gate)
    for q in range(first, end):
        j = live[q]
        p = float(s.point[frame, rival, j])
        excess = max(float(s.excess[slot, rival, j]), 1e-4)
        taken = max(value_with(frame, j, geometry, s.span) - now, 0.0) / left
        stays = excess * p * p
        flips = excess * (1 - p) * (1 - p) + rules.budget * min(taken, 1.0)
        score = stays * flips
        i = q
        while i > first and s.score[i - 1] < score:
            s.score[i] = s.score[i - 1]
            live[i] = live[i - 1]
            i -= 1
        s.score[i] = score
        live[i] = j
