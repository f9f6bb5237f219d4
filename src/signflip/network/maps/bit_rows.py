"""Rows of -1, 0 and +1 as bits: sums of signs by counting where they differ."""

import numpy as np
import numpy.typing as npt

from signflip.arrays import Booleans, Integers, Signs

Words = npt.NDArray[np.uint64]

_AT_ONCE = 1 << 15
"""Words that are worked on together: few enough for the cache."""


class BitRows:
    """A matrix of weights, an eighth of a byte each, or two where some are 0.

    Of n terms that are not 0, d differ in sign from their weights: the sum is n - 2 d.

    Args:
        weight: (neurons, inputs) int8 of -1, 0 and +1.
        fan_in: (neurons,) how many of a row are not 0.
    """

    def __init__(self, weight: Signs, fan_in: Integers) -> None:
        # a word of all neurons lies together: a count is added to theirs at once
        self._positive = np.ascontiguousarray(packed(weight > 0).T)
        self._read = None
        if (fan_in < weight.shape[1]).any():
            self._read = np.ascontiguousarray(packed(weight != 0).T)
        self._fan_in = fan_in.astype(np.float32)

    def sums(self, signs: Signs) -> npt.NDArray[np.float32]:
        """The sums (N, neurons) of `signs` (N, inputs) int8 of -1 and +1. Exact."""
        words, neurons = self._positive.shape
        differ = np.empty((len(signs), neurons), dtype=np.float32)
        width = max(1, _AT_ONCE // words)
        for start in range(0, neurons, width):
            block = slice(start, start + width)
            positive = self._positive[:, block]
            read = None if self._read is None else self._read[:, block]
            for row, given in enumerate(packed(signs > 0)):
                bits = positive ^ given[:, None]
                if read is not None:
                    bits &= read
                differ[row, block] = np.bitwise_count(bits).sum(axis=0, dtype=np.uint32)
        sums: npt.NDArray[np.float32] = self._fan_in - np.float32(2) * differ
        return sums


def packed(bits: Booleans) -> Words:
    """Rows (N, n) as (N, words) of 64 bits, the last filled up with 0."""
    rows = np.packbits(bits, axis=1)
    filled = np.zeros((len(rows), -(-rows.shape[1] // 8) * 8), dtype=np.uint8)
    filled[:, : rows.shape[1]] = rows
    return filled.view(np.uint64)
