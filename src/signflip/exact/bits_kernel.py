"""Branch and bound over the bits of input thresholds, in Numba: every number is a whole one.

Neuron u of the last hidden layer is *won* where its margin `g_u(x)`, halved and turned to the side
that helps the rival, is at least 0; it then adds `2 weight_u` to the rival's lead over all neurons
lost. For whole numbers S > 0 and `0 <= p_u <= S / -low_u`, with low_u < 0 the least margin,

    S [g_u(x) >= 0]  <=  S + p_u g_u(x)                                            (R)

as the right side is at least S where g >= 0, and at least 0 from low_u on. So the lead is at most

    base + sum_u 2 weight_u  +  1/S max_x sum_u 2 weight_u p_u g_u(x)              (B)

for any such p: each bit is counted once, over all neurons together, and the maximum falls apart
into pixels. Subgradient steps in p make the bound small; any p will do for a proof. The maximiser x
of a step is a pattern, which is tried as a flip.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled

Longs = npt.NDArray[np.int64]

SCALE = 1 << 16
"""S of (R): the larger, the finer are multipliers."""
REFUTED, FOUND, OPEN = 0, 1, 2
ROOT_STEPS, NODE_STEPS = 60, 12
"""Subgradient steps at the root, and at each node below it."""


class Votes(NamedTuple):
    """A rival's lead as a function of the levels of pixels.

    A pixel stands at a level from 0 to its highest. Going up to level l + 1 passes a bit; bits of
    one pixel lie beside each other, level by level.

    Attributes:
        first: (pixels + 1,) first bit of each pixel, and the number of bits.
        pixel: (bits,) pixel of each bit.
        start: (neurons + 1,) where each neuron's entries begin.
        bit: (entries,) bit of each entry, rising for each neuron.
        change: (entries,) what passing the bit adds to the neuron's margin.
        margin: (neurons,) margins where every pixel is at level 0.
        weight: (neurons,) at least 0.
        base: the lead where every neuron is lost.
        need: a lead from which it is a flip.
    """

    first: Longs
    pixel: Longs
    start: Longs
    bit: Longs
    change: Longs
    margin: Longs
    weight: Longs
    base: int
    need: int


class Nodes(NamedTuple):
    """The open nodes, a stack, and room to work.

    Attributes:
        low: (depth, pixels) least level of each pixel, for each open node.
        high: (depth, pixels) greatest level.
        price: (depth, neurons) the multipliers p of the node's parent.
        open: (1,) how many they are.
        level: (pixels,) levels of the best pattern: the flip where one is found.
        tally: (1,) nodes visited.
    """

    low: Longs
    high: Longs
    price: Longs
    open: Longs
    level: Longs
    tally: Longs


@compiled()
def search(votes: Votes, nodes: Nodes, budget: int) -> int:
    """Go on for `budget` nodes at most.

    Returns:
        REFUTED if no pattern reaches `need`, FOUND with one in `nodes.level`, or OPEN.
    """
    pixels, neurons = len(votes.first) - 1, len(votes.weight)
    low, high = np.empty(pixels, np.int64), np.empty(pixels, np.int64)
    price = np.empty(neurons, np.int64)
    share = np.empty(pixels, np.float64)
    while nodes.open[0] > 0:
        if budget <= 0:
            return OPEN
        budget -= 1
        top = nodes.open[0] - 1
        nodes.open[0] = top
        low[:], high[:], price[:] = nodes.low[top], nodes.high[top], nodes.price[top]
        root = nodes.tally[0] == 0
        nodes.tally[0] += 1
        steps = ROOT_STEPS if root else NODE_STEPS
        answer = _bound(votes, low, high, price, share, nodes.level, steps)
        if answer == FOUND:
            return FOUND
        if answer == REFUTED:
            continue
        chosen = -1
        most = -1.0
        for pixel in range(pixels):
            if high[pixel] > low[pixel] and share[pixel] > most:
                most, chosen = share[pixel], pixel
        if chosen < 0:  # one pattern, which `_bound` tried: it is no flip
            continue
        middle = (low[chosen] + high[chosen]) // 2
        upper_first = nodes.level[chosen] <= middle
        # the side of the best pattern is searched first: it lies on top of the stack
        for side in range(2):
            place = nodes.open[0]
            nodes.low[place], nodes.high[place], nodes.price[place] = low, high, price
            if (side == 0) == upper_first:
                nodes.low[place, chosen] = middle + 1
            else:
                nodes.high[place, chosen] = middle
            nodes.open[0] = place + 1
    return REFUTED


@compiled(inner=True)
def _bound(
    votes: Votes,
    low: Longs,
    high: Longs,
    price: Longs,
    share: npt.NDArray[np.float64],
    level: Longs,
    steps: int,
) -> int:
    """Bound one node, shrink its pixels' ranges, and try patterns on the way.

    `price` and the ranges become those of the best bound; `share` says how torn each pixel is.
    """
    pixels, neurons = len(votes.first) - 1, len(votes.weight)
    bits = votes.first[pixels]
    at_low, least = np.empty(neurons, np.int64), np.empty(neurons, np.int64)
    most = np.empty(neurons, np.int64)
    gain, worth = np.empty(bits, np.int64), np.empty(bits, np.int64)
    here, margin = np.empty(pixels, np.int64), np.empty(neurons, np.int64)
    best_price, trial = price.copy(), price.copy()
    visits = np.zeros(pixels, np.float64)
    need = votes.need
    fixed = _ranges(votes, low, high, at_low, least, most)
    best = 1 << 62
    rate = 1.0
    stuck = 0
    for step in range(steps):
        for u in range(neurons):
            if least[u] < 0:
                trial[u] = min(max(trial[u], 0), SCALE // -least[u])
        value = _relaxed(votes, low, high, at_low, least, most, trial, fixed, gain, here)
        if value < best:
            best, stuck = value, 0
            best_price[:] = trial
            worth[:] = gain
        else:
            stuck += 1
            if stuck == 3:
                rate, stuck = rate / 2, 0
        if best < SCALE * need:
            return REFUTED
        if _lead(votes, here, margin) >= need:
            level[:] = here
            return FOUND
        if step == 0:
            level[:] = here
        for pixel in range(pixels):
            visits[pixel] += here[pixel]
        # Polyak's step: the gap over the squared length of the subgradient
        length = 0.0
        for u in range(neurons):
            if least[u] < 0 <= most[u]:
                # a multiplier at an end of its range, pushed beyond it, does not move
                if margin[u] > 0 and trial[u] == 0:
                    margin[u] = 0
                if margin[u] < 0 and trial[u] == SCALE // -least[u]:
                    margin[u] = 0
                slope = 2.0 * votes.weight[u] * margin[u]
                length += slope * slope
        if length == 0.0:
            break
        pace = rate * (value - SCALE * need + SCALE) / length
        for u in range(neurons):
            if least[u] < 0 <= most[u]:
                trial[u] -= np.int64(pace * 2.0 * votes.weight[u] * margin[u])
    price[:] = best_price
    shrunk = _shrink(votes, low, high, worth, best - SCALE * need)
    if shrunk:
        fixed = _ranges(votes, low, high, at_low, least, most)
        for u in range(neurons):
            if least[u] < 0:
                price[u] = min(price[u], SCALE // -least[u])
        value = _relaxed(votes, low, high, at_low, least, most, price, fixed, gain, here)
        if value < SCALE * need:
            return REFUTED
        if _lead(votes, here, margin) >= need:
            level[:] = here
            return FOUND
    for pixel in range(pixels):
        if high[pixel] > low[pixel]:
            mean = visits[pixel] / steps - low[pixel]
            share[pixel] = min(mean, high[pixel] - low[pixel] - mean) + 0.02
            level[pixel] = here[pixel]
    _weigh(votes, least, most, share)
    return OPEN


@compiled(inner=True)
def _ranges(votes: Votes, low: Longs, high: Longs, at_low: Longs, least: Longs, most: Longs) -> int:
    """Each neuron's margin at the low levels, and its least and greatest; the lead that is sure."""
    fixed = votes.base
    for u in range(len(votes.weight)):
        total = votes.margin[u]
        down = up = 0
        k = votes.start[u]
        stop = votes.start[u + 1]
        while k < stop:
            pixel = votes.pixel[votes.bit[k]]
            first, last = votes.first[pixel], votes.first[pixel + 1]
            run = worst = best = 0
            while k < stop and votes.bit[k] < last:
                place = votes.bit[k] - first
                if place < low[pixel]:
                    total += votes.change[k]
                elif place < high[pixel]:
                    run += votes.change[k]
                    worst, best = min(worst, run), max(best, run)
                k += 1
            down += worst
            up += best
        at_low[u], least[u], most[u] = total, total + down, total + up
        if least[u] >= 0:
            fixed += 2 * votes.weight[u]
    return int(fixed)


