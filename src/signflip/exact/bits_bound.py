"""The bound of a node over bits of input thresholds, in Numba: every number is a whole one.

A bit *helps* neuron u of the last hidden layer by being passed, or by not being passed. The neuron
is *won*, and adds `worth_u` to the rival's lead, iff at least r_u of its helpers are on, of those
that the node leaves open. For a whole S > 0 and whole prices `p_k >= 0`, one for each helper k,

    S [u is won]  <=  A_u + sum_k p_k [k is on],   A_u = max(0, S - sum of the r_u least p_k)    (R)

as r_u helpers that are on cost no less than the r_u cheapest. So the lead is at most

    fixed  +  1/S (sum_u worth_u A_u  +  max_x sum_u worth_u sum_k p_k [k is on in x])          (B)

with `fixed` for the neurons that are sure; the maximum over x falls apart into pixels. Any prices
will do for a proof; subgradient steps make the bound small.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled, overwrite

Longs = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]

REFUTED, FOUND, OPEN = 0, 1, 2

SCALE = 1 << 16
"""S of (R): the larger, the finer are prices."""
STEPS = 64
"""Of the descent, at most."""
PATIENCE = 3
"""Steps that gain nothing, after which the next ones are half as long."""


class Votes(NamedTuple):
    """A rival's lead as a function of the levels of pixels.

    A pixel stands at a level from 0 to its highest. Going up to level l + 1 passes a bit; bits of
    one pixel lie beside each other, level by level.

    Attributes:
        first: (pixels + 1,) first bit of each pixel, and the number of bits.
        pixel: (bits,) pixel of each bit.
        start: (neurons + 1,) where each neuron's helpers begin.
        bit: (helpers,) bit of each helper, rising for each neuron.
        rises: (helpers,) whether it helps by being passed.
        need: (neurons,) helpers that must be on for a neuron to be won, from 1 to all of its own.
        worth: (neurons,) what winning it adds to the lead, above 0.
        base: the lead where all of these are lost.
        least: a lead from which it is a flip.
    """

    first: Longs
    pixel: Longs
    start: Longs
    bit: Longs
    rises: npt.NDArray[np.bool_]
    need: Longs
    worth: Longs
    base: int
    least: int


class Room(NamedTuple):
    """Where a node is worked on.

    Attributes:
        low: (pixels,) least level of each pixel in the node.
        high: (pixels,) greatest level.
        price: (helpers,) p of (R).
        open: (neurons,) those that the node leaves open, `size[0]` of them.
        size: (1,)
        free: (neurons,) open helpers of each open neuron.
        lack: (neurons,) r of (R).
        cheap: (neurons,) sum of the least so many prices.
        order: (helpers,) open helpers of each neuron, the cheapest first.
        slope: (helpers,) in the same places: of (B) in a price, in units of `worth`.
        gain: (bits,) sum of `worth` times the prices that helpers get if the bit is passed, less
            that of those that get theirs if it is not.
        level: (pixels,) the maximiser x of (B).
        passed: (bits,) the bits that x passes.
        best: (helpers,) the prices of the best bound.
    """

    low: Longs
    high: Longs
    price: Longs
    open: Longs
    size: Longs
    free: Longs
    lack: Longs
    cheap: Longs
    order: Longs
    slope: Longs
    gain: Longs
    level: Longs
    passed: npt.NDArray[np.bool_]
    best: Longs


def reader(votes: Votes) -> Longs:
    """(helpers,) the neuron of each helper."""
    return np.repeat(np.arange(len(votes.need)), np.diff(votes.start))


def first_prices(votes: Votes) -> Longs:
    """(helpers,) prices that are the same for all of a neuron, and half of what reaches S."""
    return (SCALE // (2 * votes.need))[reader(votes)]


def room_for(votes: Votes) -> Room:
    """Room for the root, with the first prices."""
    pixels, bits = len(votes.first) - 1, int(votes.first[-1])
    helpers = np.diff(votes.start)
    made = {
        name: np.zeros(size, dtype=np.int64)
        for size, names in (
            (len(helpers), ("open", "free", "lack", "cheap")),
            (len(votes.bit), ("order", "slope", "best")),
            (bits, ("gain",)),
            (pixels, ("low", "level")),
            (1, ("size",)),
        )
        for name in names
    }
    return Room(
        high=np.diff(votes.first),
        price=first_prices(votes),
        passed=np.zeros(bits, dtype=np.bool_),
        **made,
    )


@compiled(inner=True)
def enter(votes: Votes, room: Room) -> int:
    """Find which neurons the node's levels leave open; the lead that is sure."""
    fixed = votes.base
    size = 0
    for u in range(len(votes.need)):
        start = votes.start[u]
        lack, count = votes.need[u], 0
        for k in range(start, votes.start[u + 1]):
            pixel = votes.pixel[votes.bit[k]]
            place = votes.bit[k] - votes.first[pixel]
            if place < room.low[pixel]:
                lack -= votes.rises[k]
            elif place >= room.high[pixel]:
                lack -= not votes.rises[k]
            else:
                room.order[start + count] = k
                count += 1
        if lack <= 0:
            fixed += votes.worth[u]
        elif lack <= count:
            room.free[u], room.lack[u] = count, lack
            room.open[size] = u
            size += 1
    room.size[0] = size
    return int(fixed)


