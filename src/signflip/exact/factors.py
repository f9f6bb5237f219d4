"""A rival's lead as a sum of factors: what neurons that read the same few bits are worth together.

Prices of single neurons (`bits_bound`) let each neuron of a window have a pattern of its own, in
part. A factor is a table of what several neurons are worth at each pattern of the bits that they
read between them, so these neurons share one. With a message for each bit of each factor, those of
a bit adding up to 0 over its factors, the lead is at most

    base  +  sum_c max_x (worth_c(x) - sum_j message_cj x_j)                                    (F)

(dual decomposition; Sontag, Globerson, Jaakkola 2011). Neurons that read too many bits for a table
are factors of their own, whose maximum sorting finds.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.bits import popcount
from signflip.exact.bits_bound import SCALE, Ints, Longs, Votes, reader

MOST_BITS = 14
"""Bits of a table."""
FINEST = 12
"""A unit of worth is 2^12 units of (F), or fewer where numbers of 32 bits ask for it."""
_ROOM = 2**25
"""What all neurons of a table are worth, in units of (F), is less: with 64 times as much for
messages, its entries have 31 bits."""

Words = npt.NDArray[np.uint64]


class Factors(NamedTuple):
    """The factors of `Votes`.

    Attributes:
        unit: units of (F) that `coarse` of a worth are.
        coarse: 1, or a power of two where worths are so large; they are rounded up then.
        start: (factors + 1,) where the places of each factor begin.
        bit: (places,) the bit of each, rising in a factor.
        at: (factors + 1,) where each table begins; one of no entries is of a neuron by itself.
        table: (entries,) worth, in units, at the pattern whose p-th binary digit says whether the
            factor's p-th bit is passed.
        lone: (factors,) the neuron of a factor without a table, else -1.
        home: (bits + 1,) where the factors of each bit begin in
        factor: (places,) by bits, and
        place: (places,) the bit's place in each.
        message: (places,) messages of (F) to begin with.
        group: (neurons,) the factor of each; -1 for one that counts as won in `base`.
        worth: (neurons,) what winning each adds to the lead, in units.
        base: lead, less what factors add, in units.
    """

    unit: int
    coarse: int
    start: Longs
    bit: Longs
    at: Longs
    table: Ints
    lone: Longs
    home: Longs
    factor: Longs
    place: Longs
    message: Longs
    group: Longs
    worth: Longs
    base: int


def factors_of(votes: Votes, price: Longs, most: int = MOST_BITS) -> Factors:
    """The factors of a rival's lead, with messages that bound it about as well as prices.

    Args:
        votes: the lead.
        price: (helpers,) those of (R), to begin with.
        most: bits of a table.
    """
    bits = int(votes.first[-1])
    twice = _reads_twice(votes)
    group = _grouped(votes, bits, most)
    alone = group < 0
    base = votes.base + int(votes.worth[alone & twice].sum())  # as if won
    numbers = np.where(alone & ~twice, group.max(initial=-1) + np.cumsum(alone & ~twice), group)
    count = int(numbers.max(initial=-1)) + 1
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, numbers[numbers >= 0], votes.worth[numbers >= 0])
    unit, coarse = _units(int(total.max(initial=1)), len(votes.need))
    worth = -(-votes.worth * unit // coarse)
    readers = reader(votes)
    helper = numbers[readers]
    kept = np.flatnonzero(helper >= 0)
    pairs, inverse = np.unique(helper[kept] * (bits + 1) + votes.bit[kept], return_inverse=True)
    factor, bit = pairs // (bits + 1), pairs % (bits + 1)
    start = np.searchsorted(factor, np.arange(count + 1))
    lone = np.full(count, -1)
    lone[numbers[alone & ~twice]] = np.flatnonzero(alone & ~twice)
    sizes = np.where(lone < 0, 1 << np.minimum(np.diff(start), MOST_BITS), 0)
    at = np.append(0, np.cumsum(sizes)).astype(np.int64)
    place = np.zeros(len(votes.bit), dtype=np.int64)
    place[kept] = inverse.reshape(-1) - start[factor[inverse.reshape(-1)]]
    table = np.zeros(int(at[-1]), dtype=np.int32)
    _fill(votes, numbers, lone, place, at, worth, table)
    order = np.argsort(bit, kind="stable")
    paid = worth[readers] * price // SCALE
    sums = np.bincount(inverse.reshape(-1), np.where(votes.rises, paid, -paid)[kept])
    home = np.searchsorted(bit[order], np.arange(bits + 1))
    return Factors(
        unit=unit,
        coarse=coarse,
        start=start,
        bit=bit,
        at=at,
        table=table,
        lone=lone,
        home=home,
        factor=factor[order],
        place=(np.arange(len(bit)) - start[factor])[order],
        message=_balanced(sums.astype(np.int64), bit, order, home),
        group=numbers,
        worth=worth,
        base=-(-base * unit // coarse),
    )


def _units(largest: int, neurons: int) -> tuple[int, int]:
    """`unit` and `coarse` for factors that are worth so much at most, of so many neurons."""
    unit, coarse = 1 << FINEST, 1
    while unit > 1 and unit * largest >= _ROOM:
        unit //= 2
    while largest // coarse + neurons >= _ROOM:
        coarse *= 2
    return unit, coarse


def _reads_twice(votes: Votes) -> npt.NDArray[np.bool_]:
    """(neurons,) whether one has two helpers of a bit."""
    twice = np.zeros(len(votes.need), dtype=np.bool_)
    same = np.flatnonzero(votes.bit[1:] == votes.bit[:-1]) + 1
    readers = reader(votes)
    twice[readers[same][readers[same] == readers[same - 1]]] = True
    return twice


def _balanced(sums: Longs, bit: Longs, order: Longs, home: Longs) -> Longs:
    """Messages that add up to 0 for each bit: what is left over is taken off in even shares."""
    shares = np.maximum(np.diff(home), 1)
    total = np.zeros(len(shares), dtype=np.int64)
    np.add.at(total, bit, sums)
    rank = np.empty(len(bit), dtype=np.int64)
    rank[order] = np.arange(len(bit)) - home[bit[order]]
    balanced: Longs = sums - total[bit] // shares[bit] - (rank < total[bit] % shares[bit])
    return balanced


def _grouped(votes: Votes, bits: int, most: int) -> Longs:
    """(neurons,) the factor of each, or -1 where it reads more bits than a table has."""
    words = bits // 64 + 1
    masks = np.zeros((len(votes.need), words), dtype=np.uint64)
    readers = reader(votes)
    one = np.left_shift(np.uint64(1), (votes.bit % 64).astype(np.uint64))
    np.bitwise_or.at(masks, (readers, votes.bit // 64), one)
    sizes = np.bitwise_count(masks).sum(axis=1, dtype=np.int64)
    # those that read most come first: others fit into what these read
    return _into_groups(masks, sizes, np.argsort(-sizes, kind="stable"), most)


@compiled(allocates=True)
def _into_groups(masks: Words, sizes: Longs, order: Longs, most: int) -> Longs:
    """Put each neuron where it adds the fewest bits, or into a group of its own."""
    neurons, words = masks.shape
    unions = np.zeros((neurons, words), dtype=np.uint64)
    found = np.full(neurons, -1)
    groups = 0
    for u in order:
        if sizes[u] > most:
            continue
        chosen, best, least = groups, np.int64(most + 1), sizes[u]
        for g in range(groups):
            size, meet = np.int64(0), np.int64(0)
            for w in range(words):
                size += np.int64(popcount(unions[g, w] | masks[u, w]))
                meet += np.int64(popcount(unions[g, w] & masks[u, w]))
            # two that share less than half of the smaller one's bits say little together
            if size <= most and 2 * meet >= least and size - 2 * meet < best:
                chosen, best = g, size - 2 * meet
        found[u] = chosen
        for w in range(words):
            unions[chosen, w] |= masks[u, w]
        groups = max(groups, chosen + 1)
    return found


@compiled(allocates=True)
def _fill(
    votes: Votes, numbers: Longs, lone: Longs, place: Longs, at: Longs, worth: Longs, table: Ints
) -> None:
    """Add what each neuron is worth to the table of its factor."""
    count = np.zeros(1 << MOST_BITS, dtype=np.int32)
    change = np.zeros(MOST_BITS, dtype=np.int32)
    for u in range(len(votes.need)):
        c = numbers[u]
        if c < 0 or lone[c] >= 0:
            continue
        change[:] = 0
        count[0] = 0
        for k in range(votes.start[u], votes.start[u + 1]):
            if votes.rises[k]:
                change[place[k]] += 1
            else:  # on until the bit is passed
                change[place[k]] -= 1
                count[0] += 1
        half = 1
        p = 0
        while half < at[c + 1] - at[c]:
            below, above, more = count[:half], count[half : 2 * half], np.int32(change[p])
            for x in range(half):
                above[x] = below[x] + more
            half *= 2
            p += 1
        added, need, nothing = np.int32(worth[u]), np.int32(votes.need[u]), np.int32(0)
        part = table[at[c] : at[c + 1]]
        for x in range(len(part)):
            part[x] += added if count[x] >= need else nothing
