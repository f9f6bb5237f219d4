from fractions import Fraction
from typing import Any

import highspy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rational_lp import maximise


def highs(
    objective: list[int], rows: list[list[int]], limits: list[Fraction]
) -> tuple[str, float | None]:
    """Status and maximum in floating point, by an independent solver."""
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.silent()
    variables = [solver.addVariable(0, highspy.kHighsInf) for _ in objective]
    for row, limit in zip(rows, limits, strict=True):
        indices = np.arange(len(row), dtype=np.int32)
        solver.addRow(-highspy.kHighsInf, float(limit), len(row), indices, np.array(row, float))
    solver.maximize(
        sum((c * v for c, v in zip(objective, variables, strict=True)), 0 * variables[0])
    )
    status = solver.modelStatusToString(solver.getModelStatus())
    return status, solver.getObjectiveValue() if status == "Optimal" else None


@given(st.data())
def test_maximum_is_that_of_another_solver(data: st.DataObject) -> None:
    variables = data.draw(st.integers(1, 4))
    row = st.lists(st.integers(-2, 2), min_size=variables, max_size=variables)
    objective = data.draw(row)
    rows = data.draw(st.lists(row, max_size=5))
    limits = [Fraction(data.draw(st.integers(-12, 24)), 8) for _ in rows]
    # a wall makes the program bounded
    rows, limits = [*rows, [1] * variables], [*limits, Fraction(7)]
    status, value = highs(objective, rows, limits)
    found = maximise(objective, rows, limits)
    if found is None:
        assert status == "Infeasible"
        return
    maximum, point = found
    assert value == pytest.approx(float(maximum), abs=1e-6)
    assert all(entry >= 0 for entry in point)
    for coefficients, limit in zip(rows, limits, strict=True):
        assert sum(c * v for c, v in zip(coefficients, point, strict=True)) <= limit
    assert sum(c * v for c, v in zip(objective, point, strict=True)) == maximum


def test_the_maximum_is_exact() -> None:
    third = Fraction(1, 3)
    found = maximise([1, 0], [[3, -1], [1, 1]], [third, Fraction(10) ** -30])
    assert found is not None
    assert found[0] == Fraction(1, 10**30)
    assert maximise([1], [[1], [-1]], [third, -third]) == (third, [third])
    assert maximise([1], [[1], [-1]], [third, -third - Fraction(1, 10**40)]) is None


def test_a_cycling_example_ends() -> None:
    # Beale's example, on which the usual pivot rule runs in a circle
    found = maximise(
        [75, -15000, 2, -600],
        [[25, -6000, -4, 900], [50, -9000, -2, 300], [0, 0, 1, 0]],
        [0, 0, 1],
    )
    assert found is not None
    assert found[0] == 5


def test_an_unbounded_program_is_an_error() -> None:
    with pytest.raises(ArithmeticError, match="unbounded"):
        maximise([1], [[-1]], [0])
