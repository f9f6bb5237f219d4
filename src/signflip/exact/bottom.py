"""The last neurons of a node in blocks of six: all patterns of the few that are left.

The same walk as `kernel`, over neurons in any order: their tables are made as it is entered.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.bits import (
    BLOCK,
    FLIPPED,
    REACH,
    SUBSETS,
    SUPERSETS,
    lowest_bit,
    usable_patterns,
)
from signflip.exact.counting import counted
from signflip.exact.geometry import Factor, Geometry, extend, refused
from signflip.exact.products import Indices
from signflip.exact.rows import Rows

I16 = np.int16
I64 = np.int64
U64 = np.uint64
USABLE = np.array([usable_patterns(neurons) for neurons in range(BLOCK + 1)], dtype=np.uint64)
_REACH_ROW = REACH.shape[1]


class Bottom(NamedTuple):
    """Where the walk stands, for up to B blocks, R rivals and K rows each; it goes on from here."""

    level: npt.NDArray[np.int64]  # (1,) -1 outside of a walk
    blocks: npt.NDArray[np.int64]  # (1,)
    first: npt.NDArray[np.int64]  # (B + 1,) first neuron of each block, in the list
    rows: npt.NDArray[np.int16]  # (B, R, K) as in `kernel.Blocks`
    gain: npt.NDArray[np.int16]  # (B + 1, R, K)
    sums: npt.NDArray[np.int16]  # (B + 1, R, K)
    usable: npt.NDArray[np.uint64]  # (B,) patterns that exist
    open: npt.NDArray[np.uint64]  # (B,) patterns yet to visit
    chosen: npt.NDArray[np.uint64]  # (B,) pattern in hand
    active: npt.NDArray[np.int64]  # (B + 1,) flips in the factor
    hopeful: npt.NDArray[np.uint64]  # (B + 1, R) patterns after which a rival may still win
    where: npt.NDArray[np.int32]  # (K,)
    masks: npt.NDArray[np.uint64]  # (K,)


def fresh_bottom(neurons: int, rivals: int, width: int) -> Bottom:
    """Room for walks over up to so many neurons."""
    blocks = max(1, -(-neurons // BLOCK))
    return Bottom(
        level=np.full(1, -1, dtype=np.int64),
        blocks=np.zeros(1, dtype=np.int64),
        first=np.zeros(blocks + 1, dtype=np.int64),
        rows=np.zeros((blocks, rivals, width), dtype=np.int16),
        gain=np.zeros((blocks + 1, rivals, width), dtype=np.int16),
        sums=np.zeros((blocks + 1, rivals, width), dtype=np.int16),
        usable=np.zeros(blocks, dtype=np.uint64),
        open=np.zeros(blocks, dtype=np.uint64),
        chosen=np.zeros(blocks, dtype=np.uint64),
        active=np.zeros(blocks + 1, dtype=np.int64),
        hopeful=np.zeros((blocks + 1, rivals), dtype=np.uint64),
        where=np.zeros(width, dtype=np.int32),
        masks=np.zeros(width, dtype=np.uint64),
    )


@compiled(inner=True)
def _bound(level: int, need: npt.NDArray[np.int64], bottom: Bottom) -> np.uint64:
    """The patterns of the block at `level` after which some rival may win."""
    survivors = U64(0)
    usable = bottom.usable[level]
    for rival in range(need.shape[0]):
        hope = U64(0)
        # `hopeful[0]` is that of the node: all ones or none
        index = U64(0) if level == 0 else bottom.chosen[level - 1]
        if (bottom.hopeful[level, rival] >> index) & U64(1):
            hope = usable & counted(
                bottom.sums[level, rival],
                bottom.gain[level + 1, rival],
                bottom.rows[level, rival],
                need[rival],
                bottom.where,
                bottom.masks,
            )
        bottom.hopeful[level + 1, rival] = hope
        survivors |= hope
    return survivors


@compiled(inner=True)
def _usable(first: int, end: int, live: Indices, rows: Rows) -> np.uint64:
    """The patterns of a block in which no neuron flips without one that must flip with it."""
    usable = U64(USABLE[end - first])
    for q in range(first, end):
        stronger, twin = rows.stronger[live[q]], rows.twin[live[q]]
        if stronger < 0 and twin < 0:
            continue
        for other in range(first, end):
            if live[other] == stronger or live[other] == twin:
                usable &= ~FLIPPED[other - first] | FLIPPED[q - first]
    return usable


@compiled(inner=True)
def enter(
    rows: Rows,
    sums: npt.NDArray[np.int16],
    hopeful: npt.NDArray[np.bool_],
    live: Indices,
    need: npt.NDArray[np.int64],
    active: int,
    bottom: Bottom,
) -> bool:
    """Begin a walk; whether any pattern is open.

    Args:
        rows: what is counted.
        sums: (R, K) at the node.
        hopeful: (R,) the rivals that may still win.
        live: (n,) the neurons that may yet flip.
        need: (R,) useful rows that each rival needs.
        active: flips in the factor.
        bottom: room for n neurons.
    """
    count = live.shape[0]
    blocks = -(-count // BLOCK)
    bottom.blocks[0] = blocks
    rivals, width = sums.shape
    for block in range(blocks + 1):
        bottom.first[block] = max(0, count - BLOCK * (blocks - block))
    for block in range(blocks):
        bottom.usable[block] = _usable(bottom.first[block], bottom.first[block + 1], live, rows)
    for rival in range(rivals):
        bottom.hopeful[0, rival] = U64(1) if hopeful[rival] else U64(0)
        if not hopeful[rival]:
            continue
        for k in range(width):
            bottom.sums[0, rival, k] = sums[rival, k]
            bottom.gain[blocks, rival, k] = I16(0)
        for block in range(blocks - 1, -1, -1):
            raised, gain = bottom.rows[block, rival], bottom.gain[block, rival]
            rest = bottom.gain[block + 1, rival]
            for k in range(width):
                raised[k] = I16(0)
                gain[k] = rest[k]
            for q in range(bottom.first[block], bottom.first[block + 1]):
                change = rows.effect[rival, live[q]]
                step = I16(_REACH_ROW << (q - bottom.first[block]))
                for k in range(width):
                    raised[k] += step if change[k] > 0 else I16(0)
                    gain[k] += I16(1) if change[k] > 0 else I16(0)
    bottom.active[0] = active
    bottom.open[0] = _bound(0, need, bottom)
    bottom.level[0] = 0 if bottom.open[0] else -1
    return bool(bottom.open[0])


@compiled(inner=True)
def _descend(
    effect: npt.NDArray[np.int16], live: Indices, level: int, subset: int, bottom: Bottom
) -> None:
    """Write the sums after a subset of the block's flips to the next level."""
    index = bottom.chosen[level]
    for rival in range(effect.shape[0]):
        if not (bottom.hopeful[level + 1, rival] >> index) & U64(1):
            continue
        above, below = bottom.sums[level, rival], bottom.sums[level + 1, rival]
        for k in range(below.shape[0]):
            below[k] = above[k]
        q = bottom.first[level]
        rest = subset
        while rest:
            if rest & 1:
                change = effect[rival, live[q]]
                for k in range(below.shape[0]):
                    below[k] += change[k]
            rest >>= 1
            q += 1


