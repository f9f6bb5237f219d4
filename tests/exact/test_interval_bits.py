"""Bits of signs that neurons may have, against a loop over neurons."""

import itertools

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from signflip.compiled import compiled
from signflip.exact.counting import Sums, Words
from signflip.exact.interval_bits import NEURONS, enough_bits, range_bits
from signflip.exact.upper import packed
from signflip.exact.vectors import LANES

Longs = npt.NDArray[np.int64]
FIRST = 3


@compiled()
def _range(sums: Sums, gain: Sums, loss: Sums, first: int, found: Words) -> None:
    found[0] = range_bits(sums, gain, loss, first)


@compiled()
def _enough(
    plus: Words, minus: Words, known: Words, row: int, need: Longs, first: int, found: Words
) -> None:
    found[0] = enough_bits(plus, minus, known, row, need[0], need[1], first)


def bits(*truths: list[bool]) -> int:
    return sum(1 << k for k, true in enumerate(itertools.chain(*truths)) if true)


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 40, 32_767]))
def test_the_signs_that_ranges_of_sums_allow(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    count = FIRST + LANES + 2
    sums = rng.integers(-size - 1, size + 1, count).astype(np.int16)
    gain, loss = (rng.integers(0, size + 1, count).astype(np.int16) for _ in range(2))
    found = np.zeros(1, dtype=np.uint64)
    _range(sums, gain, loss, FIRST, found)
    places = range(FIRST, FIRST + LANES)
    plus = [int(sums[k]) + int(gain[k]) >= 0 for k in places]
    minus = [int(sums[k]) - int(loss[k]) < 0 for k in places]
    assert int(found[0]) == bits(plus, minus)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_the_signs_that_inputs_allow(seed: int, words: int) -> None:
    rng = np.random.default_rng(seed)
    width, first, row = 3 * NEURONS, NEURONS, int(rng.integers(0, 2))
    weight = rng.integers(-1, 2, (width, 64 * words))
    may = rng.random((3, 64 * words)) < 0.6
    plus, minus = (np.ascontiguousarray(packed(weight == sign, words).T) for sign in (1, -1))
    need = np.sort(rng.integers(0, 50 * words, (2, width)), axis=0)
    found = np.zeros(1, dtype=np.uint64)
    _enough(plus, minus, packed(may, words), row, need, first, found)
    suits = (weight == 1) & may[row] | (weight == -1) & may[row + 1]
    opposes = (weight == -1) & may[row] | (weight == 1) & may[row + 1]
    neurons = slice(first, first + NEURONS)
    enough = [(suits.sum(axis=1) >= need[0])[neurons], (opposes.sum(axis=1) >= need[1])[neurons]]
    assert int(found[0]) == bits(*(each.tolist() for each in enough))
