"""Bit counting for Numba kernels, and the fixed tables of six-neuron blocks."""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

BLOCK = 6
PATTERNS = 1 << BLOCK


def _popcount(_context: Any, word: Any) -> Any:

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return (types.uint64(types.uint64), generate) if word == types.uint64 else None


def _lowest_bit(_context: Any, word: Any) -> Any:

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return (types.uint64(types.uint64), generate) if word == types.uint64 else None


# inside a kernel these take and return one uint64
popcount = cast("Callable[[Any], Any]", intrinsic(_popcount))
"""Number of ones."""
lowest_bit = cast("Callable[[Any], Any]", intrinsic(_lowest_bit))
"""Index of the lowest one of a number that is not 0."""


def _subsets() -> npt.NDArray[np.uint8]:
    """The 64 subsets of a block as bit sets, those with fewer neurons first."""
    return np.array(sorted(range(PATTERNS), key=lambda s: (s.bit_count(), s)), dtype=np.uint8)


def _word(members: npt.NDArray[np.bool_]) -> np.uint64:
    return np.uint64(sum(1 << int(i) for i in np.flatnonzero(members)))


SUBSETS = _subsets()
"""(64,) uint8: pattern index -> the flipped neurons of the block, as bits."""

INDEX = np.argsort(SUBSETS)
"""(64,) int64: the flipped neurons of the block, as bits -> pattern index."""

SUPERSETS = np.array([_word((SUBSETS & s) == s) for s in SUBSETS], dtype=np.uint64)
"""(64,) uint64: pattern index -> the patterns that flip at least the same neurons."""

FLIPPED = SUPERSETS[1 : BLOCK + 1].copy()
"""(6,) uint64: neuron of a block -> the patterns that flip it."""


def _reach_table() -> npt.NDArray[np.uint64]:
    ones = np.array([int(s).bit_count() for s in range(PATTERNS)])
    table = np.zeros((PATTERNS, 2 * BLOCK + 2), dtype=np.uint64)
    for raised in range(PATTERNS):
        change = 2 * ones[SUBSETS & raised] - ones[SUBSETS]
        for need in range(-BLOCK, BLOCK + 2):
            table[raised, need + BLOCK] = _word(change >= need)
    return table


REACH = _reach_table()
"""(64, 14) uint64: REACH[raised, need + 6] = the patterns whose flips raise a sum by `need` or
more, if each flipped neuron of the bit set `raised` adds 1 and every other flipped one takes 1."""


@cache
def usable_patterns(neurons: int) -> np.uint64:
    """The patterns of a block that flip only its first `neurons` neurons."""
    return _word((SUBSETS >> neurons) == 0)
