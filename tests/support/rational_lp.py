"""An exact linear program solver for the oracle: small, slow, and right.

The simplex method on a condensed tableau of integers with one common denominator (Edmonds'
fraction-free pivoting) and Bland's rule, which never cycles.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

Number = int | Fraction


def maximise(
    objective: Sequence[int], rows: Sequence[Sequence[int]], limits: Sequence[Number]
) -> tuple[Fraction, list[Fraction]] | None:
    """The maximum of `objective . v` over `v >= 0`, `rows @ v <= limits`, and a point that has it.

    Args:
        objective: (variables,) integers.
        rows: (constraints, variables) integers.
        limits: (constraints,) exact numbers.

    Returns:
        (maximum, point), or None if no point satisfies the constraints.

    Raises:
        ArithmeticError: there is no maximum, the program is unbounded.
    """
    scale = lcm(*(Fraction(limit).denominator for limit in limits))
    tableau = _Tableau(objective, rows, [int(limit * scale) for limit in limits])
    if not tableau.make_feasible():
        return None
    tableau.climb(_OBJECTIVE)
    point = [value / scale for value in tableau.point()]
    return sum((c * v for c, v in zip(objective, point, strict=True)), Fraction(0)), point


_OBJECTIVE, _PHASE_ONE = -2, -1  # the last two rows of the tableau


class _Tableau:
    """Basic variable i = (rows[i][-1] - sum_j rows[i][j] * nonbasic j) / denominator."""

    def __init__(
        self, objective: Sequence[int], rows: Sequence[Sequence[int]], limits: Sequence[int]
    ) -> None:
        self.variables = len(objective)
        self.artificial = self.variables + len(rows)
        self.columns = [*range(self.variables), self.artificial]
        self.basis = [self.variables + i for i in range(len(rows))]
        self.rows = [[*row, -1, limit] for row, limit in zip(rows, limits, strict=True)]
        self.rows.append([*(-c for c in objective), 0, 0])
        self.rows.append([*(0 for _ in objective), 1, 0])  # maximise -artificial
        self.denominator = 1

    def make_feasible(self) -> bool:
        column = self.columns.index(self.artificial)
        worst = min(range(len(self.basis)), key=lambda i: self.rows[i][-1], default=None)
        if worst is not None and self.rows[worst][-1] < 0:
            self.pivot(worst, column)
            self.climb(_PHASE_ONE)
            if self.rows[_PHASE_ONE][-1] < 0:
                return False
            if self.artificial in self.basis:
                row = self.basis.index(self.artificial)
                self.pivot(row, next(j for j, entry in enumerate(self.rows[row][:-1]) if entry))
            column = self.columns.index(self.artificial)
        del self.columns[column]
        self.rows = [entries[:column] + entries[column + 1 :] for entries in self.rows]
        return True

    def climb(self, goal: int) -> None:
        while True:
            entering = [j for j in range(len(self.columns)) if self.rows[goal][j] < 0]
            if not entering:
                return
            column = min(entering, key=lambda j: self.columns[j])
            leaving = [i for i in range(len(self.basis)) if self.rows[i][column] > 0]
            if not leaving:
                raise ArithmeticError("the linear program is unbounded")
            self.pivot(min(leaving, key=lambda i: self._ratio(i, column)), column)

    def _ratio(self, row: int, column: int) -> tuple[Fraction, int]:
        return Fraction(self.rows[row][-1], self.rows[row][column]), self.basis[row]

    def pivot(self, row: int, column: int) -> None:
        source = self.rows[row]
        pivot = source[column]
        for i, target in enumerate(self.rows):
            if i != row:
                factor = target[column]
                self.rows[i] = [
                    (t * pivot - factor * s) // self.denominator  # divides exactly
                    for t, s in zip(target, source, strict=True)
                ]
                self.rows[i][column] = -factor
        source[column] = self.denominator
        self.denominator = pivot
        if pivot < 0:
            self.denominator = -pivot
            self.rows = [[-entry for entry in target] for target in self.rows]
        self.basis[row], self.columns[column] = self.columns[column], self.basis[row]

    def point(self) -> list[Fraction]:
        values = [Fraction(0)] * self.variables
        for variable, row in zip(self.basis, self.rows, strict=False):
            if variable < self.variables:
                values[variable] = Fraction(row[-1], self.denominator)
        return values
