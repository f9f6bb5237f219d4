"""Steps of a cheap semidefinite program, which chooses curvatures for the joint bound.

The best curvature of a row whose sum has mean -t and variance S under a random set of flips is
1 / (t + S / t)^2 (Cantelli's inequality). The variances come from the dual of the best D, a
relaxation of a maximum cut, which the mixing method solves (Wang, Chang, Kolter, arXiv 1706.00476):
a unit vector each neuron, each in turn set against the sum of the others. All in float32, and
nothing of it is trusted: see `signflip.exact.curvature`.
"""

from typing import NamedTuple

import numpy as np

from signflip.compiled import compiled
from signflip.exact.joint import CURVE_BITS, MOST_CURVE, Doubles, Reals, half_way
from signflip.exact.products import Indices, Small, Whole
from signflip.exact.real_vectors import squared_sums, turned
from signflip.exact.vectors import LANES

F32 = np.float32
I16 = np.int16
I32 = np.int32
RANK = LANES
"""Entries of a neuron's vector."""
LEAST_THRESHOLD = 0.5
LEAST_MEAN = -1.5
"""A row whose sum is this far above 0 in the mean counts as useful."""
LEAST_SPREAD = 0.12
"""Of a neuron: sqrt(p (1 - p)) is raised to it."""
COLD_VARIANCE = 0.4
LEAST_DIAGONAL = F32(1e-6)


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
    products: Whole  # (N, N) Q
    scaled: Reals  # (N, N) Q under the neurons' spreads, but for its diagonal
    own: Reals  # (N,) that diagonal
    vectors: Reals  # (N, RANK)
    spans: Reals  # (N, RANK) these times the neurons' spreads
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
        products=np.zeros((size, size), dtype=np.int32),
        scaled=np.zeros((size, size), dtype=np.float32),
        own=np.zeros(size, dtype=np.float32),
        vectors=np.zeros((size, RANK), dtype=np.float32),
        spans=np.zeros((size, RANK), dtype=np.float32),
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
def padded(width: int) -> int:
    """Rows in a whole number of vectors."""
    return (width + LANES - 1) // LANES * LANES


@compiled(inner=True)
def load(
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
        for i in range(width, padded(width)):
            w.signs[q, i] = w.curved[q, i] = I16(0)
        for i in range(width):
            w.effect[q, i] = F32(w.signs[q, i])
        w.point[q] = point[j]
        for a in range(RANK):
            w.vectors[q, a] = w.cold[q, a] if cold else old_vectors[j, a]
    return width


@compiled(inner=True, fastmath=FAST)
def thresholds(sums: Small, count: int, width: int, w: Workspace) -> None:
    """t: how far each row's sum is below 0 at the point."""
    t = w.threshold
    for i in range(width):
        t[i] = -F32(sums[w.kept[i]])
    effect, point = w.effect, w.point
    q = 0
    while q + 4 <= count:
        r0, r1, r2, r3 = effect[q], effect[q + 1], effect[q + 2], effect[q + 3]
        p0, p1, p2, p3 = point[q], point[q + 1], point[q + 2], point[q + 3]
        for i in range(width):
            t[i] -= p0 * r0[i] + p1 * r1[i] + p2 * r2[i] + p3 * r3[i]
        q += 4
    while q < count:
        p, row = point[q], effect[q]
        for i in range(width):
            t[i] -= p * row[i]
        q += 1


@compiled(inner=True, fastmath=FAST)
def curvatures(weight: Whole, fraction: int, width: int, share: float, w: Workspace) -> None:
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
def round_curvatures(
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
def scale(count: int, w: Workspace) -> None:
    """Write Q under the spreads that the neurons have at the point."""
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
def mix(count: int, sweeps: int, w: Workspace) -> None:
    """Sweeps of the mixing method; D is what is tight for the vectors, each in its turn."""
    for _sweep in range(sweeps):
        for i in range(count):
            length = turned(w.vectors, i, w.scaled[i], count)
            w.diagonal[i] = max(length + w.own[i], LEAST_DIAGONAL)


@compiled(inner=True, fastmath=FAST)
def variances(count: int, width: int, w: Workspace) -> None:
    """Move each row's variance half way to that under the vectors."""
    for q in range(count):
        for a in range(RANK):
            w.spans[q, a] = w.spread[q] * w.vectors[q, a]
    for i in range(0, width, LANES):
        squared_sums(w.effect, w.spans, i, count, w.pull)
    for i in range(width):
        w.variance[i] = F32(0.5) * (w.variance[i] + w.pull[i])


@compiled(inner=True, fastmath=FAST)
def move_point(weight: Whole, fraction: int, count: int, width: int, w: Workspace) -> None:
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
