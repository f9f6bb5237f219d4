"""Mixed-integer linear programs as plain arrays, and a builder that writes them down."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers
from signflip.clock import Clock

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class MixedProgram:
    """Maximise `objective . x + offset` subject to `row_lower <= A x <= row_upper` and bounds.

    Attributes:
        objective: (columns,) float64.
        offset: a constant that is added to the objective.
        lower: (columns,) float64, -inf for none.
        upper: (columns,) float64, inf for none.
        integer: (columns,) bool, true where x must be an integer.
        priority: (columns,) int64, which integers to branch on first, the highest: advice, which a
            solver may ignore.
        row_start: (rows + 1,) int64: row i of A has the entries `row_start[i]:row_start[i + 1]`.
        index: (entries,) int64, the column of each entry.
        value: (entries,) float64, its coefficient.
        row_lower: (rows,) float64, -inf for none.
        row_upper: (rows,) float64, inf for none.
    """

    objective: Floats
    offset: float
    lower: Floats
    upper: Floats
    integer: Booleans
    priority: Integers
    row_start: Integers
    index: Integers
    value: Floats
    row_lower: Floats
    row_upper: Floats

    @property
    def columns(self) -> int:
        """Number of variables."""
        return len(self.objective)

    @property
    def rows(self) -> int:
        """Number of constraints."""
        return len(self.row_lower)

    def objective_at(self, point: Floats) -> float:
        """The objective at a point (columns,) float64."""
        return float(self.objective @ point) + self.offset

    def row_values(self, point: Floats) -> Floats:
        """`A x` (rows,) float64 at a point (columns,) float64."""
        row_of_entry = np.repeat(np.arange(self.rows), np.diff(self.row_start))
        return np.bincount(
            row_of_entry, weights=self.value * point[self.index], minlength=self.rows
        ).astype(np.float64)

    def with_row(
        self,
        columns: Integers,
        coefficients: Floats,
        *,
        lower: float = -np.inf,
        upper: float = np.inf,
    ) -> "MixedProgram":
        """The program and one more row: `lower <= sum coefficients * x[columns] <= upper`."""
        return replace(
            self,
            row_start=np.append(self.row_start, self.row_start[-1] + len(columns)),
            index=np.concatenate([self.index, columns]),
            value=np.concatenate([self.value, coefficients]),
            row_lower=np.append(self.row_lower, lower),
            row_upper=np.append(self.row_upper, upper),
        )

    def violation(self, point: Floats) -> float:
        """The largest amount by which a point (columns,) breaks a row, a bound or an integer."""
        rows = self.row_values(point)
        parts = (
            self.row_lower - rows,
            rows - self.row_upper,
            self.lower - point,
            point - self.upper,
            np.abs(point - np.round(point))[self.integer],
        )
        return max(0.0, *(float(part.max(initial=0.0)) for part in parts))


WRITING = 3e-7
"""Seconds that it takes to write down an entry and to hand it to a solver, on a slow machine."""


class ProgramBuilder:
    """Writes down a `MixedProgram` column by column and row by row.

    Args:
        clock: the time that there is; None for any.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._entries = 0
        self._objective: list[float] = []
        self._lower: list[float] = []
        self._upper: list[float] = []
        self._integer: list[bool] = []
        self._priority: list[int] = []
        self._indices: list[Integers] = []
        self._values: list[Floats] = []
        self._row_lower: list[float] = []
        self._row_upper: list[float] = []
        self.offset = 0.0

    def column(
        self, lower: float, upper: float, *, integer: bool = False, priority: int = 0
    ) -> int:
        """Add a variable; its index."""
        self._objective.append(0.0)
        self._lower.append(float(lower))
        self._upper.append(float(upper))
        self._integer.append(integer)
        self._priority.append(priority)
        return len(self._objective) - 1

    def columns(self, lower: Floats, upper: Floats) -> Integers:
        """Add continuous variables with bounds (n,) float64; their indices (n,) int64."""
        pairs = zip(lower, upper, strict=True)
        return np.array([self.column(low, high) for low, high in pairs], dtype=np.int64)

    def binary(self, priority: int = 0) -> int:
        """Add a variable that is 0 or 1; its index."""
        return self.column(0.0, 1.0, integer=True, priority=priority)

    def add_objective(self, column: int, coefficient: float) -> None:
        """Add `coefficient * x[column]` to the objective."""
        self._objective[column] += float(coefficient)

    def row(
        self,
        columns: Integers | Sequence[int],
        coefficients: Floats | Sequence[float],
        *,
        lower: float = -np.inf,
        upper: float = np.inf,
    ) -> int:
        """Add `lower <= sum coefficients * x[columns] <= upper`; the row's index.

        Each column may be named once.
        """
        self._entries += len(columns)
        self._indices.append(np.asarray(columns, dtype=np.int64))
        self._values.append(np.asarray(coefficients, dtype=np.float64))
        self._row_lower.append(float(lower))
        self._row_upper.append(float(upper))
        return len(self._row_lower) - 1

    def expect(self, entries: int) -> None:
        """Say before writing rows how many entries they have.

        Raises:
            OutOfTime: there is no time to write them, or to hand the program to a solver.
        """
        total = self._entries + entries
        if self._clock is not None:
            what = f"Writing down a program of {total:,} entries"
            self._clock.allow(total * WRITING, what)

    def build(self) -> MixedProgram:
        """The program as it stands; the builder can be used further."""
        lengths = [len(indices) for indices in self._indices]
        return MixedProgram(
            objective=np.array(self._objective, dtype=np.float64),
            offset=self.offset,
            lower=np.array(self._lower, dtype=np.float64),
            upper=np.array(self._upper, dtype=np.float64),
            integer=np.array(self._integer, dtype=np.bool_),
            priority=np.array(self._priority, dtype=np.int64),
            row_start=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            index=np.concatenate([np.zeros(0, dtype=np.int64), *self._indices]),
            value=np.concatenate([np.zeros(0), *self._values]),
            row_lower=np.array(self._row_lower, dtype=np.float64),
            row_upper=np.array(self._row_upper, dtype=np.float64),
        )
