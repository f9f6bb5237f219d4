"""The bound (F) of a node, made small by averaging what factors want of a bit, in Numba.

For a bit j and a factor c let d_c be how much more the factor can be worth with the bit passed than
without, messages included. The sum D of these over the bit's factors is what (F) gains or loses by
the bit; shares of it that are even, or nearly so, make (F) as small as messages of this bit can.
Then (F) with the bit the other way is lower by |D|: where that is below what is looked for, the bit
is settled. All numbers are whole, so nothing is rounded.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled, overwrite
from signflip.exact.bit_tables import ROOM, fold, halve, sides
from signflip.exact.bits_bound import Ints, Longs, Votes
from signflip.exact.factors import Factors

FREE = -1
Bytes = npt.NDArray[np.int8]


class Desk(NamedTuple):
    """Where a node is worked on.

    Attributes:
        value: (bits,) 0 or 1 where a bit is settled, else `FREE`.
        message: (places,) those of (F).
        live: (places,) of each factor the places whose bits are free: rising where it has a table.
        size: (factors,) how many these are.
        work: (entries,) each table over its free bits.
        folded: (entries,) the same without its highest bits: over the lowest k from entry 2^k on.
        ready: (factors,) the least k for which that is so with the messages as they are.
        most: (factors,) the greatest entry, or what a neuron by itself comes to.
        lack: (factors,) helpers that a neuron by itself still needs.
        gone: (factors,) its messages of settled bits.
        force: (bits,) D of each free bit, when it was last looked at.
        wants: (places,) d_c of the factors of one bit.
        level: (pixels,) the levels of a pattern.
        room: (ROOM,) room, and
        cost: (places,) more.
    """

    value: Bytes
    message: Longs
    live: Longs
    size: Longs
    work: Ints
    folded: Ints
    ready: Longs
    most: Longs
    lack: Longs
    gone: Longs
    force: Longs
    wants: npt.NDArray[np.int64]
    level: Longs
    room: Ints
    cost: Longs


def desk_for(factors: Factors, pixels: int) -> Desk:
    """Room for the nodes of a search."""
    bits, count, places = len(factors.home) - 1, len(factors.lone), len(factors.bit)
    longs = {
        name: np.zeros(size, dtype=np.int64)
        for size, names in (
            (places, ("message", "live", "cost")),
            (count, ("size", "ready", "most", "lack", "gone")),
            (bits, ("force",)),
            (pixels, ("level",)),
        )
        for name in names
    }
    return Desk(
        value=np.full(bits, FREE, dtype=np.int8),
        work=np.zeros(len(factors.table), dtype=np.int32),
        folded=np.zeros(len(factors.table), dtype=np.int32),
        room=np.zeros(ROOM, dtype=np.int32),
        wants=np.zeros((places + 1, 2), dtype=np.int64),
        **longs,
    )


@compiled(inner=True)
def enter(votes: Votes, factors: Factors, desk: Desk) -> int:
    """Lay the factors out over the bits that are free; the bound (F), in units."""
    total = factors.base
    for c in range(len(factors.lone)):
        start, size = factors.start[c], 0
        u = factors.lone[c]
        if u >= 0:
            desk.lack[c] = votes.need[u]
        desk.gone[c] = 0
        for place in range(factors.start[c + 1] - start):
            value = desk.value[factors.bit[start + place]]
            if value == FREE:
                desk.live[start + size] = place
                size += 1
            else:
                desk.gone[c] -= value * desk.message[start + place]
                if u >= 0:
                    desk.lack[c] -= (value == 1) == votes.rises[votes.start[u] + place]
        desk.size[c] = size
        if u >= 0:
            low, high = _ends(votes, factors, desk, c, -1)
            desk.most[c] = max(low, high)
        else:
            desk.most[c] = _lay(factors, desk, c)
        total += desk.most[c]
    return int(total)


@compiled(inner=True)
def _lay(factors: Factors, desk: Desk, c: int) -> int:
    """The table of a factor over its free bits; its greatest entry, less messages."""
    start, size = factors.start[c], factors.start[c + 1] - factors.start[c]
    work = desk.work[factors.at[c] : factors.at[c + 1]]
    overwrite(work, factors.table[factors.at[c] : factors.at[c + 1]])
    for place in range(size - 1, -1, -1):
        value = desk.value[factors.bit[start + place]]
        if value != FREE:
            halve(work, size, place, value)
            size -= 1
    desk.ready[c] = size
    return _greatest(factors, desk, c)


@compiled(inner=True)
def _fold_down(factors: Factors, desk: Desk, c: int, bits: int) -> None:
    """Make the table of a factor over its lowest free bits, the others folded.

    Its entry i is `folded[at + (1 << bits) + i]`, or `work[at + i]` where no bit is folded. Where
    a bit's message changes, the tables over more bits than those below it stay as they are: in a
    round over rising bits each is made once.
    """
    start, at, end = factors.start[c], factors.at[c], factors.at[c + 1]
    work, folded = desk.work[at:end], desk.folded[at:end]
    size = desk.size[c]
    for k in range(desk.ready[c], bits, -1):
        table = work if k == size else folded[1 << k :]
        message = desk.message[start + desk.live[start + k - 1]]
        fold(table, k - 1, message, folded[1 << (k - 1) :])
    desk.ready[c] = min(desk.ready[c], bits)


@compiled(inner=True)
def _greatest(factors: Factors, desk: Desk, c: int) -> int:
    """The greatest entry of a factor's table, less messages."""
    _fold_down(factors, desk, c, 0)
    at = factors.at[c]
    entry = desk.work[at] if desk.size[c] == 0 else desk.folded[at + 1]
    return int(entry + desk.gone[c])


