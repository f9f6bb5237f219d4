"""Products on vectors are those of NumPy, at any width and for any number of rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from signflip.compiled import compiled
from signflip.exact import products

I16, I32, F32 = np.int16, np.int32, np.float32


@compiled()
def _dots(
    matrix: products.Small,
    vector: products.Small,
    rows: products.Indices,
    count: int,
    found: products.Whole,
) -> None:
    products.dot_rows(matrix, vector, rows, count, found)


@compiled()
def _gram(
    left: products.Small, right: products.Small, count: int, width: int, found: products.Whole
) -> None:
    products.gram(left, right, count, width, found)


@given(rows=st.integers(1, 9), width=st.integers(1, 70), seed=st.integers(0, 2**32 - 1))
def test_products_of_rows(rows: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-1, 2, (12, width)).astype(I16)
    vector = rng.integers(-(2**15) + 1, 2**15, width).astype(I16)
    chosen = rng.permutation(12)[:rows].astype(I32)
    found = np.full(12, 7, dtype=I32)
    _dots(matrix, vector, chosen, rows, found)
    assert found[:rows].tolist() == (matrix[chosen].astype(int) @ vector.astype(int)).tolist()
    assert (found[rows:] == 7).all()


@given(
    count=st.integers(1, 11),
    width=st.integers(1, 70),
    more=st.integers(0, 3),
    seed=st.integers(0),
)
def test_a_symmetric_product(count: int, width: int, more: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    right = rng.integers(-1, 2, (count + 2, width + more)).astype(I16)
    left = (right * rng.integers(0, 16_001, width + more)).astype(I16)
    found = np.zeros((count + 2, count + 2), dtype=I32)
    _gram(left, right, count, width, found)
    wanted = left[:count, :width].astype(int) @ right[:count, :width].T.astype(int)
    assert found[:count, :count].tolist() == wanted.tolist()
    assert not found[count:].any()
    assert not found[:, count:].any()
