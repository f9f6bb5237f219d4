"""Loops on vectors do what NumPy does."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from signflip.compiled import compiled
from signflip.exact import vectors
from signflip.exact.joint import Reals
from signflip.exact.products import Small, Whole

F32 = np.float32


@compiled()
def _turned(table: Reals, row: int, factors: Reals, count: int, length: Reals) -> None:
    length[0] = vectors.turned(table, row, factors, count)


@pytest.mark.parametrize("count", range(1, 12))
def test_a_row_becomes_the_direction_of_a_sum(count: int) -> None:
    rng = np.random.default_rng(count)
    table = rng.standard_normal((13, vectors.LANES)).astype(F32)
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
    table, length = np.ones((3, vectors.LANES), dtype=F32), np.ones(1, dtype=F32)
    _turned(table, 1, np.zeros(3, dtype=F32), 3, length)
    assert length[0] == 0
    assert (table == 1).all()


@compiled()
def _size(weights: Small, values: Small, found: Whole) -> None:
    found[0] = vectors.weighted_size(weights, values, weights.shape[0])


@pytest.mark.parametrize("count", [0, 63, 64, 130, 784])
def test_the_weighted_size(count: int) -> None:
    rng = np.random.default_rng(count)
    weights = rng.integers(0, 255, count).astype(np.int16)
    values = rng.integers(-4607, 4608, count).astype(np.int16)
    found = np.full(1, -1, dtype=np.int32)
    _size(weights, values, found)
    full = slice(0, count - count % vectors.TOGETHER)
    assert found[0] == int((weights.astype(int) * abs(values.astype(int)))[full].sum())


def test_a_processor_without_the_instruction_has_the_same_products() -> None:
    """The tests of products, compiled for one that has nothing beyond the common set."""
    tests = str(Path(__file__).with_name("test_products.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests]
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    made = subprocess.run(
        command, env={**os.environ, **plain}, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout
    assert "2 passed" in made.stdout