@compiled(inner=True)
def _relaxed(
    votes: Votes,
    low: Longs,
    high: Longs,
    at_low: Longs,
    least: Longs,
    most: Longs,
    price: Longs,
    fixed: int,
    gain: Longs,
    here: Longs,
) -> int:
    """The bound (B) times S, and the levels that reach it.

    `gain` gets what passing each bit adds to the sum of (B).
    """
    value = SCALE * fixed
    gain[:] = 0
    for u in range(len(votes.weight)):
        if least[u] < 0 <= most[u]:
            factor = 2 * votes.weight[u] * price[u]
            value += 2 * votes.weight[u] * SCALE + factor * at_low[u]
            if factor:
                for k in range(votes.start[u], votes.start[u + 1]):
                    gain[votes.bit[k]] += factor * votes.change[k]
    for pixel in range(len(low)):
        run = best = 0
        here[pixel] = low[pixel]
        for place in range(low[pixel], high[pixel]):
            run += gain[votes.first[pixel] + place]
            if run > best:
                best = run
                here[pixel] = place + 1
        value += best
    return int(value)


@compiled(inner=True)
def _lead(votes: Votes, level: Longs, margin: Longs) -> int:
    """The lead of one pattern, and the margins of its neurons."""
    passed = np.zeros(votes.first[-1], np.int64)
    for pixel in range(len(level)):
        for place in range(level[pixel]):
            passed[votes.first[pixel] + place] = 1
    lead = votes.base
    for u in range(len(votes.weight)):
        total = votes.margin[u]
        for k in range(votes.start[u], votes.start[u + 1]):
            total += passed[votes.bit[k]] * votes.change[k]
        margin[u] = total
        if total >= 0:
            lead += 2 * votes.weight[u]
    return int(lead)


