"""Loops on vectors do what NumPy does."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from signflip.compiled import compiled
from signflip.exact import vectors
from signflip.exact.products import Small, Whole


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
