"""Flips tried ahead: which neurons geometry refuses together with a frame's flips.

For each frame of the search over sets this keeps what every other neuron's row of the Cholesky
factor would be, so that the ellipsoid's value of each further flip costs nothing. Those whose value
is high get the integer test (*) of `geometry`, first with the frame's own multipliers and one more.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.geometry import (
    MOST_FLIPS,
    SMALLEST_PIVOT,
    Factor,
    Geometry,
    add_member,
    add_up,
    best_multipliers,
    fresh_factor,
    refused,
    size_of,
)

I16 = np.int16
I64 = np.int64


class Span(NamedTuple):
    """Geometry of the frames, T of them, m neurons, F = `MOST_FLIPS`."""

    active: npt.NDArray[np.int64]  # (T,) flips in the factor
    lift: npt.NDArray[np.float64]  # (T, m) what the factor's optimum lacks of each neuron's flip
    room: npt.NDArray[np.float64]  # (T, m) squared length of its direction beyond the factor's span
    projection: npt.NDArray[np.float64]  # (F, m) its direction in the basis of the factor
    factor: Factor
    total: npt.NDArray[np.int16]  # (inputs,) sum of the flips' directions times their multipliers


def fresh_span(geometry: Geometry, frames: int) -> Span:
    """Nothing flipped."""
    size = len(geometry.distance)
    span = Span(
        active=np.zeros(frames, dtype=np.int64),
        lift=np.zeros((frames, size)),
        room=np.zeros((frames, size)),
        projection=np.zeros((MOST_FLIPS, size)),
        factor=fresh_factor(geometry),
        total=np.zeros(len(geometry.grid_radius), dtype=np.int16),
    )
    span.lift[0] = geometry.distance
    span.room[0] = np.diagonal(geometry.gram)
    return span


@compiled(inner=True, fastmath={"reassoc", "contract"})
def place(frame: int, neuron: int, geometry: Geometry, s: Span) -> None:
    """Make the next frame's geometry: that of a frame with one more flip.

    As `geometry.extend`, for all other neurons at once.
    """
    count = s.active[frame]
    lift, room = s.lift[frame], s.room[frame]
    lift_below, room_below = s.lift[frame + 1], s.room[frame + 1]
    for q in range(lift.shape[0]):
        lift_below[q] = lift[q]
        room_below[q] = room[q]
    s.active[frame + 1] = count
    square, gap = room[neuron], lift[neuron]
    least = SMALLEST_PIVOT * geometry.gram[neuron, neuron]
    if count >= MOST_FLIPS or gap <= 0.0 or square <= least:
        return
    factor = s.factor
    new = s.projection[count]
    gram = geometry.gram[neuron]
    for q in range(new.shape[0]):
        new[q] = gram[q]
    for a in range(count):
        row = s.projection[a]
        x = row[neuron]
        factor.lower[count, a] = x
        for q in range(new.shape[0]):
            new[q] -= x * row[q]
    add_member(factor, count, neuron, square, gap)
    inverse, height = factor.inverse[count], factor.height[count]
    for q in range(new.shape[0]):
        x = new[q] * inverse
        new[q] = x
        lift_below[q] -= x * height
        room_below[q] -= x * x
    s.active[frame + 1] = count + 1


@compiled(inner=True)
def value_with(frame: int, neuron: int, geometry: Geometry, s: Span) -> float:
    """The ellipsoid's value of a frame's flips and one more; 0 where that is no use to know."""
    count = s.active[frame]
    lift, room = s.lift[frame, neuron], s.room[frame, neuron]
    least = SMALLEST_PIVOT * geometry.gram[neuron, neuron]
    if count >= MOST_FLIPS or lift <= 0.0 or room <= least:
        return 0.0
    return float(s.factor.value[count] + lift * lift / room)


@compiled(inner=True)
def combine(frame: int, geometry: Geometry, s: Span) -> tuple[int, int, float]:
    """Add up the flips of a frame under their best multipliers, as whole numbers.

    Writes `s.total`; returns the left side of (*), how many flips take part (see `add_up`), and the
    size of the multipliers, 0 without any.
    """
    count = s.active[frame]
    largest = best_multipliers(s.factor, count)
    if largest == 0.0:
        return 0, 0, 0.0
    # room for one more multiplier that is larger than these
    scale = 0.7 * geometry.limit / largest
    need, kept = add_up(geometry, s.factor, count, largest, scale, s.total)
    return int(need), kept, scale


@compiled(inner=True)
def refused_at_once(
    frame: int, neuron: int, need: int, scale: float, geometry: Geometry, s: Span
) -> int:
    """A multiplier of one more flip with which (*) fails beside what `combine` added up, or 0.

    The flip's multiplier is the best for the ellipsoid if the others keep their ratios. At most
    `MOST_FLIPS` take part, none with a multiplier above `limit`: see `geometry` for the ranges.
    """
    lift = s.lift[frame, neuron]
    value = s.factor.value[s.active[frame]]
    along = geometry.distance[neuron] - lift
    share = lift / (geometry.gram[neuron, neuron] - along * along / value)
    rest = 1.0 - along * share / value
    wanted = share / rest * scale if rest > 0.0 else 0.0
    if not wanted >= 0.5:
        return 0
    multiplier = I16(min(wanted, float(geometry.limit)))
    left = need + I64(multiplier) * geometry.grid_distance[neuron]
    row, together = geometry.directions[neuron], s.factor.v
    for k in range(row.shape[0]):
        together[k] = I16(s.total[k] + I16(multiplier * row[k]))
    return int(multiplier) if left > size_of(geometry.grid_radius, together) else 0


@compiled(inner=True)
def refused_with(frame: int, neuron: int, geometry: Geometry, s: Span) -> bool:
    """Whether (*) fails for a frame's flips and one more, with the best multipliers of them all."""
    count = s.active[frame]
    factor = s.factor
    for a in range(count):
        factor.lower[count, a] = s.projection[a, neuron]
    add_member(factor, count, neuron, s.room[frame, neuron], s.lift[frame, neuron])
    return refused(geometry, factor, count + 1)
