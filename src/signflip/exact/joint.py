"""A bound of how many second-layer neurons can be useful at once: the joint quadratic bound.

At a node the first layer's flips are decided but for n neurons. Row k of the second layer has the
halved sum s_k and is useful iff x_k = s_k + e_k . f >= 0, where f in {0, 1}^n says which undecided
neurons flip and e_k in {-1, 0, 1}^n what each adds. Rows are worth w_k >= 0. The independent bound
lets each row choose its own f. This one makes all of them use the same f.

Take any p in [0, 1]^n, c_k = s_k + e_k . p and d = f - p, so that x_k = c_k + e_k . d. Take any
curvatures mu_k >= 0, and roots b_k >= 0 with mu_k b_k^2 >= w_k. Then w_k [x_k >= 0] is at most

    (a)  0                               where s_k + gain_k < 0, gain_k what all flips can add
    (b)  w_k                             where c_k >= 0 or mu_k = 0
    (c)  (y_k + mu_k e_k . d)^2 / mu_k   else, for any y_k >= mu_k max(0, b_k + c_k)

(c) is never negative; and where x_k >= 0 we have e_k . d >= -c_k > 0, so y_k + mu_k e_k . d is at
least mu_k (b_k + c_k) - mu_k c_k = mu_k b_k, and its square over mu_k at least mu_k b_k^2 >= w_k.

With v = sum of y_k e_k and Q = sum of mu_k e_k e_k' the squares add up to
sum y_k^2 / mu_k + 2 v . d + d'Qd, where Q runs over all rows, as each term is at least 0. For a
diagonal D with D - Q positive semidefinite, d'Qd <= sum D_j d_j^2. What is left falls apart into
neurons, and each f_j is 0 or 1:

    U = sum_(b) w_k + sum_(c) y_k^2 / mu_k + sum_j max(D_j p_j^2 - 2 v_j p_j,
                                                       D_j (1 - p_j)^2 + 2 v_j (1 - p_j))      (J)

(J) holds for every p, mu and D, so a mistake in choosing them costs time only. D serves subsets of
its neurons too: principal minors of a positive semidefinite matrix are that.

All that decides is integer arithmetic. p is in steps of 2^-B, mu and D of 2^-16, y of 2^-(16+B-R),
the rows' worth of 2^-F, and U is compared in steps of 2^-(16+2B). See `docs/search.md` for the
ranges.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.products import Indices, Small, Whole, add_rows, dot_rows

I16 = np.int16
I32 = np.int32
I64 = np.int64
Reals = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

CURVE_BITS = 16
"""mu and D are in steps of 2^-16."""
MOST_CURVE = 16000
"""Largest mu in its steps, for a row that is worth 1."""
MOST_DROP = 8
MOST_ROWS = 8192
"""With up to so many rows, n 2^B < 2^14, R <= 8 and D <= 2^28 no sum of (J) reaches 2^53."""
MOST_DIAGONAL = 2.0**28
MOST_LIVE = 512
"""Undecided neurons of a node that is bounded at most."""
CLOSE = 2.0
"""The steps of p end where the gap is more than this many times the last step's gain."""


class Scratch(NamedTuple):
    """What `joint` writes to on its way."""

    at: Small  # (K,) c in steps of 2^-B
    lift: Small  # (K,) b + c where that matters, in the same steps
    pull: Small  # (K,) y
    point: Small  # (m,) p
    force: Whole  # (m,) v


def fresh_scratch(size: int, width: int) -> Scratch:
    """Scratch for m = `size` neurons and K = `width` rows."""
    return Scratch(
        at=np.zeros(width, dtype=np.int16),
        lift=np.zeros(width, dtype=np.int16),
        pull=np.zeros(width, dtype=np.int16),
        point=np.zeros(size, dtype=np.int16),
        force=np.zeros(size, dtype=np.int32),
    )


@compiled()
def point_bits(live: int) -> int:
    """B for so many undecided neurons: |c| < 2 n + 1 must fit 16 bits with B of them behind."""
    bits = 8
    while (2 * live + 1) << bits > 32767:
        bits -= 1
    return bits


@compiled(inner=True)
def _at_point(sums: Small, effect: Small, live: Indices, count: int, bits: int, s: Scratch) -> None:
    """Write c at the point to `s.at`; right where -n <= s_k, and no less than 0 where s_k >= n.

    Sums beyond -n - 1 and n are cut to these: a row that is cut is in (a), or in (b) at any p.
    """
    low, high = I16(-count - 1), I16(count)
    for k in range(sums.shape[0]):
        s.at[k] = I16(min(max(sums[k], low), high) << bits)
    add_rows(s.at, effect, s.point, live, count)


