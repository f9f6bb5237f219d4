"""The depth-first search over sets of flips, in Numba.

The unstable neurons stand in blocks of six, dearest first. A node has decided the blocks above its
level; one step bounds all 64 patterns of the next block at once, a bit of a word each, then walks
through those that survive, fewer flips first. A pattern that geometry refuses takes its supersets
with it. A pattern of the last block that survives is a leaf: a full pattern whose objective beats
the incumbent and that geometry could not refuse. Leaves are collected for the caller.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled, overwrite
from signflip.exact.bits import SUBSETS, SUPERSETS, lowest_bit, popcount
from signflip.exact.counting import Sums, Words, counted
from signflip.exact.geometry import Factor, Geometry, extend, refused
from signflip.exact.interval_bits import NEURONS, enough_bits, range_bits
from signflip.exact.vectors import LANES

U64 = np.uint64
_LOW = U64((1 << LANES) - 1)
_FEW = U64((1 << NEURONS) - 1)


class Blocks(NamedTuple):
    """The second layer against the blocks: K halved sums, measured from their thresholds.

    A flip of neuron j changes sum k by effect[j, k]. With two hidden layers and a plain output each
    rival has a segment of sums of its own: its neurons that matter, turned such that a sum of 0 or
    more is useful, and padded to sixteens. Else there is one sum a neuron, +1 iff it is at least 0.
    """

    first: npt.NDArray[np.int64]  # (blocks + 1,) first neuron of each block
    usable: npt.NDArray[np.uint64]  # (blocks,) patterns that exist
    effect: npt.NDArray[np.int16]  # (m, K) -1, 0 or 1
    rows: npt.NDArray[np.int16]  # (blocks, K) rows of REACH_LIST: the block's effects of +1
    gain: npt.NDArray[np.int16]  # (blocks + 1, K) most that the blocks from here on can add
    loss: npt.NDArray[np.int16]  # (blocks + 1, K) most that they can take away
    segments: npt.NDArray[np.int64]  # (rivals + 1,) first sum of each rival


class Upper(NamedTuple):
    """The layers above the second and the objectives, packed to words of 64 neurons.

    Rival r wins over the incumbent iff enough neurons of the last layer have their useful sign, or,
    for real output scales, iff the sum of coefficients does.
    """

    plus: npt.NDArray[np.uint64]  # (layers, words, neurons) bits where the weight is +1
    minus: npt.NDArray[np.uint64]  # (layers, words, neurons) bits where it is -1
    neurons: npt.NDArray[np.int64]  # (layers,), filled up to eights in the tables
    for_plus: npt.NDArray[np.int64]  # (layers, neurons) inputs that must suit it for +1
    for_minus: npt.NDArray[np.int64]  # (layers, neurons) inputs that must not, for -1
    want_plus: npt.NDArray[np.uint64]  # (rivals, words) last-layer neurons useful at +1
    want_minus: npt.NDArray[np.uint64]  # (rivals, words)
    coefficients: npt.NDArray[np.float64]  # (rivals, width)
    counts: npt.NDArray[np.int64]  # (rivals,) how many matter
    need: npt.NDArray[np.int64]  # (rivals,) useful signs needed to beat it; or their worth
    floor: npt.NDArray[np.float64]  # (rivals,) what the sum of coefficients must exceed


class State(NamedTuple):
    """Where the search stands; the kernel goes on from here."""

    level: npt.NDArray[np.int64]  # (1,)
    open: npt.NDArray[np.uint64]  # (blocks,) patterns yet to visit
    sums: npt.NDArray[np.int16]  # (blocks + 1, K)
    active: npt.NDArray[np.int64]  # (blocks + 1,) flips in the factor
    chosen: npt.NDArray[np.uint64]  # (blocks,) pattern in hand
    hopeful: npt.NDArray[np.uint64]  # (blocks, rivals) patterns after which a rival may still win
    factor: Factor
    where: npt.NDArray[np.int32]  # (K,)
    masks: npt.NDArray[np.uint64]  # (K,)
    words: npt.NDArray[np.uint64]  # (4, words)
    tally: npt.NDArray[np.int64]  # visited, geometry tests, refused, leaves


@compiled()
def promising(sums: Sums, gain: Sums, loss: Sums, upper: Upper, words: Words) -> bool:
    """Any network: whether some extension of a pattern may beat the incumbent, by intervals."""
    width = sums.shape[0]
    span = upper.want_plus.shape[1]
    plus, minus = words[0], words[1]
    for word in range(span):
        plus[word] = minus[word] = U64(0)
    together = width - width % LANES
    for k in range(0, together, LANES):
        both = range_bits(sums, gain, loss, k)
        plus[k >> 6] |= (both & _LOW) << U64(k & 63)
        minus[k >> 6] |= (both >> U64(LANES)) << U64(k & 63)
    for k in range(together, width):
        plus[k >> 6] |= U64(sums[k] + gain[k] >= 0) << U64(k & 63)
        minus[k >> 6] |= U64(sums[k] - loss[k] < 0) << U64(k & 63)
    for layer in range(upper.neurons.shape[0]):
        row = 2 * (layer & 1)
        next_plus, next_minus = words[2 - row], words[3 - row]
        for word in range(span):
            next_plus[word] = next_minus[word] = U64(0)
        for_plus, for_minus = upper.for_plus[layer], upper.for_minus[layer]
        for j in range(0, upper.neurons[layer], NEURONS):
            both = enough_bits(
                upper.plus[layer], upper.minus[layer], words, row, for_plus, for_minus, j
            )
            next_plus[j >> 6] |= (both & _FEW) << U64(j & 63)
            next_minus[j >> 6] |= (both >> U64(NEURONS)) << U64(j & 63)
    top = 2 * (upper.neurons.shape[0] & 1)
    plus, minus = words[top], words[top + 1]
    for rival in range(upper.need.shape[0]):
        if upper.coefficients.shape[1] == 0:
            useful = 0
            for w in range(span):
                useful += popcount(plus[w] & upper.want_plus[rival, w])
                useful += popcount(minus[w] & upper.want_minus[rival, w])
            if useful >= upper.need[rival]:
                return True
        else:
            total = 0.0
            for k in range(upper.coefficients.shape[1]):
                c = upper.coefficients[rival, k]
                can = (plus[k >> 6] if c > 0 else minus[k >> 6]) >> U64(k & 63) & U64(1)
                total += abs(c) if can else -abs(c)
            if total > upper.floor[rival]:
                return True
    return False


@compiled()
def bound(level: int, shallow: bool, blocks: Blocks, upper: Upper, state: State) -> bool:
    """Open the patterns of the block at `level` that may beat the incumbent; are there any?"""
    if not shallow:
        state.open[level] = blocks.usable[level]
        return promising(
            state.sums[level], blocks.gain[level], blocks.loss[level], upper, state.words
        )
    survivors = U64(0)
    for rival in range(upper.need.shape[0]):
        hope = blocks.usable[level]
        if level > 0 and not (state.hopeful[level - 1, rival] >> state.chosen[level - 1]) & U64(1):
            hope = U64(0)
        if hope:
            a, b = blocks.segments[rival], blocks.segments[rival + 1]
            hope &= counted(
                state.sums[level, a:b],
                blocks.gain[level + 1, a:b],
                blocks.rows[level, a:b],
                upper.need[rival],
                state.where[: b - a],
                state.masks[: b - a],
            )
        state.hopeful[level, rival] = hope
        survivors |= hope
    state.open[level] = survivors
    return bool(survivors)


@compiled(inner=True)
def flip_block(sums: Sums, effect: Sums, subset: int, first: int, below: Sums) -> None:
    """Write to `below` the sums after the flips of a block's subset."""
    overwrite(below, sums)
    neuron = first
    while subset:
        if subset & 1:
            row = effect[neuron]
            for k in range(below.shape[0]):
                below[k] += row[k]
        subset >>= 1
        neuron += 1


