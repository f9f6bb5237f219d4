"""From a real point of the box with some signs to a float64 image that has them.

A point with room on all sides is rounded, and that is all. Where some rows can only hold with
equality (two opposite neurons that are both to be +1), rounding breaks them. Then the pixels are
put on a grid of steps 2^-k, whose sums are exact, and a few of them are moved by whole steps until
the equalities hold again. There need not be such an image, and where there is one it need not be
found.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.clock import Clock
from signflip.patterns.rational import BoxProgram, Feasible, Whole, solve

GRIDS = 16
"""Grids that are tried."""
FINER = 4
"""Each is finer than the one before by this many binary digits."""
ORDERS = 4
"""Choices of pixels that are tried to mend equalities on a grid."""


def snap(
    program: BoxProgram, point: Feasible, shift: int, has: Callable[[Floats], bool], clock: Clock
) -> Floats | None:
    """A float64 image (inputs,) of the box with the rows of a program, if one is found.

    Args:
        program: the rows, in steps of 2^-shift.
        point: a real point that has them.
        shift: see `program`.
        has: whether an image has them.
        clock: when to give up.
    """
    nearest = _floats(point.point, point.denominator << shift)
    if has(nearest):
        return nearest
    inner = _inner(program, clock)
    if inner is not None:
        for candidate in _on_grids(inner, shift):
            if clock.expired():
                return None
            if has(candidate):
                return candidate
    # with no room at all, a corner of the rows may do
    corner = _Inner(replace(program, equal=point.tight & ~program.elastic), point)
    return next(filter(has, _on_grids(corner, shift)), None)


@dataclass(frozen=True, eq=False)
class _Inner:
    """A point with room to all rows but those that can only hold with equality.

    Attributes:
        program: with these rows marked, and pixels fixed that they fix.
        point: the point.
    """

    program: BoxProgram
    point: Feasible


def _inner(program: BoxProgram, clock: Clock) -> _Inner | None:
    """Ask for room to all rows; where there is none, the multipliers say which rows take it."""
    while True:
        eased = replace(program, elastic=~program.equal)
        point = solve(eased, None, clock)
        if not isinstance(point, Feasible):
            return None
        if point.slack > 0:
            return _Inner(program, point)
        # all points have these rows with equality, for their sum cannot be larger
        equal = program.equal | (point.multipliers != 0)
        slope = point.multipliers @ program.rows.astype(object)
        lower = np.where(slope > 0, program.upper, program.lower)
        upper = np.where(slope < 0, program.lower, program.upper)
        program = replace(program, equal=equal, lower=lower, upper=upper)


def _floats(numerators: Whole, denominator: int) -> Floats:
    # the quotient of whole numbers is rounded once
    return np.array([value / denominator for value in numerators.tolist()], dtype=np.float64)


def _on_grids(inner: _Inner, shift: int) -> Iterator[Floats]:
    """Images on finer and finer grids, on which the equalities hold."""
    program, point = inner.program, inner.point
    width = int(max(program.upper - program.lower))
    # some steps of the first grid fit into the widest pixel
    first = shift + 4 - width.bit_length()
    finest = max(shift, first + GRIDS * FINER)
    scale = 1 << (finest - shift)
    pixels = _Pixels(
        lower=program.lower * scale,
        upper=program.upper * scale,
        rows=program.rows[program.equal].astype(object),
        need=program.need[program.equal] * scale,
    )
    wished = np.array([Fraction(x * scale, point.denominator) for x in point.point.tolist()])
    for digits in range(first, first + GRIDS * FINER, FINER):
        for mended in pixels.on_grid(wished, 1 << (finest - digits)):
            image = _floats(mended, 1 << finest)
            if [Fraction(x) * 2**finest for x in image.tolist()] == mended.tolist():
                yield image


@dataclass(frozen=True, eq=False, kw_only=True)
class _Pixels:
    """Pixels and the rows that must hold with equality, in whole numbers.

    Attributes:
        lower: (n,) whole numbers.
        upper: (n,) whole numbers.
        rows: (r, n) whole numbers.
        need: (r,) whole numbers.
    """

    lower: Whole
    upper: Whole
    rows: Whole
    need: Whole

    def on_grid(self, wished: Whole, step: int) -> Iterator[Whole]:
        """Points (n,) near to the one that is wished for, in whole steps, with `rows = need`."""
        low, high = -(-self.lower // step), self.upper // step
        moving = (low <= high) & (self.lower < self.upper)
        steps = np.array([round(x / step) for x in wished.tolist()], dtype=object)
        steps = np.minimum(np.maximum(steps, low), high)
        pixels = np.where(moving, steps * step, self.lower)
        lacking = self.need - self.rows @ pixels
        if np.any(lacking % step != 0):
            return  # no point of this grid has the equalities
        lacking //= step
        if not np.any(lacking):
            yield pixels
            return
        room = np.minimum(steps - low, high - steps)
        able = np.flatnonzero(moving & (low < high))
        order = able[np.argsort(-room[able], kind="stable")]
        for turn in range(ORDERS):
            change = _whole_solution(self.rows, lacking, np.roll(order, -turn * len(self.rows)))
            if change is not None and np.all(
                (low <= steps + change) & (steps + change <= high) | ~moving
            ):
                yield pixels + change * step


def _whole_solution(rows: Whole, need: Whole, order: Integers) -> Whole | None:
    """Whole numbers x (n,) with `rows x = need`, few of them not 0, if this choice has any.

    Args:
        rows: (r, n) whole numbers.
        need: (r,) whole numbers.
        order: the columns that may be other than 0, the best ones first.
    """
    table = np.concatenate([rows, need[:, None]], axis=1) * Fraction(1)
    pivots: list[int] = []
    for column in order.tolist():
        height = len(pivots)
        if height == len(table):
            break
        able = np.flatnonzero(table[height:, column])
        if not len(able):
            continue
        chosen = height + int(able[0])
        table[[height, chosen]] = table[[chosen, height]]
        table[height] /= table[height, column]
        for other in range(len(table)):
            if other != height and table[other, column] != 0:
                table[other] -= table[height] * table[other, column]
        pivots.append(column)
    solution = table[:, -1]
    if any(value != 0 for value in solution[len(pivots) :]):
        return None
    if any(value.denominator != 1 for value in solution[: len(pivots)]):
        return None
    change = np.zeros(rows.shape[1], dtype=int).astype(object)
    change[pivots] = [value.numerator for value in solution[: len(pivots)]]
    return change