@compiled(inner=True)
def write_flips(live: Indices, bottom: Bottom, leaf: npt.NDArray[np.bool_]) -> None:
    """Set the flips that the walk has chosen."""
    for block in range(bottom.blocks[0]):
        subset = I64(SUBSETS[bottom.chosen[block]])
        for q in range(bottom.first[block], bottom.first[block + 1]):
            if (subset >> (q - bottom.first[block])) & 1:
                leaf[live[q]] = True


@compiled(inner=True)
def walk(
    geometry: Geometry,
    effect: npt.NDArray[np.int16],
    live: Indices,
    need: npt.NDArray[np.int64],
    factor: Factor,
    bottom: Bottom,
    budget: int,
    tally: npt.NDArray[np.int64],
) -> bool:
    """Go on to the next leaf, to the end, or until `budget` patterns are visited.

    Counts visits, geometry tests and refusals in `tally[:3]`; whether a leaf was found.
    """
    level = bottom.level[0]
    last = bottom.blocks[0] - 1
    if level >= 0:
        bottom.open[level] &= _bound(level, need, bottom)  # the incumbent may have risen
    visited = 0
    leaf = False
    while level >= 0 and visited < budget and not leaf:
        word = bottom.open[level]
        if word == U64(0):
            level -= 1
            continue
        index = lowest_bit(word)
        bottom.open[level] = word & (word - U64(1))
        bottom.chosen[level] = index
        visited += 1
        subset = int(SUBSETS[index])
        word = U64(0)
        if level < last:
            _descend(effect, live, level, subset, bottom)
            word = _bound(level + 1, need, bottom)
            if word == U64(0):
                continue
        count = bottom.active[level]
        q = bottom.first[level]
        rest = subset
        while rest:
            if rest & 1:
                count = extend(geometry, factor, count, live[q])
            rest >>= 1
            q += 1
        if count > bottom.active[level] and factor.value[count] > geometry.ask:
            tally[1] += 1
            if refused(geometry, factor, count):
                tally[2] += 1
                bottom.open[level] &= ~SUPERSETS[index]
                continue
        if level == last:
            leaf = True
        else:
            level += 1
            bottom.open[level] = word
            bottom.active[level] = count
    bottom.level[0] = level
    tally[0] += visited
    return leaf
