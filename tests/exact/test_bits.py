from typing import Any

import numpy as np
import pytest
from numba import njit

from signflip.exact.bits import (
    BLOCK,
    PATTERNS,
    REACH,
    SUBSETS,
    SUPERSETS,
    lowest_bit,
    popcount,
    usable_patterns,
)


def members(word: int) -> set[int]:
    """Pattern indices of a word."""
    return {index for index in range(PATTERNS) if word >> index & 1}


def flipped(index: int) -> set[int]:
    """Neurons of a block that a pattern flips."""
    return {neuron for neuron in range(BLOCK) if int(SUBSETS[index]) >> neuron & 1}


def test_the_patterns_are_all_subsets_those_with_fewer_flips_first() -> None:
    assert sorted(SUBSETS.tolist()) == list(range(PATTERNS))
    sizes = [len(flipped(index)) for index in range(PATTERNS)]
    assert sizes == sorted(sizes)


def test_supersets() -> None:
    for index in range(PATTERNS):
        expected = {other for other in range(PATTERNS) if flipped(index) <= flipped(other)}
        assert members(int(SUPERSETS[index])) == expected


def test_reach_is_what_counting_says() -> None:
    for raised in range(PATTERNS):
        up = {neuron for neuron in range(BLOCK) if raised >> neuron & 1}
        for need in range(-BLOCK, BLOCK + 2):
            expected = {
                index
                for index in range(PATTERNS)
                if len(flipped(index) & up) - len(flipped(index) - up) >= need
            }
            assert members(int(REACH[raised, need + BLOCK])) == expected


@pytest.mark.parametrize("neurons", range(BLOCK + 1))
def test_usable_patterns_flip_the_first_neurons_only(neurons: int) -> None:
    expected = {index for index in range(PATTERNS) if flipped(index) <= set(range(neurons))}
    assert members(int(usable_patterns(neurons))) == expected


@njit
def _ones(word: Any) -> Any:
    return popcount(word)


@njit
def _lowest(word: Any) -> Any:
    return lowest_bit(word)


@pytest.mark.parametrize("word", [1, 2**63, 2**64 - 1, 0b1011 << 40, 0xDEADBEEF])
def test_counting_of_bits(word: int) -> None:
    assert _ones(np.uint64(word)) == word.bit_count()
    assert _lowest(np.uint64(word)) == (word & -word).bit_length() - 1
