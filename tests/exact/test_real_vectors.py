"""Loops on vectors of float32 do what NumPy does."""

import numpy as np
import pytest

from signflip.compiled import compiled
from signflip.exact import real_vectors
from signflip.exact.joint import Reals
from signflip.exact.vectors import LANES

F32 = np.float32


@compiled()
def _turned(table: Reals, row: int, factors: Reals, count: int, length: Reals) -> None:
    length[0] = real_vectors.turned(table, row, factors, count)


@pytest.mark.parametrize("count", range(1, 12))
def test_a_row_becomes_the_direction_of_a_sum(count: int) -> None:
    rng = np.random.default_rng(count)
    table = rng.standard_normal((13, LANES)).astype(F32)
    factors, length = rng.standard_normal(13).astype(F32), np.zeros(1, dtype=F32)
    before = table.copy()
    total = factors[:count].astype(float) @ before[:count].astype(float)
    row = count // 2
    _turned(table, row, factors, count, length)
    assert length[0] == pytest.approx(np.linalg.norm(total), rel=1e-5)
    np.testing.assert_allclose(table[row], total / np.linalg.norm(total), rtol=1e-4, atol=1e-6)
    others = np.arange(13) != row
    assert (table[others] == before[others]).all()


def test_a_row_stays_where_there_is_no_direction() -> None:
    table, length = np.ones((3, LANES), dtype=F32), np.ones(1, dtype=F32)
    _turned(table, 1, np.zeros(3, dtype=F32), 3, length)
    assert length[0] == 0
    assert (table == 1).all()


@compiled()
def _squared_sums(table: Reals, factors: Reals, first: int, count: int, sums: Reals) -> None:
    real_vectors.squared_sums(table, factors, first, count, sums)


@pytest.mark.parametrize("count", [0, 1, 5, 13])
def test_squared_sums_of_rows(count: int) -> None:
    rng = np.random.default_rng(count)
    table = rng.standard_normal((13, 3 * LANES)).astype(F32)
    factors = rng.standard_normal((13, LANES)).astype(F32)
    sums = np.full(3 * LANES, -1, dtype=F32)
    _squared_sums(table, factors, LANES, count, sums)
    here = slice(LANES, 2 * LANES)
    expected = ((factors[:count].T.astype(float) @ table[:count, here]) ** 2).sum(axis=0)
    np.testing.assert_allclose(sums[here], expected, rtol=1e-4, atol=1e-5)
    assert (sums[: here.start] == -1).all()
    assert (sums[here.stop :] == -1).all()
