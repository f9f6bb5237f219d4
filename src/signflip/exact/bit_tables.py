"""Tables over patterns of bits, in Numba: the p-th binary digit of an index is the p-th bit."""

import numpy as np

from signflip.compiled import compiled
from signflip.exact.bits_bound import Ints

NONE = np.int32(-(2**31) + 1)
"""Below all entries."""
_LANES = 8
"""Numbers of a vector."""


@compiled(inner=True)
def halve(work: Ints, size: int, p: int, value: int) -> None:
    """Keep only the entries of a table whose p-th bit has a value."""
    half = 1 << p
    for x in range(0, 1 << (size - 1), half):
        kept, entries = work[x : x + half], work[2 * x + value * half : 2 * x + (value + 1) * half]
        for y in range(half):
            kept[y] = entries[y]


@compiled(inner=True)
def sides(work: Ints, paid: Ints, size: int, p: int) -> tuple[int, int]:
    """The greatest entry of a table where its p-th bit is not passed, and where it is.

    The halves of the table are laid over each other until the p-th bit is the highest one: long
    runs of numbers, which go through the processor as vectors.
    """
    half = 1 << (size - 1)
    folded = work
    if size - 1 > p:  # the table itself is not to change
        low, high, laid = work[:half], work[half : 2 * half], paid[:half]
        for x in range(half):
            laid[x] = max(low[x], high[x])
        half >>= 1
        folded = paid
    while half > 1 << p:
        low, high = paid[:half], paid[half : 2 * half]
        for x in range(half):
            low[x] = max(low[x], high[x])
        half >>= 1
    off, on = folded[:half], folded[half : 2 * half]
    least, most = NONE, NONE
    for x in range(half):
        least, most = max(least, off[x]), max(most, on[x])
    return int(least), int(most)


@compiled(inner=True)
def charge(work: Ints, size: int, p: int, more: np.int32) -> None:
    """Take a number off each entry of a table where its p-th bit is passed."""
    half = 1 << p
    if half >= _LANES:
        for x in range(half, 1 << size, 2 * half):
            part = work[x : x + half]
            for y in range(half):
                part[y] -= more
    else:  # runs too short for a vector
        digit = np.int32(half)
        for y in range(np.int32(1 << size)):
            work[y] -= more if (np.int32(y) & digit) != np.int32(0) else np.int32(0)


@compiled(inner=True)
def greatest(work: Ints, size: int) -> int:
    """The greatest entry of a table."""
    most = NONE
    for x in range(1 << size):
        most = max(most, work[x])
    return int(most)
