"""Second-layer neurons counted for all 64 patterns of a block at once, in Numba."""

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.bits import BLOCK, REACH

U64 = np.uint64
Word = np.uint64
Words = npt.NDArray[np.uint64]
Sums = npt.NDArray[np.int16]
ALL = U64(0xFFFFFFFFFFFFFFFF)
COUNTER_DIGITS = 13
"""Of `majority`: its counters have room for `2 ** COUNTER_DIGITS - 1` neurons."""
REACH_LIST = np.ascontiguousarray(REACH.ravel())


@compiled()
def _add(a: Word, b: Word, c: Word) -> tuple[Word, Word]:
    """Full adder of three words: the sum bits and the carry bits."""
    x = a ^ b
    return x ^ c, (a & b) | (x & c)


@compiled()
def majority(masks: Words, need: int) -> Word:
    """The patterns (bits) that stand in at least `need` of `masks`, whose length is a 16-fold.

    A counter for each bit, its digits spread over words, starts at 2^13 - need; whoever carries out
    of the 13th digit has reached `need` (Harley and Seal's counting by full adders).
    """
    if need <= 0:
        return ALL
    start = (1 << COUNTER_DIGITS) - need
    ones, twos, fours, eights = (
        _digit(start, 0),
        _digit(start, 1),
        _digit(start, 2),
        _digit(start, 3),
    )
    d4, d5, d6, d7 = _digit(start, 4), _digit(start, 5), _digit(start, 6), _digit(start, 7)
    d8, d9, d10, d11 = _digit(start, 8), _digit(start, 9), _digit(start, 10), _digit(start, 11)
    d12 = _digit(start, 12)
    done = U64(0)
    for i in range(0, masks.shape[0], 16):
        ones, ta = _add(ones, masks[i], masks[i + 1])
        ones, tb = _add(ones, masks[i + 2], masks[i + 3])
        twos, fa = _add(twos, ta, tb)
        ones, ta = _add(ones, masks[i + 4], masks[i + 5])
        ones, tb = _add(ones, masks[i + 6], masks[i + 7])
        twos, fb = _add(twos, ta, tb)
        fours, ea = _add(fours, fa, fb)
        ones, ta = _add(ones, masks[i + 8], masks[i + 9])
        ones, tb = _add(ones, masks[i + 10], masks[i + 11])
        twos, fa = _add(twos, ta, tb)
        ones, ta = _add(ones, masks[i + 12], masks[i + 13])
        ones, tb = _add(ones, masks[i + 14], masks[i + 15])
        twos, fb = _add(twos, ta, tb)
        fours, eb = _add(fours, fa, fb)
        eights, carry = _add(eights, ea, eb)
        d4, carry = d4 ^ carry, d4 & carry
        d5, carry = d5 ^ carry, d5 & carry
        d6, carry = d6 ^ carry, d6 & carry
        d7, carry = d7 ^ carry, d7 & carry
        d8, carry = d8 ^ carry, d8 & carry
        d9, carry = d9 ^ carry, d9 & carry
        d10, carry = d10 ^ carry, d10 & carry
        d11, carry = d11 ^ carry, d11 & carry
        d12, carry = d12 ^ carry, d12 & carry
        done |= carry
    return done


@compiled()
def _digit(number: int, place: int) -> Word:
    """A digit of a counter, the same for every pattern."""
    return ALL if (number >> place) & 1 else U64(0)


@compiled()
def counted(
    sums: Sums, gain: Sums, rows: Sums, need: int, where: npt.NDArray[np.int32], masks: Words
) -> Word:
    """Patterns of a block after which enough useful neurons can be reached, each on its own."""
    # two loops: the first is arithmetic on vectors, the second only looks up
    for k in range(sums.shape[0]):
        lacking = np.int32(BLOCK) - (np.int32(sums[k]) + np.int32(gain[k]))
        where[k] = np.int32(rows[k]) + min(max(lacking, np.int32(0)), np.int32(2 * BLOCK + 1))
    for k in range(sums.shape[0]):
        masks[k] = REACH_LIST[np.uint64(np.uint32(where[k]))]  # unsigned: no test for negatives
    return majority(masks, need)
