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
from numba import njit

from signflip.search.bits import BLOCK, REACH, SUBSETS, SUPERSETS, lowest_bit, popcount
from signflip.search.geometry import MOST_FLIPS, extend, refused

U64 = np.uint64
ALL = U64(0xFFFFFFFFFFFFFFFF)
MOST_COUNTER_BITS = 16


class Geometry(NamedTuple):
    """What the kernel reads of the pattern space; m unstable neurons, dearest first."""

    directions: npt.NDArray[np.int8]
    gram: npt.NDArray[np.float64]
    distance: npt.NDArray[np.float64]
    grid_distance: npt.NDArray[np.int32]
    grid_radius: npt.NDArray[np.int16]
    limit: int
    gate: float


class Blocks(NamedTuple):
    """The second layer against the blocks: K neurons, sums halved and measured from thresholds.

    Neuron k is +1 iff its halved sum is at least 0; a flip of neuron j changes it by effect[j, k].
    """

    first: npt.NDArray[np.int64]  # (blocks + 1,) first neuron of each block
    usable: npt.NDArray[np.uint64]  # (blocks,) patterns that exist
    effect: npt.NDArray[np.int16]  # (m, K) -1, 0 or 1
    raised: npt.NDArray[np.uint8]  # (blocks, K) bits of the block's neurons with effect +1
    gain: npt.NDArray[np.int16]  # (blocks + 1, K) most that the blocks from here on can add
    loss: npt.NDArray[np.int16]  # (blocks + 1, K) most that they can take away


class Upper(NamedTuple):
    """The layers above the second and the objectives, packed to words of 64 neurons.

    Rival r wins over the incumbent iff enough neurons of the last layer have their useful sign, or,
    for real output scales, iff the sum of coefficients does.
    """

    plus: npt.NDArray[np.uint64]  # (layers, neurons, words) bits where the weight is +1
    inputs: npt.NDArray[np.int64]  # (layers,) fan-in
    neurons: npt.NDArray[np.int64]  # (layers,)
    threshold: npt.NDArray[np.int64]  # (layers, neurons)
    want_plus: npt.NDArray[np.uint64]  # (rivals, words) last-layer neurons useful at +1
    want_minus: npt.NDArray[np.uint64]  # (rivals, words)
    coefficients: npt.NDArray[np.float64]  # (rivals, width)
    members: npt.NDArray[np.int64]  # (rivals, width) neurons that matter, padded
    sides: npt.NDArray[np.int8]  # (rivals, width) their useful signs
    counts: npt.NDArray[np.int64]  # (rivals,) how many matter
    need: npt.NDArray[np.int64]  # (rivals,) useful signs needed to beat the incumbent
    floor: npt.NDArray[np.float64]  # (rivals,) what the sum of coefficients must exceed


class State(NamedTuple):
    """Where the search stands; the kernel goes on from here."""

    level: npt.NDArray[np.int64]  # (1,)
    open: npt.NDArray[np.uint64]  # (blocks,) patterns yet to visit
    sums: npt.NDArray[np.int16]  # (blocks + 1, K)
    active: npt.NDArray[np.int64]  # (blocks + 1,) flips in the factor
    chosen: npt.NDArray[np.int64]  # (blocks,) pattern in hand
    members: npt.NDArray[np.int64]
    factor: npt.NDArray[np.float64]
    height: npt.NDArray[np.float64]
    u: npt.NDArray[np.float64]
    v: npt.NDArray[np.int16]
    masks: npt.NDArray[np.uint64]  # (width padded,)
    words: npt.NDArray[np.uint64]  # (4, words)
    tally: npt.NDArray[np.int64]  # visited, geometry tests, refused, leaves


@njit(cache=True, nogil=True)
def _majority(masks, count, need):
    """The patterns (bits) that stand in at least `need` of `masks[:count]`, count padded to 8."""
    if need <= 0:
        return ALL
    bits = 3
    while (1 << bits) <= count:
        bits += 1
    start = (1 << bits) - need
    if start < 0:
        return U64(0)
    ones = ALL if start & 1 else U64(0)
    twos = ALL if start & 2 else U64(0)
    fours = ALL if start & 4 else U64(0)
    high = np.empty(MOST_COUNTER_BITS, dtype=np.uint64)
    for b in range(3, bits):
        high[b] = ALL if (start >> b) & 1 else U64(0)
    done = U64(0)
    for i in range(0, count, 8):
        x = ones ^ masks[i]
        ta = (ones & masks[i]) | (x & masks[i + 1])
        ones = x ^ masks[i + 1]
        x = ones ^ masks[i + 2]
        tb = (ones & masks[i + 2]) | (x & masks[i + 3])
        ones = x ^ masks[i + 3]
        x = twos ^ ta
        fa = (twos & ta) | (x & tb)
        twos = x ^ tb
        x = ones ^ masks[i + 4]
        ta = (ones & masks[i + 4]) | (x & masks[i + 5])
        ones = x ^ masks[i + 5]
        x = ones ^ masks[i + 6]
        tb = (ones & masks[i + 6]) | (x & masks[i + 7])
        ones = x ^ masks[i + 7]
        x = twos ^ ta
        fb = (twos & ta) | (x & tb)
        twos = x ^ tb
        x = fours ^ fa
        carry = (fours & fa) | (x & fb)
        fours = x ^ fb
        for b in range(3, bits):
            both = high[b] & carry
            high[b] ^= carry
            carry = both
        done |= carry
    return done