@compiled(inner=True)
def _shrink(votes: Votes, low: Longs, high: Longs, gain: Longs, slack: int) -> bool:
    """Cut levels at which the bound, otherwise best, falls short by more than the slack."""
    shrunk = False
    for pixel in range(len(low)):
        if high[pixel] <= low[pixel]:
            continue
        run = best = 0
        for place in range(low[pixel], high[pixel]):
            run += gain[votes.first[pixel] + place]
            best = max(best, run)
        run = 0
        first, last = -1, -1
        for place in range(low[pixel], high[pixel] + 1):
            if best - run <= slack:
                if first < 0:
                    first = place
                last = place
            if place < high[pixel]:
                run += gain[votes.first[pixel] + place]
        if first > low[pixel] or last < high[pixel]:
            low[pixel], high[pixel] = first, last
            shrunk = True
    return shrunk


@compiled(inner=True)
def _weigh(
    votes: Votes,
    least: Longs,
    most: Longs,
    share: npt.NDArray[np.float64],
) -> None:
    """Multiply each pixel's share by the weight of the open neurons that read it."""
    load = np.zeros(len(share), np.float64)
    for u in range(len(votes.weight)):
        if least[u] < 0 <= most[u]:
            # a neuron that a single bit decides weighs most
            force = votes.weight[u] / (1.0 + min(-least[u], most[u] + 1))
            for k in range(votes.start[u], votes.start[u + 1]):
                load[votes.pixel[votes.bit[k]]] += force
    for pixel in range(len(share)):
        share[pixel] *= load[pixel]
