"""Linear programs over a box in exact arithmetic: few rows, many pixels, no rounding.

    maximise s   subject to   rows_j . x - elastic_j s >= need_j,   lower <= x <= upper

by the dual simplex method for variables with two bounds (Koberstein 2005, chapter 3, with his long
steps, and Bland's rule once it takes long). Every number is a whole number: the inverse of the
basis is kept as integers over one denominator (Edmonds' fraction-free pivoting). Where it starts is
a guess, best that of a solver in floating point: then there is little left to do.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Booleans, Signs
from signflip.clock import Clock

Whole = npt.NDArray[np.object_]
"""Python's whole numbers, of any size."""

MOST_ROWS = 1_000
"""Of a program: its inverse has the square of that in numbers of hundreds of digits."""

_STEP = 5e-7
"""Seconds for each entry of the rows and of the inverse, at most, that a step takes."""

_PATIENCE = 20
"""Steps for each row after which Bland's rule, which is slow and never cycles, takes over."""


@dataclass(frozen=True, eq=False, kw_only=True)
class BoxProgram:
    """The program above, for k rows and n pixels.

    Attributes:
        rows: (k, n) int8 of -1, 0 and 1.
        need: (k,) whole numbers.
        elastic: (k,) bool, the rows that the slack s is asked of.
        equal: (k,) bool, the rows that must hold with equality.
        lower: (n,) whole numbers.
        upper: (n,) whole numbers, nowhere below `lower`.
    """

    rows: Signs
    need: Whole
    elastic: Booleans
    equal: Booleans
    lower: Whole
    upper: Whole


@dataclass(frozen=True, eq=False, kw_only=True)
class Basis:
    """Where to start.

    Attributes:
        pixels: (n,) bool, the pixels that are between their bounds.
        high: (n,) bool, the others that are at the upper one, unless s says which is better.
        slack: whether s is.
        loose: (k,) bool, the rows that are.
    """

    pixels: Booleans
    high: Booleans
    slack: bool
    loose: Booleans


@dataclass(frozen=True, eq=False, kw_only=True)
class Feasible:
    """The optimum.

    Attributes:
        slack: s, or its upper limit where no row is elastic.
        point: (n,) whole numbers; the pixels are these over `denominator`.
        denominator: a whole number above 0.
        multipliers: (k,) whole numbers, none negative where a row is no equality: with them,
            the sum of the rows shows that no s is larger.
        tight: (k,) bool, the rows whose limit the point is put on.
    """

    slack: Fraction
    point: Whole
    denominator: int
    multipliers: Whole
    tight: Booleans


@dataclass(frozen=True, eq=False, kw_only=True)
class Infeasible:
    """No point has the rows, whatever s is.

    Attributes:
        multipliers: (k,) whole numbers, as in `Feasible`: the sum of the rows shows it.
    """

    multipliers: Whole


def solve(program: BoxProgram, start: Basis | None, clock: Clock) -> Feasible | Infeasible | None:
    """The optimum, or that there is none; None once time is out, or for too many rows."""
    size, pixels = program.rows.shape
    if size > MOST_ROWS or clock.remaining() < _STEP * size * (size + pixels):
        return None
    return _Simplex(program).run(start, clock)


