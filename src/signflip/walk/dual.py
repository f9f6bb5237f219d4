"""A point of the box that has the intended toggles, kept by a running dual ascent.

In units of the largest radius the box is |q_i| <= r_i around its centre; unstable neuron j toggles
where D_j . q >= d_j. F is the set of *intended* toggles. Multipliers u >= 0 give

    z = sum_F u_j D_j - sum_not F u_j D_j,        q = r clip(z, -1, 1),

the point that is best for min sum_i q_i^2 / (2 r_i), with dual value

    g(u) = sum_F u_j d_j - sum_not F u_j d_j - sum_i r_i psi(z_i),
    psi(z) = z^2 / 2 for |z| <= 1, |z| - 1/2 beyond.

That minimum is at most R / 2, R = sum_i r_i, wherever there is a point at all. Neurons outside F
get a multiplier only when they are found on the wrong side. Everything here is in float32 and
proves nothing: an image counts once it has been replayed. `patterns.ascent` does the same for one
pattern, from nothing, in float64.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Signs
from signflip.blas import quiet
from signflip.compiled import compiled
from signflip.patterns.space import Flips, PatternSpace
from signflip.walk.tables import copy

F32 = np.float32
Singles = npt.NDArray[np.float32]

MARGIN = F32(0.01)
"""Distance that a point keeps from each threshold, in units of the largest radius."""
LEAST_FREE = F32(0.02)
"""A step takes at least this share of the radii to be free to move."""
ROOM, FINE = 1.0, 0.1
"""How far beyond its margin a neuron is moved, in the same unit: while walking, and at the end."""
_ROUNDS = 3
"""Of `settle_all`: sweeps over the neurons with a multiplier for each one over all."""


class Frame(NamedTuple):
    """The geometry of one problem: m unstable neurons, n pixels that can move."""

    rows: npt.NDArray[np.int8]  # (m, n) D
    distance: Singles  # (m,) d
    share: Singles  # (m,) share of R that the neuron reads
    radius: Singles  # (n,) r
    total: float  # R


class Dual(NamedTuple):
    """The intended toggles, the multipliers and their point."""

    toggled: Flips  # (m,) F
    u: Singles  # (m,)
    z: Singles  # (n,)
    q: Singles  # (n,)
    free: Singles  # (1,) sum of the r_i with |z_i| <= 1
    active: npt.NDArray[np.int64]  # (m,) neurons that are kept on their side, the first `kept`
    place: npt.NDArray[np.int64]  # (m,) where in `active`, or -1
    kept: npt.NDArray[np.int64]  # (1,)
    saved_u: Singles
    saved_z: Singles
    saved_q: Singles


def frame_of(space: PatternSpace) -> Frame:
    """The frame of a pattern space."""
    movable = np.flatnonzero(space.radius > 0)
    unit = float(space.radius.max())
    radius = space.radius[movable] / unit
    rows = space.directions
    if len(movable) < len(space.radius):
        rows = np.ascontiguousarray(rows[:, movable])
    total = float(radius.sum())
    with np.errstate(over="ignore"):  # in boxes of denormal size
        distance = (space.distance + space.reluctance) / 2 / unit
    # beyond the reach of the box nothing is to be told apart
    distance = np.clip(distance, -total - 1, total + 1)
    return Frame(
        rows=rows,
        distance=distance.astype(F32),
        share=_shares(rows, radius) / F32(total),
        radius=radius.astype(F32),
        total=total,
    )


def _shares(rows: Signs, radius: Floats) -> Singles:
    """(m,) float32: the sum of the radii that each neuron reads."""
    if rows.all():
        return np.full(len(rows), radius.sum(), dtype=F32)
    with quiet():
        shares: Singles = np.abs(rows) @ radius.astype(F32)
    return shares


def fresh_dual(frame: Frame) -> Dual:
    """No toggles, at the centre."""
    size, pixels = frame.rows.shape
    return Dual(
        toggled=np.zeros(size, dtype=np.bool_),
        u=np.zeros(size, dtype=F32),
        z=np.zeros(pixels, dtype=F32),
        q=np.zeros(pixels, dtype=F32),
        free=np.full(1, frame.total, dtype=F32),
        active=np.zeros(size, dtype=np.int64),
        place=np.full(size, -1, dtype=np.int64),
        kept=np.zeros(1, dtype=np.int64),
        saved_u=np.zeros(size, dtype=F32),
        saved_z=np.zeros(pixels, dtype=F32),
        saved_q=np.zeros(pixels, dtype=F32),
    )


def image_of(space: PatternSpace, dual: Dual) -> Floats:
    """The image (inputs,) float64 of the dual's point, or one of the region near to it."""
    image = space.centre.copy()
    movable = space.radius > 0
    image[movable] += space.radius[movable] * np.clip(dual.z.astype(np.float64), -1, 1)
    return space.problem.region.project(image)


