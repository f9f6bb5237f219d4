"""Forms of a proof, in Numba: the joint bound of the search as the checker computes it.

The search picks curvatures and a diagonal; here they are rounded to the grid of proof files, the
diagonal is raised until the checker's rough factor shows that it dominates, and a bound that floats
have found is computed once more in the checker's whole numbers.
"""

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.curvature import rounded_root
from signflip.exact.frames import State
from signflip.exact.joint import CURVE_BITS, MOST_DROP, Doubles
from signflip.exact.products import Whole, gram
from signflip.exact.rows import Rows
from signflip.proof.joint import FACTOR, POINT

I16 = np.int16
I32 = np.int32
I64 = np.int64
Longs = npt.NDArray[np.int64]
BITS = 6
"""Of points: `POINT` is 2^BITS."""
RAISES = 4


@compiled()
def shown(diagonal: Doubles, products: Whole, count: int, factor: Longs) -> bool:
    """What the checker's `semidefinite` says of diag(D) - Q, but for turned signs of neurons."""
    largest = I64(1)
    for i in range(count):
        largest = max(largest, I64(diagonal[i]) - I64(products[i, i]))
    length = 0
    while largest >> length:
        length += 1
    scale = 2 * ((2 * FACTOR - length) // 2)
    spare = 2 * count * I64(np.sqrt(float(largest << scale)))
    for j in range(count):
        pivot = ((I64(diagonal[j]) - I64(products[j, j])) << scale) - spare
        for k in range(j):
            pivot -= factor[j, k] * factor[j, k]
        if pivot < 1:
            return False
        root = I64(np.sqrt(float(pivot)))
        factor[j, j] = root
        for i in range(j + 1, count):
            x = -(I64(products[i, j]) << scale)
            for k in range(j):
                x -= factor[i, k] * factor[j, k]
            factor[i, j] = x // root
    return True


@compiled(inner=True)
def round_form(frame: int, rival: int, latest: bool, rows: Rows, factor: Longs, s: State) -> bool:
    """Round what a frame has chosen for a rival; whether the checker will take it.

    Args:
        frame: it.
        rival: it.
        latest: whether the workspace still has the products of that choice.
        rows: of the rivals.
        factor: (N, N) scratch.
        s: the search.
    """
    first = s.next[frame]
    count = s.length[frame] - first
    live = s.live[frame, first:]
    curve, root = s.curve[frame, rival], s.root[frame, rival]
    shift = CURVE_BITS + 2 * BITS - rows.fraction
    width = curve.shape[0]
    largest = 0
    for k in range(width):
        if curve[k] > 0:
            b = rounded_root(int(rows.weight[rival, k]) << shift, int(curve[k]))
            if b > 32767:
                return False
            root[k] = I16(b)
            largest = max(largest, int(curve[k]) * b)
    drop = 0
    while (largest >> drop) + 1 > 32767:
        drop += 1
    w = s.workspace
    if not latest:
        for q in range(count):
            effect = rows.effect[rival, live[q]]
            for k in range(width):
                w.signs[q, k] = effect[k]
                w.curved[q, k] = I16(effect[k] * curve[k])
        gram(w.curved, w.signs, count, width, w.products)
    highest = 1.0
    for q in range(count):
        w.proved[q] = s.diagonal[frame, rival, live[q]]
        highest = max(highest, w.proved[q])
    # somewhat more than what the checker puts aside for the rounding of its factor
    more = np.ceil(8.0 * count * highest / 2.0**FACTOR) + 2
    good = False
    for _ in range(RAISES):
        for q in range(count):
            w.proved[q] += more
        if shown(w.proved, w.products, count, factor):
            good = True
            break
    for q in range(count):
        # as turned signs round otherwise
        s.diagonal[frame, rival, live[q]] = w.proved[q] + more
    s.drop[frame, rival] = drop
    s.bits[frame, rival] = BITS
    return good and drop <= MOST_DROP


@compiled(inner=True)
def confirmed(
    frame: int, rival: int, rows: Rows, need: int, scratch: tuple[Whole, Longs], s: State
) -> bool:
    """Whether the bound at the point in scratch is below the need, as the checker computes it."""
    slot, first = s.data[frame, rival], s.next[frame]
    live = s.live[frame, first : s.length[frame]]
    shift = CURVE_BITS + 2 * BITS - rows.fraction
    point, curve, weight = s.scratch.point, s.curve[slot, rival], rows.weight[rival]
    at, pull = scratch
    for k in range(curve.shape[0]):
        at[k] = I32(s.sums[frame, rival, k]) * I32(POINT)
    for q in range(live.shape[0]):
        step, row = I32(point[q]), rows.effect[rival, live[q]]
        for k in range(curve.shape[0]):
            at[k] += step * I32(row[k])
    total = I64(0)
    for k in range(curve.shape[0]):
        pull[k] = 0
        if I64(s.sums[frame, rival, k]) + I64(s.gain[frame, rival, k]) < 0:
            continue
        if at[k] >= 0 or curve[k] == 0:
            total += I64(weight[k]) << shift
        else:
            lift = max(I64(s.root[slot, rival, k]) + I64(at[k]), I64(0))
            total += I64(curve[k]) * lift * lift
            pull[k] = I64(curve[k]) * lift
    for q in range(live.shape[0]):
        p, row, force = I64(point[q]), rows.effect[rival, live[q]], I64(0)
        for k in range(curve.shape[0]):
            force += pull[k] * I64(row[k])
        d, rest = I64(s.diagonal[slot, rival, live[q]]), POINT - p
        total += max(d * p * p - 2 * force * p, d * rest * rest + 2 * force * rest)
    return bool(total < I64(need) << shift)