@compiled(inner=True)
def place_block(geometry: Geometry, subset: int, first: int, count: int, factor: Factor) -> int:
    """Add the flips of a block's subset to the factor; return the flips that are active now."""
    neuron = first
    while subset:
        if subset & 1:
            count = extend(geometry, factor, count, neuron)
        subset >>= 1
        neuron += 1
    return count


@compiled(inner=True)
def _refused(geometry: Geometry, count: int, state: State) -> bool:
    """Whether geometry refuses the active flips."""
    state.tally[1] += 1
    if refused(geometry, state.factor, count):
        state.tally[2] += 1
        return True
    return False


@compiled()
def advance(
    shallow: bool,
    geometry: Geometry,
    blocks: Blocks,
    upper: Upper,
    state: State,
    leaves: npt.NDArray[np.bool_],
    budget: int,
) -> int:
    """Search on until `budget` patterns are visited, `leaves` is full, or all is searched.

    Where the ellipsoid says that geometry will refuse a pattern, it is asked first, as its refusal
    takes supersets along; else the bound, which is cheaper, comes first.

    Returns the number of leaves found; `state.level[0]` is -1 when all is searched.
    """
    last = blocks.usable.shape[0] - 1
    found = 0
    visited = 0
    level = state.level[0]
    if shallow and level >= 0:
        # the incumbent may have risen since these patterns were bounded; others wait for their turn
        word = state.open[level]
        bound(level, shallow, blocks, upper, state)
        state.open[level] &= word
    while level >= 0 and visited < budget and found < leaves.shape[0]:
        word = state.open[level]
        if word == U64(0):
            level -= 1
            continue
        index = lowest_bit(word)
        state.open[level] = word & (word - U64(1))
        state.chosen[level] = index
        visited += 1
        subset = int(SUBSETS[index])
        first = int(blocks.first[level])
        before = state.active[level]
        count = before
        value = 0.0
        early = state.factor.value[before] > geometry.near
        if early:
            count = place_block(geometry, subset, first, before, state.factor)
            value = state.factor.value[count] if count > before else 0.0
            if value > geometry.gate and _refused(geometry, count, state):
                state.open[level] &= ~SUPERSETS[index]
                continue
        if level < last or not shallow:
            flip_block(state.sums[level], blocks.effect, subset, first, state.sums[level + 1])
        if level < last:
            if not bound(level + 1, shallow, blocks, upper, state):
                continue
        elif not shallow and not promising(
            state.sums[level + 1],
            blocks.gain[level + 1],
            blocks.loss[level + 1],
            upper,
            state.words,
        ):
            continue
        if not early:
            count = place_block(geometry, subset, first, before, state.factor)
            value = state.factor.value[count] if count > before else 0.0
        asked = early and value > geometry.gate
        if value > geometry.ask and not asked and _refused(geometry, count, state):
            state.open[level] &= ~SUPERSETS[index]
            continue
        if level == last:
            for block in range(last + 1):
                flips = np.int64(SUBSETS[state.chosen[block]])
                for neuron in range(blocks.first[block], blocks.first[block + 1]):
                    leaves[found, neuron] = (flips >> (neuron - blocks.first[block])) & 1
            found += 1
            continue
        level += 1
        state.active[level] = count
    state.level[0] = level
    state.tally[0] += visited
    state.tally[3] += found
    return found