@compiled(inner=True)
def _rows(
    sums: Small, gain: Small, weight: Whole, curve: Small, root: Small, drop: int, s: Scratch
) -> tuple[int, int]:
    """Write y to `s.pull`; return the worth of (b) and sum y^2 / mu, rounded up."""
    width = sums.shape[0]
    worth = I64(0)
    for k in range(width):
        reach = I16(sums[k] + gain[k]) >= 0
        sure = reach & ((s.at[k] >= 0) | (curve[k] == 0))
        lift = I16(root[k] + s.at[k])
        s.lift[k] = lift if (reach & (not sure) & (lift > 0)) else I16(0)
        worth += weight[k] if sure else I32(0)
    half = I32((1 << drop) - 1)
    squares = I64(0)
    for k in range(width):
        lift32 = I32(s.lift[k])
        exact = I32(curve[k] * lift32)
        pull = I32(I32(exact + half) >> drop)
        s.pull[k] = I16(pull)
        # with y 2^R = mu z + rest: y^2 / mu is (2 y 2^R - mu z) z + rest^2 / mu
        squares += I64(I32(2 * (pull << drop) - exact)) * I64(lift32)
    return int(worth), int(squares + (I64(width) << (2 * drop)))


@compiled(inner=True)
def half_way(p: np.float32, to: np.float32) -> np.float32:
    """The middle of two numbers from 0 to 1, or 0: denormal numbers are slow."""
    middle = np.float32(0.5) * (p + to)
    return middle if middle > np.float32(1e-4) else np.float32(0)


@compiled(inner=True, fastmath={"reassoc"})
def _neurons(
    diagonal: Doubles, live: Indices, count: int, bits: int, drop: int, point: Reals, s: Scratch
) -> float:
    """The sum over neurons in (J), of whole numbers below 2^53; `point` moves to a better p."""
    one = float(1 << bits)
    double = float(2 << drop)
    scale = 2.0 ** (drop - bits)
    total = 0.0
    for q in range(count):
        j = live[q]
        p = float(s.point[q])
        v = float(s.force[q])
        stays = diagonal[j] * (p * p) - double * v * p
        flips = diagonal[j] * ((one - p) * (one - p)) + double * v * (one - p)
        total += max(stays, flips)
        better = min(max(0.5 + scale * v / diagonal[j], 0.0), 1.0)
        point[j] = half_way(point[j], np.float32(better))
    return total


@compiled()
def joint(
    sums: Small,
    gain: Small,
    effect: Small,
    weight: Whole,
    fraction: int,
    curve: Small,
    root: Small,
    diagonal: Doubles,
    drop: int,
    bits: int,
    live: Indices,
    count: int,
    need: int,
    steps: int,
    point: Reals,
    s: Scratch,
) -> tuple[bool, float]:
    """Whether (J) shows that the rows cannot be worth `need` together.

    Args:
        sums: (K,) s.
        gain: (K,) what the live neurons can add to each.
        effect: (m, K) e.
        weight: (K,) w in steps of 2^-fraction; so is `need`.
        fraction: F.
        curve: (K,) mu in steps of 2^-16.
        root: (K,) b in steps of 2^-bits.
        diagonal: (m,) D in steps of 2^-16, whole numbers above 0.
        drop: R.
        bits: B.
        live: (m,) whose first `count` are the neurons that may yet flip.
        count: n.
        need: the worth that is asked for.
        steps: of p, at most.
        point: (m,) p to start from, which moves.
        s: scratch.

    Returns:
        The answer, and U - need if that is not negative.
    """
    unit = CURVE_BITS + 2 * bits - fraction
    one = float(1 << bits)
    last = np.inf
    gap = np.inf
    for step in range(steps):
        for q in range(count):
            p = point[live[q]] * one + 0.5
            s.point[q] = I16(min(p, one)) if p > 0 else I16(0)
        _at_point(sums, effect, live, count, bits, s)
        worth, squares = _rows(sums, gain, weight, curve, root, drop, s)
        dot_rows(effect, s.pull, live, count, s.force)
        rest = _neurons(diagonal, live, count, bits, drop, point, s)
        total = float((worth << unit) + squares) + rest
        if total < float(need << unit):
            return True, 0.0
        gap = (total - float(need << unit)) / float(1 << (unit + fraction))
        if step > 0 and gap > CLOSE * (last - gap):
            break
        last = gap
    return False, gap


@compiled(fastmath={"reassoc"})
def dominates(diagonal: Doubles, products: Whole, count: int, a: Doubles) -> bool:
    """Whether diag(D) - Q is proved positive semidefinite, for whole numbers D (n,) and Q (n, n).

    Rump's test (Verification of positive definiteness, BIT 46, 2006): let A = diag(D) - Q - I. If a
    Cholesky factor R of A comes out in floating point, R'R = A + E with |E_ij| at most
    g sqrt(a_ii a_jj), g = (n + 1) u / (1 - 2 (n + 1) u), whatever the order of the sums. So
    |E| <= g trace(A) < 2 (n + 2) u n 2^28 < 1, and diag(D) - Q = A + I >= R'R, up to nothing.
    """
    for i in range(count):
        for j in range(i):
            a[i, j] = -float(products[i, j])
        a[i, i] = diagonal[i] - float(products[i, i]) - 1.0
    for j in range(count):
        pivot = a[j, j]
        row = a[j]
        for k in range(j):
            pivot -= row[k] * row[k]
        if not pivot > 0.0:
            return False
        pivot = np.sqrt(pivot)
        row[j] = pivot
        for i in range(j + 1, count):
            other = a[i]
            x = other[j]
            for k in range(j):
                x -= other[k] * row[k]
            other[j] = x / pivot
    return True
