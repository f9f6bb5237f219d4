"""What a search over blocks of six closes, level by level, in Numba: for a proof by enumeration.

The search is that of `signflip.exact.kernel`. A checker goes through the same patterns, but all of
a level before the next: which of them it has to be told about is the same, in the same order.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.bits import INDEX, SUBSETS, SUPERSETS, lowest_bit, popcount
from signflip.exact.cases import DONE, FULL, LEAF, PAUSE, active_flips
from signflip.exact.geometry import MOST_FLIPS, Geometry, refused
from signflip.exact.kernel import Blocks, State, Upper, bound, flip_block, place_block
from signflip.proving.writing import Longs, write

U64 = np.uint64
ENTRY = 20 * (MOST_FLIPS + 1)
"""Bytes that say why a pattern is closed, at most."""
OVER = 4
"""Why `advance_levels` returns, beside what `signflip.exact.cases` has: too many are open."""


class Levels(NamedTuple):
    """What is written for each of L levels, and where the search stands in it.

    A checker is told of patterns that the bound leaves open, and that no point has: how many of
    the level come since the last one that it was told of, and literals that exclude each other.
    """

    out: npt.NDArray[np.uint8]  # (L, room)
    place: Longs  # (L,) where the next byte goes
    entries: Longs  # (L,) patterns that it was told of
    open: npt.NDArray[np.uint64]  # (L,) patterns of the case in hand that the bound leaves open
    closed: npt.NDArray[np.uint64]  # (L,) those of these that literals close
    told: Longs  # (L,) how many of these there are up to the last one that it was told of
    since: Longs  # (L,) how many come after that in the cases before
    width: Longs  # (L,) patterns that nothing closes, of the cases before
    most: int  # of them
    toggled: Longs  # (m,) what a checker calls the literal that a neuron toggles
    neurons: Longs  # (flips,) scratch
    multipliers: Longs  # (flips,) scratch


@compiled()
def tell(level: int, index: int, like: np.uint64, levels: Levels) -> None:
    """Write how many patterns come before one, and that literals close it and those `like` it."""
    before = levels.open[level] & ((U64(1) << U64(index)) - U64(1))
    rank = np.int64(popcount(before))
    skipped = levels.since[level] + rank - levels.told[level]
    levels.place[level] = write(skipped, levels.out[level], levels.place[level])
    levels.entries[level] += 1
    levels.since[level], levels.told[level] = 0, rank + 1
    levels.closed[level] |= like & levels.open[level]


@compiled(inner=True)
def _close(
    geometry: Geometry,
    blocks: Blocks,
    level: int,
    index: int,
    count: int,
    levels: Levels,
    state: State,
) -> None:
    """Close a pattern whose active flips `refused` refused, and those that toggle these too."""
    neurons, multipliers = levels.neurons, levels.multipliers
    size = active_flips(geometry, state.factor, count, neurons, multipliers)
    first, end = blocks.first[level], blocks.first[level + 1]
    shared = 0
    for i in range(size):
        if first <= neurons[i] < end:
            shared |= 1 << (neurons[i] - first)
    like = SUPERSETS[INDEX[shared]]
    tell(level, index, like, levels)
    state.open[level] &= ~like
    out, place = levels.out[level], write(size, levels.out[level], levels.place[level])
    for i in range(size):
        place = write(levels.toggled[neurons[i]], out, place)
        place = write(multipliers[i], out, place)
    levels.place[level] = place


@compiled(inner=True)
def _begin(level: int, levels: Levels, state: State) -> None:
    """Note which patterns of a case are open at first."""
    levels.open[level] = state.open[level]
    levels.closed[level] = U64(0)
    levels.told[level] = 0


@compiled(inner=True)
def _leave(level: int, levels: Levels) -> None:
    """Count the patterns of a case that was gone through."""
    every = levels.open[level]
    levels.since[level] += np.int64(popcount(every)) - levels.told[level]
    levels.width[level] += np.int64(popcount(every & ~levels.closed[level]))


@compiled()
def begin_levels(blocks: Blocks, upper: Upper, levels: Levels, state: State) -> None:
    """Open the patterns of the first level."""
    bound(0, True, blocks, upper, state)
    _begin(0, levels, state)


@compiled()
def advance_levels(
    geometry: Geometry, blocks: Blocks, upper: Upper, levels: Levels, state: State, budget: int
) -> int:
    """Go on until all is closed, a full pattern is open, there is no room, or the budget is spent.

    As `signflip.exact.kernel.advance` of a network whose second layer's neurons are counted.

    Args:
        geometry: of the problem.
        blocks: of its neurons.
        upper: its rivals, and what they need.
        levels: what was written.
        state: where the search stands.
        budget: patterns.
    """
    last = blocks.usable.shape[0] - 1
    level = state.level[0]
    why = DONE
    while level >= 0:
        if budget == 0:
            why = PAUSE
            break
        if levels.width[level] > levels.most:
            why = OVER
            break
        if levels.place[level] + ENTRY > levels.out.shape[1]:
            why = FULL
            break
        word = state.open[level]
        if word == U64(0):
            _leave(level, levels)
            level -= 1
            continue
        budget -= 1
        index = lowest_bit(word)
        state.open[level] = word & (word - U64(1))
        state.chosen[level] = index
        state.tally[0] += 1
        subset, first = int(SUBSETS[index]), int(blocks.first[level])
        before = state.active[level]
        count = before
        value = 0.0
        early = state.factor.value[before] > geometry.near
        if early:
            count = place_block(geometry, subset, first, before, state.factor)
            value = state.factor.value[count] if count > before else 0.0
            if value > geometry.gate and refused(geometry, state.factor, count):
                _close(geometry, blocks, level, index, count, levels, state)
                continue
        if level < last:
            flip_block(state.sums[level], blocks.effect, subset, first, state.sums[level + 1])
            if not bound(level + 1, True, blocks, upper, state):
                continue
        if not early:
            count = place_block(geometry, subset, first, before, state.factor)
            value = state.factor.value[count] if count > before else 0.0
        asked = early and value > geometry.gate
        if value > geometry.ask and not asked and refused(geometry, state.factor, count):
            _close(geometry, blocks, level, index, count, levels, state)
            continue
        if level == last:
            why = LEAF
            break
        level += 1
        state.active[level] = count
        _begin(level, levels, state)
    state.level[0] = level
    return why