@compiled(inner=True)
def _sort(votes: Votes, room: Room, u: int) -> None:
    """Put a neuron's open helpers in order of their prices: they nearly are, most of the time."""
    start = votes.start[u]
    order, price = room.order, room.price
    for i in range(start + 1, start + room.free[u]):
        k = order[i]
        paid = price[k]
        j = i
        while j > start and price[order[j - 1]] > paid:
            order[j] = order[j - 1]
            j -= 1
        order[j] = k
    total = 0
    for i in range(start, start + room.lack[u]):
        total += price[order[i]]
    room.cheap[u] = total


@compiled(inner=True)
def value(votes: Votes, room: Room, fixed: int) -> int:
    """S times the bound (B); `room.level` becomes its maximiser."""
    total = SCALE * fixed
    gain = room.gain
    gain[:] = 0
    for i in range(room.size[0]):
        u = room.open[i]
        _sort(votes, room, u)
        worth = votes.worth[u]
        if room.cheap[u] < SCALE:
            total += worth * (SCALE - room.cheap[u])
        start = votes.start[u]
        for k in room.order[start : start + room.free[u]]:
            paid = worth * room.price[k]
            if votes.rises[k]:
                gain[votes.bit[k]] += paid
            else:  # paid at the low level, and no more from the bit on
                gain[votes.bit[k]] -= paid
                total += paid
    for pixel in range(len(room.low)):
        first, low, high = votes.first[pixel], room.low[pixel], room.high[pixel]
        run = best = 0
        level = low
        for place in range(low, high):
            run += gain[first + place]
            if run > best:
                best = run
                level = place + 1
        room.level[pixel] = level
        for place in range(low, high):
            room.passed[first + place] = place < level
        total += best
    return int(total)


@compiled(inner=True)
def lead(votes: Votes, room: Room, fixed: int) -> int:
    """The lead of the pattern `room.level`; slopes are made of it on the way."""
    total = fixed
    for i in range(room.size[0]):
        u = room.open[i]
        start, lack = votes.start[u], room.lack[u]
        chosen = lack if room.cheap[u] < SCALE else 0
        count = 0
        for place in range(start, start + room.free[u]):
            k = room.order[place]
            is_on = room.passed[votes.bit[k]] == votes.rises[k]
            count += is_on
            slope = is_on - (place - start < chosen)
            # a price at an end of its range, pushed beyond it, does not move
            at_end = room.price[k] == 0 if slope > 0 else room.price[k] == SCALE
            room.slope[place] = 0 if at_end else slope
        if count >= lack:
            total += votes.worth[u]
    return int(total)


@compiled(inner=True)
def descend(votes: Votes, room: Room, gap: float) -> bool:
    """Go along the subgradient that `lead` made, Polyak's step for a gap; False where it is 0."""
    length = 0.0
    for i in range(room.size[0]):
        u = room.open[i]
        start, moved = votes.start[u], 0
        for slope in room.slope[start : start + room.free[u]]:
            moved += slope * slope
        length += float(moved) * votes.worth[u] * votes.worth[u]
    if length == 0.0:
        return False
    pace = gap / length
    for i in range(room.size[0]):
        u = room.open[i]
        start = votes.start[u]
        step = np.int64(min(pace * votes.worth[u], float(SCALE)))
        for place in range(start, start + room.free[u]):
            k = room.order[place]
            room.price[k] = min(max(room.price[k] - room.slope[place] * step, 0), SCALE)
    return True


@compiled()
def quick(votes: Votes, room: Room) -> int:
    """Make the bound (B) small, and try a pattern at each step: that suffices for most images.

    Returns:
        REFUTED if no pattern reaches `votes.least`, FOUND with one in `room.level`, or OPEN with
        the best prices in `room.best`.
    """
    target = SCALE * votes.least
    fixed = enter(votes, room)
    best = 1 << 62
    rate, stuck = 1.0, 0
    for step in range(STEPS):
        now = value(votes, room, fixed)
        if now < best:
            best, stuck = now, 0
            overwrite(room.best, room.price)
        else:
            stuck += 1
            if stuck == PATIENCE:
                rate, stuck = rate / 2, 0
        if best < target:
            return REFUTED
        if lead(votes, room, fixed) >= votes.least:
            return FOUND
        gap = rate * (now - target + SCALE)
        if step == STEPS - 1 or not descend(votes, room, gap):
            break
    return OPEN
