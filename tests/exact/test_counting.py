import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from signflip.exact.counting import majority


@given(st.integers(1, 3).flatmap(lambda n: arrays(np.uint64, 16 * n)), st.integers(-3, 60))
def test_majority_counts(masks: npt.NDArray[np.uint64], need: int) -> None:
    counts = [sum(int(mask) >> index & 1 for mask in masks) for index in range(64)]
    expected = sum(1 << index for index, count in enumerate(counts) if count >= need)
    assert int(majority(masks, need)) == expected


@pytest.mark.parametrize("count", [16, 256, 8192, 20_000])
def test_majority_of_many(count: int) -> None:
    # pattern i stands in the first i / 63 of the masks
    shares = np.arange(64) * count // 63
    bits = np.arange(count)[:, None] < shares
    masks = (bits * (np.uint64(1) << np.arange(64, dtype=np.uint64))).sum(axis=1, dtype=np.uint64)
    padded = np.append(masks, np.zeros(-count % 16, dtype=np.uint64))
    for need in (1, count // 2, count - 1, count):
        found = int(majority(padded, need))
        expected = sum(1 << int(i) for i in np.flatnonzero(shares >= need))
        # beyond the counter's digits it may let patterns through, and must not lose any
        assert found & expected == expected
        assert found == expected or need > 2**13
