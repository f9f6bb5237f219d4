"""Curvatures and diagonals for the joint bound, chosen at a node by a cheap semidefinite program.

The best curvature of a row whose sum has mean -t and variance S under a random set of flips is
1 / (t + S / t)^2 (Cantelli's inequality). The variances come from the dual of the best D, a
relaxation of a maximum cut, which the mixing method solves (Wang, Chang, Kolter, arXiv 1706.00476):
a unit vector each neuron, each in turn set against the sum of the others. Nothing of this is
trusted: what is chosen is rounded to integers, and D is tested against the rounded curvatures.
"""

from typing import NamedTuple

import numpy as np

from signflip.compiled import compiled
from signflip.exact.joint import (
    CURVE_BITS,
    MOST_CURVE,
    MOST_DIAGONAL,
    MOST_DROP,
    Doubles,
    Reals,
    dominates,
    half_way,
    point_bits,
)
from signflip.exact.products import Indices, Small, Whole, gram
from signflip.exact.vectors import LANES, turned

F32 = np.float32
I16 = np.int16
I32 = np.int32
I64 = np.int64
RANK = LANES
"""Entries of a neuron's vector."""
COLD_ROUNDS = 30
LEAST_THRESHOLD = 0.5
LEAST_MEAN = -1.5
"""A row whose sum is this far above 0 in the mean counts as useful."""
LEAST_SPREAD = 0.12
"""Of a neuron: sqrt(p (1 - p)) is raised to it."""
COLD_VARIANCE = 0.4
LEAST_DIAGONAL = F32(1e-6)
LEAST_RAISE = 1e-3
RAISE = 2.5
"""D is raised by at least so much of its mean, and by so many times that until the test holds."""


class Workspace(NamedTuple):
    """What `choose` writes to on its way; N neurons at most, K rows, the first of them in use.

    K is a multiple of `LANES`, and effects are 0 from the last row in use to the next multiple.
    """

    kept: Indices  # (K,) rows that may yet become useful, and are not for certain
    signs: Small  # (N, K) effects on the kept rows
    curved: Small  # (N, K) these times the curvature
    effect: Reals  # (N, K)
    curve: Small  # (K,)
    threshold: Reals  # (K,) t
    mu: Reals  # (K,)
    variance: Reals  # (K,) S
    pull: Reals  # (K,)
    along: Reals  # (2, K)
    products: Whole  # (N, N) Q
    scaled: Reals  # (N, N) Q under the neurons' spreads, but for its diagonal
    own: Reals  # (N,) that diagonal
    vectors: Reals  # (N, RANK)
    spread: Reals  # (N,)
    diagonal: Reals  # (N,) D under the spreads
    point: Reals  # (N,)
    factor: Doubles  # (N, N)
    proved: Doubles  # (N,)
    share: Doubles  # (1,) by which D was last raised
    cold: Reals  # (N, RANK) unit vectors to start from


