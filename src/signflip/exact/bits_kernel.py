"""Branch and bound over the bits of input thresholds, in Numba, by the bound of `bits_bound`."""

from typing import NamedTuple

import numpy as np

from signflip.compiled import compiled
from signflip.exact.bits_bound import SCALE, Ints, Longs, Room, Votes, descend, enter, lead, value

REFUTED, FOUND, OPEN = 0, 1, 2


class Descent(NamedTuple):
    """How prices go down.

    Attributes:
        steps: at most.
        rate: share of Polyak's step at first; above 1 where the bound may well fall short of it.
        patience: steps that gain nothing, after which
        factor: multiplies the rate.
    """

    steps: int
    rate: float
    patience: int
    factor: float


QUICK = Descent(steps=64, rate=1.0, patience=3, factor=0.5)
"""At the root: it suffices for most images."""
LONG = Descent(steps=448, rate=1.0, patience=9, factor=0.7)
"""Then at the root, for all that is below it."""
SHORT = Descent(steps=16, rate=2.0, patience=3, factor=0.5)
"""At each node below."""
ONE = Descent(steps=1, rate=1.0, patience=1, factor=1.0)
"""Where levels were cut: for what the best prices make of it."""


class Nodes(NamedTuple):
    """The open nodes, a stack.

    Attributes:
        low: (depth, pixels) least level of each pixel, for each open node.
        high: (depth, pixels) greatest level.
        price: (depth, helpers) the best prices of the node's parent.
        open: (1,) how many they are.
        level: (pixels,) levels of the best pattern: the flip where one is found.
        tally: (1,) nodes visited.
    """

    low: Longs
    high: Longs
    price: Ints
    open: Longs
    level: Longs
    tally: Longs


def root_of(votes: Votes, room: Room) -> Nodes:
    """The root as the only open node, and room for all below it."""
    pixels, bits = len(room.low), int(votes.first[-1])
    low = np.zeros((bits + 2, pixels), dtype=np.int64)
    high = np.zeros_like(low)
    high[0] = room.high
    price = np.zeros((bits + 2, len(votes.bit)), dtype=np.int32)
    price[0] = room.price
    return Nodes(
        low=low,
        high=high,
        price=price,
        open=np.array([1], dtype=np.int64),
        level=np.zeros(pixels, dtype=np.int64),
        tally=np.array([0], dtype=np.int64),
    )


@compiled()
def search(votes: Votes, room: Room, nodes: Nodes, budget: int) -> int:
    """Go on for `budget` nodes at most.

    Returns:
        REFUTED if no pattern reaches `votes.least`, FOUND with one in `nodes.level`, or OPEN.
    """
    while nodes.open[0] > 0:
        if budget <= 0:
            return OPEN
        budget -= 1
        top = nodes.open[0] - 1
        nodes.open[0] = top
        room.low[:], room.high[:], room.price[:] = nodes.low[top], nodes.high[top], nodes.price[top]
        nodes.tally[0] += 1
        answer = _bound(votes, room, nodes.tally[0] == 1)
        if answer == FOUND:
            nodes.level[:] = room.level
            nodes.open[0] = top + 1  # its other patterns may be better
            return FOUND
        if answer == REFUTED:
            continue
        chosen = _heaviest(votes, room)
        if chosen < 0:  # one pattern, which `_bound` tried: it is no flip
            continue
        middle = (room.low[chosen] + room.high[chosen]) // 2
        upper_first = room.level[chosen] <= middle
        # the side of the best pattern is searched first: it lies on top of the stack
        for side in range(2):
            place = nodes.open[0]
            nodes.low[place], nodes.high[place] = room.low, room.high
            nodes.price[place] = room.best
            if (side == 0) == upper_first:
                nodes.low[place, chosen] = middle + 1
            else:
                nodes.high[place, chosen] = middle
            nodes.open[0] = place + 1
    return REFUTED


@compiled(inner=True)
def _bound(votes: Votes, room: Room, is_root: bool) -> int:
    """Bound one node, shrink its pixels' ranges, and try patterns on the way.

    The prices of the best bound are in `room.best`.
    """
    answer, best = _refine(votes, room, is_root)
    slack = best - SCALE * votes.least
    if answer != OPEN or not _shrink(votes, room, slack):
        return answer
    room.price[:] = room.best
    return _descend(votes, room, ONE)[0]


@compiled(inner=True)
def _refine(votes: Votes, room: Room, is_root: bool) -> tuple[int, int]:
    """Make a node's bound small, and try a pattern at each step; S times the bound.

    Where it is REFUTED, it is by the prices in `room.price`.
    """
    if not is_root:
        return _descend(votes, room, SHORT)
    answer, best = _descend(votes, room, QUICK)
    if answer != OPEN:
        return answer, best
    room.price[:] = room.best
    return _descend(votes, room, LONG)


@compiled(inner=True)
def _descend(votes: Votes, room: Room, how: Descent) -> tuple[int, int]:
    target = SCALE * votes.least
    fixed = enter(votes, room)
    best = 1 << 62
    rate, stuck = how.rate, 0
    for step in range(how.steps):
        now = value(votes, room, fixed)
        if now < best:
            best, stuck = now, 0
            room.best[:] = room.price
            room.best_gain[:] = room.gain
        else:
            stuck += 1
            if stuck == how.patience:
                rate, stuck = rate * how.factor, 0
        if best < target:
            return REFUTED, best
        if lead(votes, room, fixed) >= votes.least:
            return FOUND, best
        gap = rate * (now - target + SCALE)
        if step == how.steps - 1 or not descend(votes, room, gap):
            break
    return OPEN, best


@compiled()
def refine(votes: Votes, room: Room, is_root: bool) -> tuple[int, int]:
    """Make the bound of the node in `room` small; the answer, and the pixel to split by, or -1.

    The answer is REFUTED, by the prices in `room.price`; FOUND with a flip in `room.level`; or
    OPEN with the best prices in `room.best`.
    """
    answer, _ = _refine(votes, room, is_root)
    return answer, _heaviest(votes, room)


@compiled(inner=True)
def _shrink(votes: Votes, room: Room, slack: int) -> bool:
    """Cut levels at which the bound, otherwise best, falls short by more than the slack."""
    shrunk = False
    for pixel in range(len(room.low)):
        low, high = room.low[pixel], room.high[pixel]
        if high <= low:
            continue
        run = best = 0
        for bit in range(votes.first[pixel] + low, votes.first[pixel] + high):
            run += room.best_gain[bit]
            best = max(best, run)
        run = 0
        first, last = -1, -1
        for place in range(low, high + 1):
            if best - run <= slack:
                if first < 0:
                    first = place
                last = place
            if place < high:
                run += room.best_gain[votes.first[pixel] + place]
        if first > low or last < high:
            room.low[pixel], room.high[pixel] = first, last
            shrunk = True
    return shrunk


@compiled(inner=True)
def _heaviest(votes: Votes, room: Room) -> int:
    """The pixel whose open neurons are worth most, those that few bits decide above all; or -1."""
    load = np.zeros(len(room.low), np.float64)
    for u in room.open[: room.size[0]]:
        start, count, lack = votes.start[u], room.free[u], room.lack[u]
        force = votes.worth[u] / (1.0 + min(lack, count - lack + 1)) ** 2
        for k in room.order[start : start + count]:
            load[votes.pixel[votes.bit[k]]] += force
    chosen = -1
    for pixel in range(len(room.low)):
        is_open = room.high[pixel] > room.low[pixel]
        if is_open and (chosen < 0 or load[pixel] > load[chosen]):
            chosen = pixel
    return chosen
