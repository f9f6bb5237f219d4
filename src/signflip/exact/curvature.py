"""Curvatures and diagonals for the joint bound, chosen at a node.

What the steps of `signflip.exact.relaxation` come to is rounded to integers, and D is tested
against the rounded curvatures.
"""

import numpy as np

from signflip.compiled import compiled
from signflip.exact.joint import (
    CURVE_BITS,
    MOST_DIAGONAL,
    MOST_DROP,
    Doubles,
    Reals,
    dominates,
    point_bits,
)
from signflip.exact.products import Indices, Small, Whole, gram
from signflip.exact.relaxation import (
    RANK,
    Workspace,
    curvatures,
    load,
    mix,
    move_point,
    padded,
    round_curvatures,
    scale,
    thresholds,
    variances,
)

F32 = np.float32
I16 = np.int16
I64 = np.int64
COLD_ROUNDS = 30
LEAST_RAISE = 1e-3
RAISE = 2.5
"""D is raised by at least so much of its mean, and by so many times that until the test holds."""


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
    width = load(sums, gain, effect, live, count, old_mu, old_variance, old_vectors, point, cold, w)
    for step in range(rounds + 1):
        final = step == rounds
        if not final:
            thresholds(sums, count, width, w)
            curvatures(weight, fraction, width, 1.0 if cold and step == 0 else 0.5, w)
        if not final or step == 0:  # else they are what they were
            round_curvatures(weight, fraction, width, bits, count, w)
            gram(w.curved, w.signs, count, padded(width), w.products)
        scale(count, w)
        mix(count, sweeps if final else (6 if cold and step == 0 else 2), w)
        if not final:
            variances(count, width, w)
            move_point(weight, fraction, count, width, w)
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