@compiled(inner=True)
def _sides(factors: Factors, desk: Desk, c: int, p: int) -> tuple[int, int]:
    """The same where its p-th free bit is not passed, and where it is."""
    start = factors.start[c]
    bits = p + 1
    _fold_down(factors, desk, c, bits)
    at, end = factors.at[c], factors.at[c + 1]
    whole = bits == desk.size[c]
    table = desk.work[at:end] if whole else desk.folded[at + (1 << bits) : end]
    for q in range(p + 1):
        desk.cost[q] = desk.message[start + desk.live[start + q]]
    low, high = sides(table, p, desk.cost, desk.room)
    return low + desk.gone[c], high + desk.gone[c]


@compiled(inner=True)
def _ends(votes: Votes, factors: Factors, desk: Desk, c: int, place: int) -> tuple[int, int]:
    """What a neuron by itself comes to with a free bit not passed, and passed; -1 for none."""
    start, u = factors.start[c], factors.lone[c]
    first, size, lack = votes.start[u], desk.size[c], desk.lack[c]
    live, rises = desk.live, votes.rises
    # its helpers in order of what it costs to be on: the message, or less it where the bit must
    # not be passed; they nearly are in order, most of the time
    cost = desk.cost
    base, at = desk.gone[c], -1
    for i in range(size):
        k = live[start + i]
        message = desk.message[start + k]
        own = message if rises[first + k] else -message
        base -= 0 if rises[first + k] else message
        q = i
        while q > 0 and cost[q - 1] > own:
            cost[q], live[start + q] = cost[q - 1], live[start + q - 1]
            q -= 1
        cost[q], live[start + q] = own, k
    for i in range(size):
        if live[start + i] == place:
            at = i
    worth = factors.worth[u]
    off = base + _won(cost, size, at, lack, worth)
    if place < 0:
        return off, off
    on = base - cost[at] + _won(cost, size, at, lack - 1, worth)
    return (off, on) if rises[first + place] else (on, off)


