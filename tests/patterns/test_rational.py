"""The exact programs against the slow oracle, their certificates by hand, and their starts."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.arrays import Booleans
from signflip.clock import Clock
from signflip.patterns.rational import (
    MOST_ROWS,
    Basis,
    BoxProgram,
    Feasible,
    Infeasible,
    Whole,
    shift_of,
    solve,
    whole,
)
from tests.support.rational_lp import maximise

FOREVER = Clock.start(None)


@st.composite
def programs(draw: st.DrawFn) -> BoxProgram:
    """Small programs with ties, fixed pixels, equal and opposite rows, some of them equalities."""
    size, pixels = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = rng.choice([-1, 1], (size, pixels)).astype(np.int8)
    if draw(st.booleans()):
        rows[rng.random(rows.shape) < 0.3] = 0
    if size > 1 and draw(st.booleans()):
        rows[1] = rows[0] * draw(st.sampled_from([1, -1]))
    ends = np.sort(rng.integers(-6, 7, (2, pixels)), axis=0)
    inner = rng.integers(ends[0], ends[1] + 1)
    # about what some point has
    need = rows.astype(int) @ inner + rng.integers(-4, 4, size) * draw(st.sampled_from([0, 1]))
    return BoxProgram(
        rows=rows,
        need=need.astype(object),
        elastic=rng.random(size) < draw(st.sampled_from([0.0, 0.5, 1.0])),
        equal=rng.random(size) < draw(st.sampled_from([0.0, 0.0, 0.4])),
        lower=ends[0].astype(object),
        upper=ends[1].astype(object),
    )


def starts(program: BoxProgram) -> st.SearchStrategy[Basis | None]:
    """No start, or any, however bad."""
    size, pixels = program.rows.shape

    def some(count: int) -> st.SearchStrategy[Booleans]:
        return st.lists(st.booleans(), min_size=count, max_size=count).map(np.array)

    return st.none() | st.builds(
        Basis, pixels=some(pixels), high=some(pixels), slack=st.booleans(), loose=some(size)
    )


def by_oracle(program: BoxProgram) -> Fraction | None:
    """The largest slack, at most 100; None without any point."""
    size, pixels = program.rows.shape
    offset = 1000  # s runs from -offset
    rows: list[list[int]] = []
    limits: list[int] = []
    for j in range(size):
        row = [-int(w) for w in program.rows[j]] + [int(program.elastic[j])]
        limit = -int(program.need[j]) + int(program.rows[j].astype(int) @ program.lower)
        rows.append(row)
        limits.append(limit + offset * int(program.elastic[j]))
        if program.equal[j]:
            rows.append([-entry for entry in row])
            limits.append(-limit - offset * int(program.elastic[j]))
    for i in range(pixels):
        rows.append([int(i == k) for k in range(pixels)] + [0])
        limits.append(int(program.upper[i] - program.lower[i]))
    rows.append([0] * pixels + [1])
    limits.append(offset + 100)
    found = maximise([0] * pixels + [1], rows, limits)
    return None if found is None else found[0] - offset


def most(program: BoxProgram, multipliers: Whole) -> int:
    """The largest `sum_j multipliers_j (rows_j . x - need_j)` in the box."""
    slope = multipliers @ program.rows.astype(object)
    best = np.where(slope > 0, program.upper, program.lower)
    return int(slope @ best - multipliers @ program.need)


def check_multipliers(program: BoxProgram, multipliers: Whole) -> int:
    assert np.all((multipliers >= 0) | program.equal)
    return int(multipliers @ program.elastic.astype(int))


@settings(max_examples=300)
@given(st.data())
def test_it_agrees_with_the_oracle_from_any_start(data: st.DataObject) -> None:
    program = data.draw(programs())
    # an elastic equality is none that is ever asked for
    program.equal[program.elastic] = False
    answer = solve(program, data.draw(starts(program)), FOREVER)
    expected = by_oracle(program)
    if isinstance(answer, Infeasible):
        assert expected is None
        check_multipliers(program, answer.multipliers)
        # for the least slack that its elastic rows can be given
        assert most(program, answer.multipliers) < 0
        return
    assert answer is not None
    assert expected is not None
    check_point(program, answer)
    if program.elastic.any():
        assert answer.slack == expected
        stretch = check_multipliers(program, answer.multipliers)
        assert stretch > 0
        assert Fraction(most(program, answer.multipliers), stretch) == answer.slack
    else:
        assert answer.slack > 0


def check_point(program: BoxProgram, answer: Feasible) -> None:
    point = [Fraction(value, answer.denominator) for value in answer.point]
    bounds = zip(program.lower, point, program.upper, strict=True)
    assert all(low <= value <= high for low, value, high in bounds)
    for j, row in enumerate(program.rows.tolist()):
        value = sum((w * x for w, x in zip(row, point, strict=True)), Fraction(0))
        value -= int(program.elastic[j]) * answer.slack
        assert value == program.need[j] if program.equal[j] else value >= program.need[j]
        assert (value == program.need[j]) == answer.tight[j]


@pytest.mark.parametrize("size", [1, 5, 20])
def test_many_pixels_and_a_certificate_of_their_optimum(size: int) -> None:
    rng = np.random.default_rng(size)
    rows = rng.choice([-1, 1], (size, 400)).astype(np.int8)
    ends = np.sort(rng.random((2, 400)), axis=0)
    need = rows @ (ends.sum(axis=0) / 2) + rng.normal(size=size)
    shift = shift_of(np.concatenate([ends.ravel(), need]))
    program = BoxProgram(
        rows=rows,
        need=whole(need, shift),
        elastic=np.arange(size) % 2 == 0,
        equal=np.zeros(size, dtype=np.bool_),
        lower=whole(ends[0], shift),
        upper=whole(ends[1], shift),
    )
    answer = solve(program, None, FOREVER)
    assert isinstance(answer, Feasible)
    check_point(program, answer)
    stretch = check_multipliers(program, answer.multipliers)
    assert Fraction(most(program, answer.multipliers), stretch) == answer.slack


def test_without_time_there_is_no_answer() -> None:
    program = BoxProgram(
        rows=np.ones((1, 1), dtype=np.int8),
        need=np.array([1], dtype=object),
        elastic=np.array([True]),
        equal=np.array([False]),
        lower=np.array([0], dtype=object),
        upper=np.array([2], dtype=object),
    )
    assert solve(program, None, Clock.start(0)) is None


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_whole_numbers_are_exact(values: list[float]) -> None:
    shift = shift_of(values)
    exact = [Fraction(number, 2**shift) for number in whole(values, shift)]
    assert exact == [Fraction(value) for value in values]
    assert shift == 0 or any(number % 2 for number in whole(values, shift))


def test_more_rows_than_the_memory_holds_are_not_begun() -> None:
    count = MOST_ROWS + 1
    program = BoxProgram(
        rows=np.ones((count, 1), dtype=np.int8),
        need=np.zeros(count, dtype=object),
        elastic=np.zeros(count, dtype=np.bool_),
        equal=np.zeros(count, dtype=np.bool_),
        lower=np.zeros(1, dtype=object),
        upper=np.ones(1, dtype=object),
    )
    assert solve(program, None, FOREVER) is None
