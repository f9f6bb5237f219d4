"""Refusing sets of flips that no point of the box can realise, in a Numba kernel.

A set of flips can be realised only if for every u >= 0

    sum_j u_j d_j  <=  sum_i rad_i | sum_j u_j sigma_j w_ji |                          (*)

A good u is the one that is best for the ellipsoid around the box, u = G^-1 d with G the Gram matrix
of the directions under the weights rad: a Cholesky factor of it grows by a row with each flip. That u
is then rounded to small integers and (*) is tested in integer arithmetic, with d rounded down and
rad rounded up to a grid, so no rounding error can refuse a set that can be realised.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

MOST_FLIPS = 48
"""Flips beyond these take no part in the test; leaving a flip out of (*) is always safe."""
LARGEST_MULTIPLIER = 96
"""With 48 flips, multipliers to 96 and radii to 254, a row sum stays below 2^31 up to 1,800 inputs;
wider inputs lower it, see `multiplier_limit`."""


def multiplier_limit(inputs: int) -> int:
    """The largest multiplier for which the 32-bit sum of (*) cannot overflow."""
    return max(1, min(LARGEST_MULTIPLIER, (2**31 - 1) // (MOST_FLIPS * 254 * inputs)))


def scaled_gram(directions: npt.NDArray[np.int8], radius: npt.NDArray[np.float64]) -> Any:
    """(m, m) float64: Gram matrix of the directions (m, inputs) under the weights `radius`."""
    real = directions.astype(np.float64)
    return (real * radius) @ real.T


@njit(cache=True, nogil=True, boundscheck=False)  # type: ignore[untyped-decorator]
def extend(gram, distance, members, factor, height, count, neuron):  # type: ignore[no-untyped-def]
    """Add a flip to the factor of the flips so far; return how many are active now.

    The factor holds the active flips: `members[:count]`, the lower triangle `factor`, and
    `height = L^-1 d`. A flip that the others' optimum satisfies already is left out.
    """
    if count >= MOST_FLIPS:
        return count
    square = gram[neuron, neuron]
    gap = distance[neuron]
    row = factor[count]
    for i in range(count):
        value = gram[neuron, members[i]]
        for k in range(i):
            value -= row[k] * factor[i, k]
        value /= factor[i, i]
        row[i] = value
        square -= value * value
        gap -= value * height[i]
    if gap <= 0.0 or square <= 1e-9 * gram[neuron, neuron]:
        return count
    row[count] = np.sqrt(square)
    height[count] = gap / row[count]
    members[count] = neuron
    return count + 1


@njit(cache=True, nogil=True, boundscheck=False)  # type: ignore[untyped-decorator]
def refused(directions, grid_distance, grid_radius, members, factor, height, count, limit, u, v):  # type: ignore[no-untyped-def]
    """Whether (*) fails for the active flips, in exact integer arithmetic."""
    largest = 0.0
    for i in range(count - 1, -1, -1):
        value = height[i]
        for k in range(i + 1, count):
            value -= factor[k, i] * u[k]
        value /= factor[i, i]
        u[i] = value
        largest = max(largest, value)
    if largest <= 0.0:
        return False
    scale = limit / largest
    need = np.int64(0)
    v[:] = 0
    for i in range(count):
        multiplier = np.int16(u[i] * scale + 0.5) if u[i] > 0.0 else np.int16(0)
        if multiplier > 0:
            need += np.int64(multiplier) * grid_distance[members[i]]
            row = directions[members[i]]
            for k in range(v.shape[0]):
                v[k] += multiplier * row[k]
    total = np.int32(0)
    for k in range(v.shape[0]):
        total += np.int32(grid_radius[k]) * np.int32(abs(v[k]))
    return need > total