@compiled(fastmath=True, inner=True)
def along(frame: Frame, neuron: int, q: Singles) -> np.float32:
    """D_j . q."""
    row = frame.rows[neuron]
    value = F32(0.0)
    for i in range(q.shape[0]):
        value += F32(row[i]) * q[i]
    return value


@compiled(fastmath=True, inner=True)
def along_without(
    frame: Frame, neuron: int, dual: Dual, other: int, change: np.float32
) -> tuple[np.float32, np.float32]:
    """D_j . q and the free radii, were z moved by `change` times the other's direction."""
    row, moved = frame.rows[neuron], frame.rows[other]
    value = F32(0.0)
    free = F32(0.0)
    for i in range(dual.z.shape[0]):
        z = dual.z[i] + change * F32(moved[i])
        clipped = min(max(z, F32(-1.0)), F32(1.0))
        value += F32(row[i]) * (frame.radius[i] * clipped)
        free += frame.radius[i] if clipped == z else F32(0.0)
    return value, free


@compiled(fastmath=True, inner=True)
def shift(frame: Frame, dual: Dual, neuron: int, change: np.float32) -> None:
    """Move z by `change` times the neuron's direction; q and the free radii follow."""
    row = frame.rows[neuron]
    free = F32(0.0)
    for i in range(dual.z.shape[0]):
        z = dual.z[i] + change * F32(row[i])
        dual.z[i] = z
        clipped = min(max(z, F32(-1.0)), F32(1.0))
        dual.q[i] = clipped * frame.radius[i]
        free += frame.radius[i] if clipped == z else F32(0.0)
    dual.free[0] = free


@compiled(fastmath=True)
def value_of(frame: Frame, dual: Dual) -> np.float32:
    """g(u)."""
    value = F32(0.0)
    for t in range(dual.kept[0]):
        j = dual.active[t]
        need = dual.u[j] * frame.distance[j]
        value += need if dual.toggled[j] else -need
    for i in range(dual.z.shape[0]):
        size = abs(dual.z[i])
        half = size * size * F32(0.5) if size < F32(1.0) else size - F32(0.5)
        value -= frame.radius[i] * half
    return value


@compiled(fastmath=True, inner=True)
def _hopeless(frame: Frame, dual: Dual) -> bool:
    """Whether the multipliers say that no point has the intended toggles (Farkas' lemma)."""
    demand = F32(0.0)
    for t in range(dual.kept[0]):
        j = dual.active[t]
        need = dual.u[j] * frame.distance[j]
        demand += need if dual.toggled[j] else -need
    supply = F32(0.0)
    for i in range(dual.z.shape[0]):
        supply += frame.radius[i] * abs(dual.z[i])
    return bool(demand > supply)


@compiled(fastmath=True, inner=True)
def _visit(frame: Frame, dual: Dual, neuron: int, room: np.float32) -> bool:
    """One step of the ascent, in u_j; whether the neuron was settled before."""
    side = F32(1.0) if dual.toggled[neuron] else F32(-1.0)
    lack = side * (frame.distance[neuron] - along(frame, neuron, dual.q)) + MARGIN
    before = dual.u[neuron]
    # on its side, and not held back there for nothing
    if lack <= F32(0.0) and (before == F32(0.0) or lack >= F32(-2.0) * room):
        return True
    least = LEAST_FREE * F32(frame.total)
    after = max(F32(0.0), before + (lack + room) / (max(dual.free[0], least) * frame.share[neuron]))
    if after == before:
        return True
    dual.u[neuron] = after
    shift(frame, dual, neuron, side * (after - before))
    return False


@compiled()
def include(dual: Dual, neuron: int) -> None:
    """Keep the neuron on its side from now on."""
    if dual.place[neuron] < 0:
        dual.active[dual.kept[0]] = neuron
        dual.place[neuron] = dual.kept[0]
        dual.kept[0] += 1


@compiled(inner=True)
def drop_idle(dual: Dual) -> None:
    """Take neurons that are not toggled and have no multiplier from the active ones."""
    t = 0
    while t < dual.kept[0]:
        j = dual.active[t]
        if dual.toggled[j] or dual.u[j] > F32(0.0):
            t += 1
            continue
        last = dual.active[dual.kept[0] - 1]
        dual.active[t] = last
        dual.place[last] = t
        dual.place[j] = -1
        dual.kept[0] -= 1


@compiled()
def toggle(frame: Frame, dual: Dual, neuron: int) -> None:
    """Change the intention for one neuron, and take its multiplier back."""
    u = dual.u[neuron]
    if u != F32(0.0):
        shift(frame, dual, neuron, -u if dual.toggled[neuron] else u)
        dual.u[neuron] = F32(0.0)
    dual.toggled[neuron] = not dual.toggled[neuron]


