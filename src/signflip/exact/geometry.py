"""Refusing sets of flips that no point of the box can realise, in a Numba kernel.

A set of flips can be realised only if for every u >= 0

    sum_j u_j d_j  <=  sum_i rad_i | sum_j u_j sigma_j w_ji |                          (*)

A good u is the one that is best for the ellipsoid around the box, u = G^-1 d with G the Gram
matrix of the directions under the weights rad: a Cholesky factor of it grows by a row with each
flip. That u is then rounded to small integers and (*) is tested in integer arithmetic, with d
rounded down and rad rounded up to a grid: no rounding error can refuse a set that can be realised.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Signs
from signflip.clock import ENDLESS, Clock
from signflip.compiled import compiled
from signflip.exact.products import add_rows
from signflip.exact.vectors import TOGETHER, multiply_add, weighted_size
from signflip.patterns.space import PatternSpace

MOST_FLIPS = 48
"""Flips beyond these take no part in the test; leaving a flip out of (*) is always safe."""
NEAR = 0.7
"""Share of the gate that a node must reach for its children to be tested before the bound."""
SMALLEST_PIVOT = 1e-9
"""A direction this nearly in the span of the others, as a share of its square, is left out."""
MOST_PRODUCTS = 200_000_000
"""Of weights, between two looks at the clock: some 50 ms."""
LARGEST_MULTIPLIER = 96
"""With 48 flips, multipliers to 96 and radii to 254, a row sum stays below 2^31 up to 1,800 inputs;
wider inputs lower it, see `multiplier_limit`."""

MOST_INPUTS = 2**17
"""Pixels whose part of (*) fits 32 bits, even where the limit is 1."""


class Geometry(NamedTuple):
    """What the kernels read of the pattern space; m unstable neurons, dearest first.

    `gram` and `distance` only choose multipliers; the grids decide.
    """

    directions: npt.NDArray[np.int8]  # (m, inputs)
    gram: npt.NDArray[np.float64]  # (m, m)
    distance: npt.NDArray[np.float64]  # (m,)
    grid_distance: npt.NDArray[np.int64]  # (m,)
    grid_radius: npt.NDArray[np.int16]  # (inputs,)
    limit: int  # largest multiplier
    ask: float  # ellipsoid's value from which a pattern is tested once its bound has passed
    gate: float  # and from which it is tested before
    near: float  # parent's value from which that is worth finding out


class Factor(NamedTuple):
    """The Cholesky factor of the active flips, with room for F = `MOST_FLIPS`."""

    members: npt.NDArray[np.int64]  # (F,) the active flips
    lower: npt.NDArray[np.float64]  # (F, F) L with L L' the Gram matrix of the members
    inverse: npt.NDArray[np.float64]  # (F,) 1 over the diagonal of L
    height: npt.NDArray[np.float64]  # (F,) L^-1 d
    value: npt.NDArray[np.float64]  # (F + 1,) d' G^-1 d of the first members
    u: npt.NDArray[np.float64]  # (F,) scratch
    whole: npt.NDArray[np.int16]  # (F,) scratch
    taking: npt.NDArray[np.int32]  # (F,) scratch
    v: npt.NDArray[np.int16]  # (inputs,) scratch


def geometry_of(space: PatternSpace, ask: float, gate: float, clock: Clock = ENDLESS) -> Geometry:
    """Geometry of a pattern space.

    Args:
        space: the pattern space.
        ask: share of the ellipsoid's limit from which flips that pass the bound are tested.
        gate: share from which they are tested before the bound.
        clock: the run's.

    Raises:
        OutOfTime: time was out before.
    """
    limit = float(space.radius.sum())
    return Geometry(
        directions=space.directions,
        gram=_gram(space.directions, space.radius, clock),
        distance=space.distance,
        grid_distance=space.grid_distance,
        grid_radius=space.grid_radius,
        limit=multiplier_limit(len(space.radius)),
        ask=ask * limit,
        gate=gate * limit,
        near=NEAR * gate * limit,
    )


def fresh_factor(geometry: Geometry) -> Factor:
    """The factor of no flips."""
    return Factor(
        members=np.zeros(MOST_FLIPS, dtype=np.int64),
        lower=np.zeros((MOST_FLIPS, MOST_FLIPS)),
        inverse=np.zeros(MOST_FLIPS),
        height=np.zeros(MOST_FLIPS),
        value=np.zeros(MOST_FLIPS + 1),
        u=np.zeros(MOST_FLIPS),
        whole=np.zeros(MOST_FLIPS, dtype=np.int16),
        taking=np.zeros(MOST_FLIPS, dtype=np.int32),
        v=np.zeros(len(geometry.grid_radius), dtype=np.int16),
    )


def multiplier_limit(inputs: int) -> int:
    """The largest multiplier for which the 32-bit sum of (*) cannot overflow."""
    return max(1, min(LARGEST_MULTIPLIER, (2**31 - 1) // (MOST_FLIPS * 254 * inputs)))


def _gram(directions: Signs, radius: Floats, clock: Clock) -> Floats:
    """(m, m) float64: Gram matrix of the directions (m, inputs) under the weights `radius`."""
    size, inputs = directions.shape
    gram = np.empty((size, size))
    rows = max(1, MOST_PRODUCTS // max(1, size * inputs))
    for first in range(0, size, rows):
        clock.check()
        scaled_gram(directions, radius, gram, first, min(size, first + rows))
    return gram


@compiled(fastmath=True, allocates=True)
def scaled_gram(
    directions: npt.NDArray[np.int8],
    radius: npt.NDArray[np.float64],
    gram: npt.NDArray[np.float64],
    first: int,
    last: int,
) -> None:
    """Write the rows from `first` to `last` of the Gram matrix, and the columns of these.

    A loop of its own: threads of BLAS wait for each other longer than a small product takes.
    """
    inputs = directions.shape[1]
    weighted = np.empty(inputs, dtype=np.float32)
    for i in range(first, last):
        for k in range(inputs):
            weighted[k] = radius[k] * directions[i, k]
        for j in range(i + 1):
            row = directions[j]
            total = np.float32(0.0)
            for k in range(inputs):
                total += weighted[k] * np.float32(row[k])
            gram[i, j] = gram[j, i] = total


@compiled(fastmath={"contract"})
def extend(geometry: Geometry, factor: Factor, count: int, neuron: int) -> int:
    """Add a flip to the factor, whose first `count` members are active; return the new count.

    A flip that the others' optimum satisfies already is left out.
    """
    if count >= MOST_FLIPS:
        return count
    square = geometry.gram[neuron, neuron]
    gap = geometry.distance[neuron]
    row = factor.lower[count]
    for i in range(count):
        value = geometry.gram[neuron, factor.members[i]]
        for k in range(i):
            value -= row[k] * factor.lower[i, k]
        value *= factor.inverse[i]
        row[i] = value
        square -= value * value
        gap -= value * factor.height[i]
    if gap <= 0.0 or square <= SMALLEST_PIVOT * geometry.gram[neuron, neuron]:
        return count
    add_member(factor, count, neuron, square, gap)
    return count + 1


@compiled(inner=True)
def add_member(factor: Factor, count: int, neuron: int, square: float, gap: float) -> None:
    """Add a flip whose row of L is written but for its diagonal.

    Args:
        factor: of `count` flips.
        count: their number.
        neuron: the flip.
        square: of the diagonal, above 0.
        gap: what the others' optimum lacks of the flip, above 0.
    """
    pivot = np.sqrt(square)
    height = gap / pivot
    factor.lower[count, count] = pivot
    factor.inverse[count] = 1.0 / pivot
    factor.height[count] = height
    factor.value[count + 1] = factor.value[count] + height * height
    factor.members[count] = neuron


@compiled(inner=True, fastmath={"contract"})
def best_multipliers(factor: Factor, count: int) -> float:
    """Write the optimum of the active flips for the ellipsoid to `factor.u`.

    Returns the largest multiplier, or 0 where the numbers are of no use.
    """
    u = factor.u
    largest = 0.0
    for i in range(count - 1, -1, -1):
        value = factor.height[i]
        for k in range(i + 1, count):
            value -= factor.lower[k, i] * u[k]
        value *= factor.inverse[i]
        u[i] = value
        largest = max(largest, value)
    return largest if 2.0**-900 < largest < np.inf else 0.0


@compiled(inner=True)
def whole_multiplier(u: float, largest: float, scale: float) -> np.int16:
    """A multiplier times `scale`, as a whole number.

    Whatever floating point made of it: none is below 0 or above `scale` times the largest.
    """
    return np.int16(u * scale + 0.5) if 0.0 < u <= largest else np.int16(0)


@compiled(inner=True)
def add_up(
    geometry: Geometry,
    factor: Factor,
    count: int,
    largest: float,
    scale: float,
    total: npt.NDArray[np.int16],
) -> tuple[np.int64, int]:
    """Write the sum of (*) over the active flips to `total` (inputs,).

    Returns its left side, and how many take part: these stand in `factor.taking`, their multipliers
    in `factor.whole`.
    """
    need = np.int64(0)
    whole, taking = factor.whole, factor.taking
    kept = 0
    for i in range(count):
        multiplier = whole_multiplier(factor.u[i], largest, scale)
        if multiplier > 0:
            need += np.int64(multiplier) * geometry.grid_distance[factor.members[i]]
            whole[kept] = multiplier
            taking[kept] = factor.members[i]
            kept += 1
    for k in range(total.shape[0]):
        total[k] = np.int16(0)
    add_rows(total, geometry.directions, whole, taking, kept)
    return need, kept


@compiled(inner=True)
def size_of(radius: npt.NDArray[np.int16], sums: npt.NDArray[np.int16]) -> np.int64:
    """The right side of (*), of sums by multipliers within `multiplier_limit`."""
    total = np.int64(0)
    for first in range(0, sums.shape[0], MOST_INPUTS):
        weights, values = radius[first : first + MOST_INPUTS], sums[first : first + MOST_INPUTS]
        count = values.shape[0]
        part = weighted_size(weights, values, count)
        for k in range(count - count % TOGETHER, count):
            x = values[k]
            part = multiply_add(part, weights[k], x if x >= 0 else np.int16(-x))
        total += np.int64(part)
    return total


@compiled()
def refused(geometry: Geometry, factor: Factor, count: int) -> bool:
    """Whether (*) fails for the active flips, in exact integer arithmetic."""
    largest = best_multipliers(factor, count)
    if largest == 0.0:
        return False
    v = factor.v
    need, _ = add_up(geometry, factor, count, largest, geometry.limit / largest, v)
    return bool(need > size_of(geometry.grid_radius, v))