@compiled(inner=True)
def _won(cost: Longs, size: int, skipped: int, lack: int, worth: int) -> int:
    """The most that helpers bring: what they save by being on, and the worth if they win it."""
    saved = spent = count = 0
    for i in range(size):
        if i == skipped:
            continue
        if cost[i] < 0:
            saved -= cost[i]
        elif count < lack:
            spent += cost[i]
        else:
            break
        count += 1
    return saved if count < lack else saved + max(0, worth - spent)


@compiled(inner=True)
def _spot(factors: Factors, desk: Desk, c: int, place: int) -> int:
    """Where a free place stands among those of a factor."""
    p = 0
    while desk.live[factors.start[c] + p] != place:
        p += 1
    return p


@compiled(inner=True)
def average(votes: Votes, factors: Factors, desk: Desk, bit: int) -> int:
    """Make (F) as small as messages of one free bit can; what it changes by, and sets `force`."""
    begin, end = factors.home[bit], factors.home[bit + 1]
    total = 0
    for i in range(begin, end):
        c, place = factors.factor[i], factors.place[i]
        if factors.lone[c] >= 0:
            low, high = _ends(votes, factors, desk, c, place)
        else:
            low, high = _sides(factors, desk, c, _spot(factors, desk, c, place))
        desk.wants[i - begin, 0], desk.wants[i - begin, 1] = low, high - low
        total += high - low
    desk.force[bit] = total
    if end == begin:
        return 0
    share, left = total // (end - begin), total % (end - begin)
    change = 0
    for i in range(begin, end):
        c, place = factors.factor[i], factors.place[i]
        low = desk.wants[i - begin, 0]
        own = share + (i - begin < left)
        more = desk.wants[i - begin, 1] - own
        desk.message[factors.start[c] + place] += more
        if factors.lone[c] < 0:
            # tables over fewer bits have folded this one
            p = _spot(factors, desk, c, place)
            desk.ready[c] = max(desk.ready[c], p + 1)
        change += max(low, low + own) - desk.most[c]
        desk.most[c] = max(low, low + own)
    return int(change)


@compiled(inner=True)
def settle(votes: Votes, factors: Factors, desk: Desk, bit: int, value: int) -> int:
    """Settle a free bit; what (F) changes by."""
    desk.value[bit] = value
    change = 0
    for i in range(factors.home[bit], factors.home[bit + 1]):
        c, place = factors.factor[i], factors.place[i]
        p, start = _spot(factors, desk, c, place), factors.start[c]
        u, size = factors.lone[c], desk.size[c]
        desk.gone[c] -= value * desk.message[start + place]
        if u >= 0:
            desk.lack[c] -= (value == 1) == votes.rises[votes.start[u] + place]
        else:
            halve(desk.work[factors.at[c] :], size, p, value)
        for q in range(p, size - 1):
            desk.live[start + q] = desk.live[start + q + 1]
        desk.size[c] = size - 1
        before = desk.most[c]
        if u >= 0:
            desk.most[c] = _ends(votes, factors, desk, c, -1)[0]
        else:
            desk.ready[c] = size - 1
            desk.most[c] = _greatest(factors, desk, c)
        change += desk.most[c] - before
    return int(change)


@compiled(inner=True)
def lead_of(votes: Votes, desk: Desk) -> int:
    """The lead of the pattern that goes where each free bit's force points, in `desk.level`."""
    for pixel in range(len(desk.level)):
        level = 0
        for bit in range(votes.first[pixel], votes.first[pixel + 1]):
            value = desk.value[bit]
            level += value == 1 or (value == FREE and desk.force[bit] > 0)
        desk.level[pixel] = level
    total = votes.base
    for u in range(len(votes.need)):
        on = 0
        for k in range(votes.start[u], votes.start[u + 1]):
            pixel = votes.pixel[votes.bit[k]]
            passed = votes.bit[k] - votes.first[pixel] < desk.level[pixel]
            on += passed == votes.rises[k]
        if on >= votes.need[u]:
            total += votes.worth[u]
    return int(total)
