"""Tables over patterns of bits, in Numba: the p-th binary digit of an index is the p-th bit.

A bit is *folded* by taking the better of its two values at each pattern of the others, where being
passed costs its message. The highest bit is folded by laying the table's halves over each other:
long runs of numbers, which go through the processor as vectors.
"""

import numpy as np

from signflip.compiled import compiled
from signflip.exact.bits_bound import Ints, Longs
from signflip.exact.factors import MOST_BITS

ROOM = 1 << MOST_BITS
"""Entries that `sides` writes to at most."""


@compiled(inner=True)
def halve(work: Ints, size: int, p: int, value: int) -> None:
    """Keep only the entries of a table whose p-th bit has a value."""
    half = 1 << p
    for x in range(0, 1 << (size - 1), half):
        kept, entries = work[x : x + half], work[2 * x + value * half : 2 * x + (value + 1) * half]
        for y in range(half):
            kept[y] = entries[y]


@compiled(inner=True)
def fold(table: Ints, top: int, message: int, folded: Ints) -> None:
    """Write a table without its highest bit, the top-th, to another one."""
    half = 1 << top
    low, high, laid, cost = table[:half], table[half : 2 * half], folded[:half], np.int32(message)
    for x in range(half):
        laid[x] = max(low[x], np.int32(high[x] - cost))


@compiled(inner=True)
def sides(table: Ints, top: int, message: Longs, room: Ints) -> tuple[int, int]:
    """The greatest entry where the highest bit, the top-th, is not passed, and where it is.

    Args:
        table: over bits 0 to top.
        top: the bit.
        message: (top + 1,) of each bit.
        room: (ROOM,) is written to.
    """
    if top == 0:
        return int(table[0]), int(table[1] - message[0])
    half = 1 << top
    fold(table, top - 1, message[top - 1], room)
    fold(table[half:], top - 1, message[top - 1], room[half:])
    for q in range(top - 2, -1, -1):
        own, cost = 1 << q, np.int32(message[q])
        # in place, which `fold` would take for tables that overlap
        for first in (0, half):
            low, high = room[first : first + own], room[first + own : first + 2 * own]
            for x in range(own):
                low[x] = max(low[x], np.int32(high[x] - cost))
    return int(room[0]), int(room[half] - message[top])
