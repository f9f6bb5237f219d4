"""Elimination against brute force over all assignments."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.exact.elimination import FORBIDDEN, Factor, forbidding, maximise


@st.composite
def sums(draw: st.DrawFn) -> tuple[int, list[Factor]]:
    size = draw(st.integers(1, 7))
    factors = []
    for _ in range(draw(st.integers(0, 8))):
        scope = tuple(sorted(draw(st.sets(st.integers(0, size - 1), max_size=4))))
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        factors.append(Factor(scope, rng.integers(-9, 10, (2,) * len(scope))))
    for _ in range(draw(st.integers(0, 2))):
        ruled = sorted(draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=3)))
        values = np.array([draw(st.booleans()) for _ in ruled])
        factors.append(forbidding(np.array(ruled, dtype=np.int64), values))
    return size, factors


def value_of(factors: list[Factor], choice: tuple[int, ...]) -> int:
    return sum(int(each.table[tuple(choice[i] for i in each.scope)]) for each in factors)


@settings(max_examples=200)
@given(sums())
def test_the_maximum_is_that_of_brute_force(drawn: tuple[int, list[Factor]]) -> None:
    size, factors = drawn
    best = max(value_of(factors, choice) for choice in product((0, 1), repeat=size))
    found = maximise(factors, size, widest=8)
    assert found.exact
    if best > FORBIDDEN / 2:
        assert found.value == best
        assert value_of(factors, tuple(found.choice.astype(int).tolist())) == best
    else:
        assert found.value < FORBIDDEN / 2


@settings(max_examples=200)
@given(sums(), st.integers(2, 4))
def test_split_tables_bound_the_maximum(drawn: tuple[int, list[Factor]], widest: int) -> None:
    size, factors = drawn
    best = max(value_of(factors, choice) for choice in product((0, 1), repeat=size))
    found = maximise(factors, size, widest=max(widest, *(len(each.scope) for each in factors), 1))
    assert found.value >= best or found.value < FORBIDDEN / 2
    if found.exact and best > FORBIDDEN / 2:
        assert found.value == best


def test_a_long_chain_is_no_work() -> None:
    rng = np.random.default_rng(1)
    tables = [Factor((i, i + 1, i + 2), rng.integers(-9, 10, (2, 2, 2))) for i in range(2000)]
    found = maximise(tables, 2002, widest=4)
    assert found.exact
    assert value_of(tables, tuple(found.choice.astype(int).tolist())) == found.value
    flipped = found.choice.copy()
    flipped[777] ^= True
    assert value_of(tables, tuple(flipped.astype(int).tolist())) <= found.value


@pytest.mark.parametrize("values", [[True, False], [False, False], [True, True]])
def test_a_forbidden_assignment_is_not_chosen(values: list[bool]) -> None:
    reward = Factor((0, 3), np.where(np.ones((2, 2)), 0, 0) + 5 * np.eye(2, dtype=np.int64))
    found = maximise([reward, forbidding(np.array([3, 0]), np.array(values))], 4, widest=3)
    assert (bool(found.choice[3]), bool(found.choice[0])) != tuple(values)
