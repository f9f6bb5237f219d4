import numpy as np
import pytest

from signflip.clock import Clock, OutOfTime
from signflip.programs import MixedProgram, ProgramBuilder


def small_program() -> MixedProgram:
    """Maximise 3x - y + 1 over binary x and y in [-1, 2], with 2x + y <= 1.5 and x = 1."""
    builder = ProgramBuilder()
    x = builder.binary(priority=7)
    y = builder.column(-1, 2)
    builder.add_objective(x, 2)
    builder.add_objective(x, 1)
    builder.add_objective(y, -1)
    builder.offset = 1
    builder.row([x, y], [2, 1], upper=1.5)
    builder.row([x], [1], lower=1, upper=1)
    return builder.build()


def test_columns_rows_and_objective() -> None:
    program = small_program()
    assert (program.columns, program.rows) == (2, 2)
    assert program.integer.tolist() == [True, False]
    assert program.priority.tolist() == [7, 0]
    point = np.array([1.0, -0.5])
    assert program.objective_at(point) == 4.5
    assert program.row_values(point).tolist() == [1.5, 1.0]


@pytest.mark.parametrize(
    ("point", "violation"),
    [
        ([1.0, -0.5], 0.0),
        ([1.0, 0.0], 0.5),  # the first row
        ([0.0, -1.0], 1.0),  # the second row, from below
        ([1.0, -1.25], 0.25),  # a bound
        ([0.75, -1.0], 0.25),  # an integer, and the second row
    ],
)
def test_violation_is_that_of_the_worst_constraint(point: list[float], violation: float) -> None:
    assert small_program().violation(np.array(point)) == violation


def test_an_added_row_leaves_the_program_as_it_was() -> None:
    program = small_program()
    further = program.with_row(np.array([1]), np.array([4.0]), lower=-3.0)
    assert further.row_values(np.array([1.0, -0.5])).tolist() == [1.5, 1.0, -2.0]
    assert further.violation(np.array([1.0, -1.0])) == 1.0
    assert program.violation(np.array([1.0, -1.0])) == 0.0
    assert program.rows == 2


def test_a_program_without_rows() -> None:
    builder = ProgramBuilder()
    builder.columns(np.zeros(3), np.ones(3))
    program = builder.build()
    assert program.row_values(np.ones(3)).shape == (0,)
    assert program.violation(np.full(3, 2.0)) == 1.0


def test_rows_that_there_is_no_time_to_write_are_not_begun() -> None:
    builder = ProgramBuilder(Clock.start(1))
    x = builder.column(0, 1)
    builder.row([x], [1.0], upper=1.0)
    builder.expect(100)
    with pytest.raises(OutOfTime, match=r"Writing down a program of 10,000,001 entries"):
        builder.expect(10_000_000)
    ProgramBuilder().expect(10**12)  # nobody waits