@compiled(inner=True)
def settle(frame: Frame, dual: Dual, first: int, sweeps: int, room: np.float32) -> bool:
    """Ascent over the active neurons, `first` before all (-1 for none); whether all are settled."""
    if first >= 0:
        _visit(frame, dual, first, room)
    for _ in range(sweeps):
        settled = True
        for t in range(dual.kept[0]):
            settled &= _visit(frame, dual, dual.active[t], room)
        if settled:
            return True
        if _hopeless(frame, dual):
            return False
    return False


@compiled()
def settle_all(frame: Frame, dual: Dual, sweeps: int, room: np.float32) -> bool:
    """Ascent over all unstable neurons, not the active ones only; whether all are settled."""
    for _ in range(sweeps):
        settled = True
        for j in range(frame.rows.shape[0]):
            if not _visit(frame, dual, j, room):
                settled = False
                include(dual, j)
        if settled:
            return True
        settle(frame, dual, -1, _ROUNDS, room)
    return False


@compiled(inner=True)
def save(dual: Dual) -> None:
    """Note the multipliers and the point."""
    copy(dual.u, dual.saved_u)
    copy(dual.z, dual.saved_z)
    copy(dual.q, dual.saved_q)


@compiled(inner=True)
def restore(dual: Dual) -> None:
    """Go back to what was noted; the intentions and the free radii are the caller's."""
    copy(dual.saved_u, dual.u)
    copy(dual.saved_z, dual.z)
    copy(dual.saved_q, dual.q)


@compiled()
def load(frame: Frame, dual: Dual, toggled: Flips, u: Singles, z: Singles) -> None:
    """Take over intentions, multipliers and z."""
    copy(toggled, dual.toggled)
    copy(u, dual.u)
    copy(z, dual.z)
    dual.kept[0] = 0
    for j in range(toggled.shape[0]):
        dual.place[j] = -1
    for j in range(toggled.shape[0]):
        if toggled[j] or u[j] > F32(0.0):
            include(dual, j)
    if toggled.shape[0] > 0:
        shift(frame, dual, 0, F32(0.0))


@compiled(allocates=True)
def pursue(frame: Frame, dual: Dual, wanted: Flips, sweeps: int, room: np.float32) -> int:
    """Change the intentions towards `wanted` (m,) as far as there is room; how many are left out.

    Toggles that are not wanted are taken back. The wanted ones come one by one, the one that takes
    the least room first, `lack^2 / (2 free)`; one that does not settle is left out, and one beyond
    `ENOUGH_ROOM` ends it.
    """
    size = wanted.shape[0]
    for j in range(size):
        if dual.toggled[j] and not wanted[j]:
            toggle(frame, dual, j)
    settle(frame, dual, -1, sweeps, room)
    drop_idle(dual)
    todo = np.empty(size, dtype=np.int64)
    count = 0
    for j in range(size):
        if wanted[j] and not dual.toggled[j]:
            todo[count] = j
            count += 1
    out = 0
    limit = ENOUGH_ROOM * F32(0.5) * F32(frame.total)
    value = value_of(frame, dual)
    while count > 0:
        best = 0
        least = F32(np.inf)
        free = max(dual.free[0], LEAST_FREE * F32(frame.total))
        for t in range(count):
            j = todo[t]
            lack = max(F32(0.0), frame.distance[j] - along(frame, j, dual.q))
            takes = F32(0.5) * lack * lack / (free * frame.share[j])
            if takes < least:
                least = takes
                best = t
        if value + least > limit:
            return out + count
        j = todo[best]
        count -= 1
        todo[best] = todo[count]
        if try_toggle(frame, dual, j, -1, sweeps, room):
            value = value_of(frame, dual)
        else:
            out += 1
    return out


ENOUGH_ROOM = F32(1.0)
"""Of `pursue`, in units of R / 2."""


@compiled()
def try_toggle(
    frame: Frame, dual: Dual, neuron: int, other: int, sweeps: int, room: np.float32
) -> bool:
    """Toggle a neuron, and another if it is not -1, and settle; else leave all as it was."""
    free, count = dual.free[0], dual.kept[0]
    held = dual.place[neuron] >= 0
    save(dual)
    if other >= 0:
        toggle(frame, dual, other)
    toggle(frame, dual, neuron)
    include(dual, neuron)
    if settle(frame, dual, neuron, sweeps, room):
        return True
    dual.toggled[neuron] = not dual.toggled[neuron]
    if other >= 0:
        dual.toggled[other] = not dual.toggled[other]
    restore(dual)
    dual.free[0] = free
    if not held:
        dual.kept[0] = count
        dual.place[neuron] = -1
    return False