class _Simplex:
    """Variables: n pixels, s, and k row values r = rows x - elastic s, in this order.

    `inverse / denominator` is the inverse of the basis' columns of (rows, -elastic, -I).
    """

    def __init__(self, program: BoxProgram) -> None:
        self.program = program
        self.size, self.pixels = program.rows.shape
        self.rows = program.rows.astype(object)
        self.stretch = program.elastic.astype(int).astype(object)
        ends = np.where(program.rows > 0, program.upper, program.lower)
        most = (self.rows * ends).sum(axis=1)
        ends = np.where(program.rows > 0, program.lower, program.upper)
        least = (self.rows * ends).sum(axis=1)
        # every variable has two bounds, these without any effect: any basis can then be made dual
        # feasible by the choice of the bounds that the variables outside it are at
        shortest = min([0, *(least - program.need)[program.elastic]])
        longest = max([0, *(most - program.need)[program.elastic]]) + 1
        ceiling = np.maximum(most - self.stretch * shortest, program.need)
        ceiling = np.where(program.equal, program.need, ceiling)
        self.low: Whole = np.concatenate([program.lower, [shortest], program.need])
        self.high: Whole = np.concatenate([program.upper, [longest], ceiling])
        self.basic = np.arange(self.pixels + 1, self.pixels + 1 + self.size)
        self.outside = np.ones(self.pixels + 1 + self.size, dtype=np.bool_)
        self.outside[self.basic] = False
        self.at_high = np.zeros(len(self.outside), dtype=np.bool_)
        self.inverse: Whole = -np.eye(self.size, dtype=int).astype(object)
        self.denominator = 1
        self.steps = 0

    def run(self, start: Basis | None, clock: Clock) -> Feasible | Infeasible | None:
        if start is not None and not self._take(start, clock):
            return None
        gains = self._gains()
        self.at_high = gains > 0
        if start is not None:
            self.at_high[: self.pixels] |= start.high & (gains[: self.pixels] == 0)
        self.at_high &= self.outside
        values = np.where(self.at_high, self.high, self.low)
        self.right = -self._columns_times(np.where(self.outside, values, 0))
        while not clock.expired():
            inside = self.inverse @ self.right
            place, lacking = self._worst(inside)
            if place is None:
                return self._optimum(inside)
            entering = self._enter(place, lacking, gains)
            if entering is None:
                shown = self.inverse[place] * (-1 if lacking > 0 else 1)
                return Infeasible(multipliers=self._multipliers(shown))
            self._exchange(place, entering, high=lacking < 0)
            gains = self._gains()
            self.steps += 1
        return None

    def _take(self, start: Basis, clock: Clock) -> bool:
        """Bring the guessed variables into the basis, as far as they fit; whether time was left."""
        wanted = [*np.flatnonzero(start.pixels).tolist(), *([self.pixels] if start.slack else [])]
        free = set(np.flatnonzero(~start.loose).tolist())
        for variable in wanted:
            if clock.expired():
                return False
            column = self._column(variable)
            place = max(free, key=lambda row: abs(column[row]), default=None)
            if place is not None and column[place] != 0:
                free.remove(place)
                self._pivot(place, variable, column)
        return True

    def _column(self, variable: int) -> Whole:
        """Basis inverse times a variable's column, times the denominator."""
        if variable > self.pixels:
            return -self.inverse[:, variable - self.pixels - 1]
        entries = -self.stretch if variable == self.pixels else self.rows[:, variable]
        column: Whole = self.inverse @ entries
        return column

    def _columns_times(self, values: Whole) -> Whole:
        """(rows, -elastic, -I) times values of all variables."""
        n = self.pixels
        product: Whole = self.rows @ values[:n] - self.stretch * values[n] - values[n + 1 :]
        return product

    def _times_columns(self, weights: Whole) -> Whole:
        """Weights (k,) of the rows times (rows, -elastic, -I)."""
        used = np.flatnonzero(weights)
        sums = weights[used] @ self.rows[used]
        if not len(used):
            sums = np.zeros(self.pixels, dtype=int).astype(object)
        return np.concatenate([sums, [-(weights @ self.stretch)], -weights])

    def _duals(self) -> Whole:
        """The multipliers (k,) of the rows, times the denominator."""
        place = np.flatnonzero(self.basic == self.pixels)
        return self.inverse[place[0]] if len(place) else 0 * self.stretch

    def _gains(self) -> Whole:
        """What one more of each variable outside adds to s, times the denominator."""
        gains = -self._times_columns(self._duals())
        if self.outside[self.pixels]:
            gains[self.pixels] += self.denominator
        return np.where(self.outside, gains, 0)

    def _worst(self, inside: Whole) -> tuple[int | None, int]:
        """A variable of the basis that is beyond a bound, and what it lacks, below 0 from above."""
        low = self.low[self.basic] * self.denominator - inside
        high = self.high[self.basic] * self.denominator - inside
        beyond = np.flatnonzero((low > 0) | (high < 0))
        if not len(beyond):
            return None, 0
        lacking = np.where(low > 0, low, high)
        if self.steps > _PATIENCE * (self.size + 5):
            place = int(min(beyond, key=lambda i: self.basic[i]))
        else:
            place = int(max(beyond, key=lambda i: abs(lacking[i])))
        return place, lacking[place]

    def _enter(self, place: int, lacking: int, gains: Whole) -> int | None:
        """The variable that enters the basis; None if nothing brings `place` to its bound.

        Variables whose gain changes its sign on the way are put to their other bound, as long as
        that does not bring `place` there.
        """
        slope = self._times_columns(self.inverse[place])
        # place = -sum slope_j x_j: what helps is at its lower bound with one sign of the slope, and
        # at its upper one with the other
        helpful = np.where(self.at_high, slope, -slope) * (1 if lacking > 0 else -1) > 0
        able = np.flatnonzero(helpful & self.outside & (self.low != self.high))
        reach = np.abs(slope) * (self.high - self.low)
        if reach[able].sum() < abs(lacking):
            return None
        # in the order of gain / slope: two of these that differ do so by more than 1 / steepest^2
        slopes = np.abs(slope[able])
        ratios = np.abs(gains[able]) * slopes.max() ** 2 // slopes
        order = [j for _, j in sorted(zip(ratios.tolist(), able.tolist(), strict=True))]
        if self.steps > _PATIENCE * (self.size + 5):
            return order[0]
        left = abs(lacking)
        for variable in order:
            left -= reach[variable]
            if left <= 0:
                return variable
            self._put(variable, high=not self.at_high[variable])
        raise AssertionError("the reach of all is the sum of each one's")

    def _put(self, variable: int, *, high: bool) -> None:
        """Move a variable outside the basis to a bound."""
        change = self._bound(variable, high=high) - self._bound(
            variable, high=bool(self.at_high[variable])
        )
        self._shift(variable, -change)
        self.at_high[variable] = high

    def _bound(self, variable: int, *, high: bool) -> int:
        value: int = (self.high if high else self.low)[variable]
        return value

    def _shift(self, variable: int, amount: int) -> None:
        """Add a multiple of a variable's column to the right side."""
        if variable > self.pixels:
            self.right[variable - self.pixels - 1] -= amount
        elif variable == self.pixels:
            self.right -= self.stretch * amount
        else:
            self.right += self.rows[:, variable] * amount

    def _exchange(self, place: int, entering: int, *, high: bool) -> None:
        """Let a variable enter at `place`; the one there goes to a bound."""
        leaving = int(self.basic[place])
        self._shift(entering, self._bound(entering, high=bool(self.at_high[entering])))
        self.at_high[entering] = False
        self._pivot(place, entering, self._column(entering))
        self.at_high[leaving] = high
        self._shift(leaving, -self._bound(leaving, high=high))

    def _pivot(self, place: int, entering: int, column: Whole) -> None:
        pivot, source = column[place], self.inverse[place].copy()
        # divides exactly: these are minors of whole matrices
        self.inverse = (self.inverse * pivot - np.outer(column, source)) // self.denominator
        self.inverse[place] = source
        self.denominator = pivot
        if pivot < 0:
            self.denominator, self.inverse = -pivot, -self.inverse
        self.outside[self.basic[place]], self.outside[entering] = True, False
        self.basic[place] = entering

    def _multipliers(self, weights: Whole) -> Whole:
        """Those of a sum of rows that has an upper limit.

        A row's value may stand at its ceiling in that sum, which the pixels have set: the sum
        without the row is no larger.
        """
        return np.where(self.program.equal, weights, np.maximum(weights, 0))

    def _optimum(self, inside: Whole) -> Feasible:
        values: Whole = np.where(self.at_high, self.high, self.low) * self.denominator
        values[self.basic] = inside
        n = self.pixels
        return Feasible(
            slack=Fraction(int(values[n]), self.denominator),
            point=values[:n],
            denominator=self.denominator,
            multipliers=self._multipliers(-self._duals()),
            tight=values[n + 1 :] == self.program.need * self.denominator,
        )


def whole(values: npt.ArrayLike, shift: int) -> Whole:
    """Float64 numbers times 2^shift, which must be whole."""
    return np.array([_whole(value, shift) for value in np.ravel(values).tolist()], dtype=object)


def _whole(value: float, shift: int) -> int:
    above, below = value.as_integer_ratio()
    return (above << shift) // below


def shift_of(values: npt.ArrayLike) -> int:
    """The least shift with which each of some float64 numbers, times 2^shift, is whole."""
    below: list[Any] = [value.as_integer_ratio()[1] for value in np.ravel(values).tolist()]
    return max(below, default=1).bit_length() - 1
