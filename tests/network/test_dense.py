"""Matrices too large to be kept as floats: the same sums, of bits and of bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.network.maps import dense
from signflip.network.maps.bit_rows import BitRows, packed
from signflip.network.maps.dense import Dense


@st.composite
def matrices(draw: st.DrawFn) -> tuple[np.random.Generator, np.ndarray]:
    """A generator, and weights around the sizes of words, with zeros or without."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.sampled_from([1, 5, 130])), draw(st.sampled_from([1, 7, 8, 63, 64, 65, 200]))
    least = draw(st.sampled_from([(-1, 1), (-1, 0, 1), (0, 0, 1)]))
    return rng, rng.choice(np.array(least, dtype=np.int8), shape)


@given(matrices(), st.integers(0, 3))
def test_bits_give_the_sums(drawn: tuple[np.random.Generator, np.ndarray], count: int) -> None:
    rng, weight = drawn
    signs = rng.choice(np.array([-1, 1], dtype=np.int8), (count, weight.shape[1]))
    sums = BitRows(weight, np.count_nonzero(weight, axis=1)).sums(signs)
    assert sums.dtype == np.float32
    assert np.array_equal(sums, signs.astype(np.int64) @ weight.T)


@pytest.mark.parametrize("words", [1, 3])
def test_bits_of_many_neurons_come_in_blocks(monkeypatch: pytest.MonkeyPatch, words: int) -> None:
    monkeypatch.setattr("signflip.network.maps.bit_rows._AT_ONCE", 10)
    rng = np.random.default_rng(words)
    weight = rng.choice(np.array([-1, 0, 1], dtype=np.int8), (25, 64 * words))
    signs = rng.choice(np.array([-1, 1], dtype=np.int8), (3, 64 * words))
    sums = BitRows(weight, np.count_nonzero(weight, axis=1)).sums(signs)
    assert np.array_equal(sums, signs.astype(np.int64) @ weight.T)


def test_a_word_is_filled_up_with_zeros() -> None:
    words = packed(np.ones((2, 65), dtype=np.bool_))
    assert words.shape == (2, 2)
    assert np.bitwise_count(words).tolist() == [[64, 1], [64, 1]]


@given(matrices())
def test_a_large_matrix_gives_the_same_sums(
    drawn: tuple[np.random.Generator, np.ndarray],
) -> None:
    rng, weight = drawn
    neurons, inputs = weight.shape
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "MOST_COPIED", 0)
        large = Dense(weight)
        whole, above = rng.integers(-9, 10, (3, inputs)), rng.integers(-9, 10, (3, neurons))
        for kind in (np.int64, np.float64, np.float32):
            assert np.array_equal(large.apply(whole.astype(kind)), whole @ weight.T)
            assert large.apply(whole.astype(kind)).dtype == kind
            assert np.array_equal(large.transpose(above.astype(kind)), above @ weight)
        for signs in (np.sign(whole), np.where(whole > 0, 1, -1)):
            assert np.array_equal(large.counts(signs.astype(np.int8)), signs @ weight.T)
        size = np.abs(whole[0]).astype(np.float64)
        assert np.array_equal(large.magnitude(size), np.abs(weight) @ size)


def test_a_large_network_keeps_no_floats() -> None:
    """Bytes and bits of its weights, and thresholds."""
    rng = np.random.default_rng(0)
    signs = np.array([-1, 1], dtype=np.int8)
    hidden = tuple(
        SignLayer.dense(rng.choice(signs, (1024, inputs)), rng.normal(size=1024))
        for inputs in (784, 1024)
    )
    network = BinaryNetwork(
        hidden, OutputLayer(rng.choice(signs, (10, 1024)), np.ones(10), np.zeros(10))
    )
    network.predict(rng.random((2, 784)))
    for layer in hidden:
        kept = [part for part in vars(layer.map).values() if isinstance(part, np.ndarray)]
        assert sum(array.nbytes for array in kept) < 1.1 * layer.inputs * layer.neurons