@njit(cache=True, nogil=True)
def _shallow_survivors(level, sums, blocks, upper, masks):
    """Two hidden layers, plain output: the patterns of a block whose bound beats the incumbent."""
    gain = blocks.gain[level + 1]
    loss = blocks.loss[level + 1]
    raised = blocks.raised[level]
    survivors = U64(0)
    for rival in range(upper.need.shape[0]):
        count = upper.counts[rival]
        members = upper.members[rival]
        sides = upper.sides[rival]
        for i in range(count):
            k = members[i]
            if sides[i] > 0:
                need = -(sums[k] + gain[k])
                row = np.int64(raised[k])
            else:
                need = sums[k] - loss[k] + 1
                row = np.int64(63) ^ np.int64(raised[k])
            masks[i] = REACH[row, min(max(need, -BLOCK), BLOCK + 1) + BLOCK]
        padded = (count + 7) & ~7
        for i in range(count, padded):
            masks[i] = U64(0)
        survivors |= _majority(masks, padded, upper.need[rival])
    return survivors


@njit(cache=True, nogil=True)
def _promising(sums, gain, loss, upper, words):
    """Any network: whether some extension of a pattern may beat the incumbent, by intervals."""
    width = sums.shape[0]
    span = upper.want_plus.shape[1]
    plus, minus = words[0], words[1]
    plus[:] = U64(0)
    minus[:] = U64(0)
    for k in range(width):
        bit = U64(1) << U64(k & 63)
        if sums[k] + gain[k] >= 0:
            plus[k >> 6] |= bit
        if sums[k] - loss[k] < 0:
            minus[k >> 6] |= bit
    for layer in range(upper.inputs.shape[0]):
        next_plus, next_minus = words[2 - 2 * (layer & 1)], words[3 - 2 * (layer & 1)]
        plus, minus = words[2 * (layer & 1)], words[2 * (layer & 1) + 1]
        next_plus[:] = U64(0)
        next_minus[:] = U64(0)
        fan_in = upper.inputs[layer]
        for j in range(upper.neurons[layer]):
            most = 0
            least = 0
            for w in range(span):
                weight = upper.plus[layer, j, w]
                most += popcount((plus[w] & weight) | (minus[w] & ~weight))
                least += popcount((minus[w] & weight) | (plus[w] & ~weight))
            bit = U64(1) << U64(j & 63)
            if 2 * most - fan_in >= upper.threshold[layer, j]:
                next_plus[j >> 6] |= bit
            if fan_in - 2 * least < upper.threshold[layer, j]:
                next_minus[j >> 6] |= bit
    top = 2 * (upper.inputs.shape[0] & 1)
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


@njit(cache=True, nogil=True)
def enter(level, shallow, blocks, upper, state):
    """Open the node at `level`: which patterns of its block to visit."""
    survivors = blocks.usable[level]
    if shallow:
        survivors &= _shallow_survivors(level, state.sums[level], blocks, upper, state.masks)
    state.open[level] = survivors


@njit(cache=True, nogil=True)
def advance(shallow, geometry, blocks, upper, state, leaves, budget):
    """Search on until `budget` patterns are visited, `leaves` is full, or all is searched.

    Returns the number of leaves found; `state.level[0]` is -1 when all is searched.
    """
    last = blocks.usable.shape[0] - 1
    found = 0
    visited = 0
    level = state.level[0]
    while level >= 0 and visited < budget and found < leaves.shape[0]:
        word = state.open[level]
        if word == U64(0):
            level -= 1
            continue
        index = lowest_bit(word)
        state.open[level] = word & (word - U64(1))
        visited += 1
        subset = np.int64(SUBSETS[index])
        count = state.active[level]
        grown = False
        neuron = blocks.first[level]
        rest = subset
        while rest:
            if rest & 1:
                more = extend(
                    geometry.gram,
                    geometry.distance,
                    state.members,
                    state.factor,
                    state.height,
                    count,
                    neuron,
                )
                grown = grown or more > count
                count = more
            rest >>= 1
            neuron += 1
        if grown:
            value = 0.0
            for i in range(count):
                value += state.height[i] * state.height[i]
            if value > geometry.gate:
                state.tally[1] += 1
                if refused(
                    geometry.directions,
                    geometry.grid_distance,
                    geometry.grid_radius,
                    state.members,
                    state.factor,
                    state.height,
                    count,
                    geometry.limit,
                    state.u,
                    state.v,
                ):
                    state.tally[2] += 1
                    state.open[level] &= ~SUPERSETS[index]
                    continue
        sums = state.sums[level]
        below = state.sums[level + 1]
        below[:] = sums
        neuron = blocks.first[level]
        rest = subset
        while rest:
            if rest & 1:
                effect = blocks.effect[neuron]
                for k in range(below.shape[0]):
                    below[k] += effect[k]
            rest >>= 1
            neuron += 1
        if not shallow and not _promising(
            below, blocks.gain[level + 1], blocks.loss[level + 1], upper, state.words
        ):
            continue
        state.chosen[level] = subset
        if level == last:
            for block in range(last + 1):
                for neuron in range(blocks.first[block], blocks.first[block + 1]):
                    bit = (state.chosen[block] >> (neuron - blocks.first[block])) & 1
                    leaves[found, neuron] = bit
            found += 1
            continue
        state.active[level + 1] = count
        level += 1
        enter(level, shallow, blocks, upper, state)
    state.level[0] = level
    state.tally[0] += visited
    state.tally[3] += found
    return found
