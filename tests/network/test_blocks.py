"""Products by dense blocks against the matrix itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from signflip.arrays import Floats
from signflip.network import Conv2d, LinearMap, Pool, Sparse
from signflip.network.maps import blocks, sparse
from signflip.network.maps.blocks import FEWEST_ROWS, Blocks
from signflip.network.maps.sparse import SparseMap
from tests.support.map_strategies import conv_maps, sparse_maps

maps = st.one_of(conv_maps((2, 3, 3)), conv_maps((4, 3, 2)), sparse_maps(6))


def check(made: Blocks, linear: LinearMap, seed: int) -> None:
    """Compare sums of whole numbers, which no order of addition rounds."""
    matrix = linear.rows(slice(None)).astype(np.int64)
    rng = np.random.default_rng(seed)
    for count in (0, 1, 3):
        values = rng.integers(-9, 10, (count, linear.inputs)).astype(np.float64)
        above = rng.integers(-9, 10, (count, linear.neurons)).astype(np.float64)
        assert np.array_equal(made.apply(values), values @ matrix.T)
        assert np.array_equal(made.transpose(above), above @ matrix)
        assert made.apply(values.astype(np.float32)).dtype == np.float32
    rows = [block.rows.ravel() for block in made.blocks]
    covered = np.concatenate([*rows, np.empty(0, dtype=np.int64)])
    assert len(np.unique(covered)) == len(covered)


@settings(max_examples=200)
@given(maps, st.integers(0, 2**32))
def test_blocks_are_the_matrix(linear: SparseMap, seed: int) -> None:
    check(linear.blocks(), linear, seed)
    check(Blocks.of(linear.matrix), linear, seed)


@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 0, 2, 1)])
def test_a_convolution_is_found_in_its_matrix(padding: tuple[int, int, int, int]) -> None:
    rng = np.random.default_rng(0)
    weight = rng.choice(np.array([-1, 1]), (FEWEST_ROWS, 2, 3, 3))
    conv = Conv2d(weight, (2, 7, 6), padding=padding)
    own = conv.blocks().blocks
    assert [block.weight.shape for block in own] == [(FEWEST_ROWS, 18)]
    assert own[0].rows.shape == (20, FEWEST_ROWS)
    shuffled = Sparse(conv.matrix[:, rng.permutation(conv.inputs)])
    found = Blocks.of(shuffled.matrix)
    # a permutation reorders the weights of each window: all rows are in blocks, few of them shared
    assert sum(block.rows.size for block in found.blocks) == conv.neurons
    assert found.rest.nnz == 0
    check(found, shuffled, 1)
    plain = Blocks.of(conv.matrix).blocks
    assert max(len(block.reads) for block in plain) == 20


def test_what_has_no_blocks_stays_sparse() -> None:
    pool = Pool((3, 4, 4), (2, 2))
    assert pool.blocks().blocks == ()
    assert pool.blocks().rest is pool.matrix


def test_large_maps_use_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    conv = Conv2d(rng.choice(np.array([-1, 0, 1]), (8, 2, 3, 3)), (2, 5, 5))
    monkeypatch.setattr(sparse, "MANY", 0)
    monkeypatch.setattr(blocks, "product", _only_zeros)  # nothing is left of the matrix
    values = rng.integers(-9, 10, (5, 50))
    assert np.array_equal(conv.apply(values.astype(np.float64)), values @ conv.matrix.T.toarray())
    signs = np.sign(values).astype(np.int8)
    assert np.array_equal(conv.counts(signs), signs @ conv.matrix.T.toarray())


def _only_zeros(matrix: csr_array, values: Floats) -> Floats:
    assert matrix.nnz == 0
    return np.zeros((len(values), matrix.shape[0]), dtype=values.dtype)