def fresh_workspace(size: int, width: int) -> Workspace:
    """A workspace for up to `size` neurons and `width` rows."""
    cold = np.random.default_rng(0).standard_normal((RANK, size)).T
    width = -(-width // LANES) * LANES
    return Workspace(
        kept=np.zeros(width, dtype=np.int32),
        signs=np.zeros((size, width), dtype=np.int16),
        curved=np.zeros((size, width), dtype=np.int16),
        effect=np.zeros((size, width), dtype=np.float32),
        curve=np.zeros(width, dtype=np.int16),
        threshold=np.zeros(width, dtype=np.float32),
        mu=np.zeros(width, dtype=np.float32),
        variance=np.zeros(width, dtype=np.float32),
        pull=np.zeros(width, dtype=np.float32),
        along=np.zeros((2, width), dtype=np.float32),
        products=np.zeros((size, size), dtype=np.int32),
        scaled=np.zeros((size, size), dtype=np.float32),
        own=np.zeros(size, dtype=np.float32),
        vectors=np.zeros((size, RANK), dtype=np.float32),
        spread=np.zeros(size, dtype=np.float32),
        diagonal=np.zeros(size, dtype=np.float32),
        point=np.zeros(size, dtype=np.float32),
        factor=np.zeros((size, size)),
        proved=np.zeros(size),
        share=np.zeros(1),
        cold=np.ascontiguousarray(cold / np.linalg.norm(cold, axis=1)[:, None], dtype=np.float32),
    )


FAST = {"reassoc", "contract", "nsz"}


@compiled(inner=True)
def _padded(width: int) -> int:
    return (width + LANES - 1) // LANES * LANES


@compiled(inner=True)
def _load(
    sums: Small,
    gain: Small,
    effect: Small,
    live: Indices,
    count: int,
    old_mu: Reals,
    old_variance: Reals,
    old_vectors: Reals,
    point: Reals,
    cold: bool,
    w: Workspace,
) -> int:
    """Pack the rows that matter and the live neurons; return the number of rows."""
    width = 0
    for k in range(sums.shape[0]):
        if I32(sums[k]) + I32(gain[k]) >= 0 and sums[k] < count:
            w.kept[width] = k
            w.mu[width] = F32(0) if cold else old_mu[k]
            w.variance[width] = F32(COLD_VARIANCE * count) if cold else old_variance[k]
            width += 1
    for q in range(count):
        j = live[q]
        row = effect[j]
        for i in range(width):
            w.signs[q, i] = row[w.kept[i]]
        for i in range(width, _padded(width)):
            w.signs[q, i] = w.curved[q, i] = I16(0)
        for i in range(width):
            w.effect[q, i] = F32(w.signs[q, i])
        w.point[q] = point[j]
        for a in range(RANK):
            w.vectors[q, a] = w.cold[q, a] if cold else old_vectors[j, a]
    return width


@compiled(inner=True, fastmath=FAST)
def _thresholds(sums: Small, count: int, width: int, w: Workspace) -> None:
    """t: how far each row's sum is below 0 at the point."""
    t = w.threshold
    for i in range(width):
        t[i] = -F32(sums[w.kept[i]])
    for q in range(count):
        p = w.point[q]
        row = w.effect[q]
        for i in range(width):
            t[i] -= p * row[i]


@compiled(inner=True, fastmath=FAST)
def _curvatures(weight: Whole, fraction: int, width: int, share: float, w: Workspace) -> None:
    """Move each row's curvature by `share` of the way to the best one."""
    one = F32(1.0 / (1 << fraction))
    keep, move = F32(1 - share), F32(share)
    for i in range(width):
        t = w.threshold[i]
        raised = max(t, F32(LEAST_THRESHOLD))
        root = raised + w.variance[i] / raised
        best = F32(weight[w.kept[i]]) * one / (root * root) if t > F32(LEAST_MEAN) else F32(0)
        w.mu[i] = keep * w.mu[i] + move * best


@compiled(inner=True)
def _round_curvatures(
    weight: Whole, fraction: int, width: int, bits: int, count: int, w: Workspace
) -> None:
    """Round the curvatures to their grid, and multiply the effects by them."""
    for i in range(width):
        worth = max(1.0, weight[w.kept[i]] / float(1 << fraction))
        steps = w.mu[i] * float(1 << CURVE_BITS)
        most = MOST_CURVE / worth
        # its root must fit 16 bits too
        least = worth * 2.0 ** (CURVE_BITS + 2 * bits - 29)
        w.curve[i] = I16(min(steps, most)) if steps > least else I16(0)
        w.mu[i] = F32(w.curve[i]) / F32(1 << CURVE_BITS)
    for q in range(count):
        signs, curved = w.signs[q], w.curved[q]
        for i in range(width):
            curved[i] = I16(signs[i] * w.curve[i])


@compiled(inner=True, fastmath=FAST)
def _scale(count: int, w: Workspace) -> None:
    for q in range(count):
        p = w.point[q]
        w.spread[q] = max(np.sqrt(max(p * (F32(1) - p), F32(0))), F32(LEAST_SPREAD))
    for i in range(count):
        factor = w.spread[i] / F32(1 << CURVE_BITS)
        row, scaled = w.products[i], w.scaled[i]
        for j in range(count):
            scaled[j] = factor * w.spread[j] * F32(row[j])
        w.own[i] = scaled[i]
        scaled[i] = F32(0)


@compiled(inner=True, fastmath=FAST)
def _mix(count: int, sweeps: int, w: Workspace) -> None:
    """Sweeps of the mixing method; D is what is tight for the vectors, each in its turn."""
    for _sweep in range(sweeps):
        for i in range(count):
            length = turned(w.vectors, i, w.scaled[i], count)
            w.diagonal[i] = max(length + w.own[i], LEAST_DIAGONAL)


@compiled(inner=True, fastmath=FAST)
def _variances(count: int, width: int, w: Workspace) -> None:
    """Move each row's variance half way to that under the vectors."""
    for i in range(width):
        w.variance[i] *= F32(0.5)
    first, second = w.along[0], w.along[1]
    vectors, spread = w.vectors, w.spread
    for a in range(0, RANK, 2):
        for i in range(width):
            first[i] = second[i] = F32(0)
        q = 0
        while q + 4 <= count:
            r0, r1, r2, r3 = w.effect[q], w.effect[q + 1], w.effect[q + 2], w.effect[q + 3]
            s0, s1, s2, s3 = spread[q], spread[q + 1], spread[q + 2], spread[q + 3]
            f0, f1 = vectors[q, a] * s0, vectors[q + 1, a] * s1
            f2, f3 = vectors[q + 2, a] * s2, vectors[q + 3, a] * s3
            g0, g1 = vectors[q, a + 1] * s0, vectors[q + 1, a + 1] * s1
            g2, g3 = vectors[q + 2, a + 1] * s2, vectors[q + 3, a + 1] * s3
            for i in range(width):
                first[i] += f0 * r0[i] + f1 * r1[i] + f2 * r2[i] + f3 * r3[i]
                second[i] += g0 * r0[i] + g1 * r1[i] + g2 * r2[i] + g3 * r3[i]
            q += 4
        while q < count:
            row = w.effect[q]
            f0, g0 = vectors[q, a] * spread[q], vectors[q, a + 1] * spread[q]
            for i in range(width):
                first[i] += f0 * row[i]
                second[i] += g0 * row[i]
            q += 1
        for i in range(width):
            w.variance[i] += F32(0.5) * (first[i] * first[i] + second[i] * second[i])


@compiled(inner=True, fastmath=FAST)
def _move_point(weight: Whole, fraction: int, count: int, width: int, w: Workspace) -> None:
    """A step of p, as in `joint`."""
    one = F32(1.0 / (1 << fraction))
    for i in range(width):
        mu, t = w.mu[i], w.threshold[i]
        lift = np.sqrt(F32(weight[w.kept[i]]) * one / mu) - t if mu > 0 and t > 0 else F32(0)
        w.pull[i] = mu * max(lift, F32(0))
    for q in range(count):
        row = w.effect[q]
        v = F32(0)
        for i in range(width):
            v += row[i] * w.pull[i]
        spread = w.spread[q]
        better = min(max(F32(0.5) + v * spread * spread / w.diagonal[q], F32(0)), F32(1))
        w.point[q] = half_way(w.point[q], better)


@compiled(inner=True)
def _prove(count: int, w: Workspace) -> bool:
    """Raise D until it is proved to dominate Q, and write it to `w.proved` in steps."""
    mean = 0.0
    for q in range(count):
        mean += w.diagonal[q]
    mean /= count
    # one step less than what was needed last
    share = max(LEAST_RAISE, w.share[0] / RAISE)
    while share < 10:
        for q in range(count):
            square = float(w.spread[q]) * float(w.spread[q])
            steps = np.ceil((w.diagonal[q] + share * mean) / square * (1 << CURVE_BITS)) + 2
            if not steps <= MOST_DIAGONAL:
                return False
            w.proved[q] = steps
        if dominates(w.proved, w.products, count, w.factor):
            w.share[0] = share
            return True
        share *= RAISE
    return False


@compiled()
def rounded_root(worth: int, curve: int) -> int:
    """The least whole b with curve b^2 >= worth."""
    root = I64(np.sqrt(worth / curve))
    while root > 0 and curve * (root - 1) * (root - 1) >= worth:
        root -= 1
    while curve * root * root < worth:
        root += 1
    return int(root)


@compiled()
def choose(
    sums: Small,
    gain: Small,
    effect: Small,
    weight: Whole,
    fraction: int,
    live: Indices,
    count: int,
    rounds: int,
    sweeps: int,
    cold: bool,
    old_mu: Reals,
    old_variance: Reals,
    old_vectors: Reals,
    mu: Reals,
    variance: Reals,
    vectors: Reals,
    curve: Small,
    root: Small,
    diagonal: Doubles,
    excess: Reals,
    point: Reals,
    w: Workspace,
) -> tuple[bool, int, int]:
    """Choose curvatures and a diagonal for the live neurons at a node, and prove the diagonal.

    Args:
        sums: (K,), and the next six as for `joint`.
        gain: (K,).
        effect: (m, K).
        weight: (K,).
        fraction: F.
        live: (m,).
        count: n.
        rounds: of curvatures, variances and point.
        sweeps: of the mixing method at the end.
        cold: whether to start from nothing rather than from the next three, which may be those
            that are written.
        old_mu: (K,).
        old_variance: (K,).
        old_vectors: (m, RANK).
        mu: (K,) written, for a later choice; so are the next two.
        variance: (K,).
        vectors: (m, RANK).
        curve: (K,) written, for `joint`; so are the next two.
        root: (K,).
        diagonal: (m,).
        excess: (m,) written: D_j - Q_jj, what (J) falls by if p_j = 1 and j turns out not to flip.
        point: (m,) moved.
        w: scratch.

    Returns:
        Whether it is proved (else nothing may use it), and the `drop` and `bits` for `joint`.
    """
    bits = point_bits(count)
    width = _load(
        sums, gain, effect, live, count, old_mu, old_variance, old_vectors, point, cold, w
    )
    for step in range(rounds + 1):
        final = step == rounds
        _thresholds(sums, count, width, w)
        if not final:
            _curvatures(weight, fraction, width, 1.0 if cold and step == 0 else 0.5, w)
        _round_curvatures(weight, fraction, width, bits, count, w)
        gram(w.curved, w.signs, count, _padded(width), w.products)
        _scale(count, w)
        _mix(count, sweeps if final else (6 if cold and step == 0 else 2), w)
        if not final:
            _variances(count, width, w)
            _move_point(weight, fraction, count, width, w)
    if not _prove(count, w):
        return False, 0, bits
    for k in range(curve.shape[0]):
        curve[k] = I16(0)
        mu[k] = F32(0)
    largest = 0
    unit = CURVE_BITS + 2 * bits - fraction
    for i in range(width):
        k = w.kept[i]
        mu[k] = w.mu[i]
        variance[k] = w.variance[i]
        curve[k] = w.curve[i]
        if w.curve[i] > 0:
            b = rounded_root(int(weight[k]) << unit, int(w.curve[i]))
            if b > 32767:
                return False, 0, bits
            root[k] = I16(b)
            largest = max(largest, int(w.curve[i]) * b)
    drop = 0
    while (largest >> drop) + 1 > 32767:
        drop += 1
    for q in range(count):
        j = live[q]
        diagonal[j] = w.proved[q]
        excess[j] = F32((w.proved[q] - w.products[q, q]) / (1 << CURVE_BITS))
        point[j] = w.point[q]
        for a in range(RANK):
            vectors[j, a] = w.vectors[q, a]
    return drop <= MOST_DROP, drop, bits
