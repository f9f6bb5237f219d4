"""Branch and bound over the bits of input thresholds, in Numba, by the bound of `factor_bound`."""

from typing import NamedTuple

import numpy as np

from signflip.compiled import compiled, overwrite
from signflip.exact.bits_bound import (
    FOUND,
    OPEN,
    REFUTED,
    Ints,
    Longs,
    Votes,
    first_prices,
    quick,
    reader,
    room_for,
)
from signflip.exact.factor_bound import (
    FREE,
    Bytes,
    Desk,
    average,
    desk_for,
    enter,
    lead_of,
    settle,
)
from signflip.exact.factors import Factors, factors_of

ROUNDS, ROOT_ROUNDS = 6, 40
"""Times that all bits of a node are averaged, at most; and of the root."""
NODES = 8
"""Of a tree, at most; what is open then is begun anew."""
_WORK = 300_000_000
"""Entries of tables between two looks at the clock, some 0.1 s."""
WORTH_WHILE = 0.05
"""A round that takes less than this share of what is missing is the last."""


class Branches(NamedTuple):
    """The open nodes, a stack.

    Attributes:
        value: (depth, bits) what is settled in each.
        message: (depth, places) the messages of its parent.
        open: (1,) how many they are.
        tally: (1,) nodes visited.
    """

    value: Bytes
    message: Ints
    open: Longs
    tally: Longs


def trunk(factors: Factors, value: Bytes) -> Branches:
    """A node as the only open one, and room for all below it."""
    bits = len(value)
    message = np.zeros((bits + 2, len(factors.bit)), dtype=np.int32)
    message[0] = factors.message
    values = np.full((bits + 2, bits), FREE, dtype=np.int8)
    values[0] = value
    return Branches(
        value=values,
        message=message,
        open=np.array([1], dtype=np.int64),
        tally=np.array([0], dtype=np.int64),
    )


class RivalSearch:
    """The search for the greatest lead of one rival: prices at first, then factors.

    After some nodes each open one is begun anew, with factors of its own: what its settled bits
    leave to neurons are fewer bits, so that more of them go together into a table.

    Args:
        votes: the lead.

    Attributes:
        level: (pixels,) the levels of the flip that was found.
    """

    def __init__(self, votes: Votes) -> None:
        self._room = room_for(votes)
        self._waiting: list[Bytes] | None = None
        self._tree: tuple[Votes, Factors, Desk, Branches] | None = None
        self.level = self._room.level

    def go_on(self, votes: Votes) -> int:
        """REFUTED, FOUND, or OPEN after a while; the votes' `least` may rise between calls."""
        if self._waiting is None:
            answer = quick(votes, self._room)
            if answer != OPEN:
                return answer
            free = np.full(int(votes.first[-1]), FREE, dtype=np.int8)
            self._tree = _planted(votes, self._room.best, free)
            self._waiting = []
        elif self._tree is None:
            value = self._waiting.pop()
            part = within(votes, value)
            self._tree = _planted(part, first_prices(part), value)
        part, factors, desk, branches = self._tree
        self.level = desk.level
        sizes = np.diff(factors.start)
        work = 1 + int((sizes * (np.diff(factors.at) + sizes)).sum())  # of a round
        rounds = max(ROUNDS, min(ROOT_ROUNDS, 4 * _WORK // work))
        part = part._replace(least=votes.least)
        budget = max(1, min(NODES, _WORK // (ROUNDS * work)))
        answer = grow(part, factors, desk, branches, rounds, budget)
        if answer == FOUND:
            return FOUND
        if branches.tally[0] >= NODES or answer == REFUTED:
            self._waiting.extend(branches.value[: branches.open[0]].copy())
            self._tree = None
        return OPEN if self._tree or self._waiting else REFUTED


def _planted(votes: Votes, price: Longs, value: Bytes) -> tuple[Votes, Factors, Desk, "Branches"]:
    """The tree of a node."""
    factors = factors_of(votes, price)
    return votes, factors, desk_for(factors, len(votes.first) - 1), trunk(factors, value)


def within(votes: Votes, value: Bytes) -> Votes:
    """The lead where some bits are settled: (bits,) 0 or 1, or `FREE`."""
    neurons = len(votes.need)
    readers, own = reader(votes), value[votes.bit]
    free = own == FREE
    on = ~free & ((own == 1) == votes.rises)
    need = votes.need - np.bincount(readers[on], minlength=neurons)
    left = np.bincount(readers[free], minlength=neurons)
    kept = (need > 0) & (need <= left)
    at = np.flatnonzero(free & kept[readers])
    return votes._replace(
        start=np.append(0, np.cumsum(left[kept])),
        bit=votes.bit[at],
        rises=votes.rises[at],
        need=need[kept],
        worth=votes.worth[kept],
        base=votes.base + int(votes.worth[need <= 0].sum()),
    )


@compiled()
def grow(
    votes: Votes, factors: Factors, desk: Desk, branches: Branches, rounds: int, budget: int
) -> int:
    """Go on for `budget` nodes at most; the root is averaged `rounds` times.

    Returns:
        REFUTED if no pattern reaches `votes.least`, FOUND with one in `desk.level`, or OPEN.
    """
    while branches.open[0] > 0:
        if budget <= 0:
            return OPEN
        budget -= 1
        top = branches.open[0] - 1
        branches.open[0] = top
        overwrite(desk.value, branches.value[top])
        overwrite(desk.message, branches.message[top])
        branches.tally[0] += 1
        most = rounds if branches.tally[0] == 1 else ROUNDS
        answer = _refine(votes, factors, desk, most, True)
        if answer == FOUND:
            # its other patterns may be better
            overwrite(branches.value[top], desk.value)
            overwrite(branches.message[top], desk.message)
            branches.open[0] = top + 1
            return FOUND
        chosen = -1 if answer == REFUTED else _heaviest(factors, desk)
        if chosen < 0:
            continue
        last = 1 if desk.force[chosen] > 0 else 0
        # the side of the best pattern is searched first: it lies on top of the stack
        for side in (1 - last, last):
            place = branches.open[0]
            overwrite(branches.value[place], desk.value)
            overwrite(branches.message[place], desk.message)
            take(votes, branches.value[place], chosen, side)
            branches.open[0] = place + 1
    return REFUTED


@compiled()
def prove(votes: Votes, factors: Factors, desk: Desk, rounds: int) -> tuple[int, int]:
    """The answer of the node on the desk, with no bit settled, and the bit to split it by, or -1.

    Where it is REFUTED, it is by the messages on the desk.
    """
    return _refine(votes, factors, desk, rounds, False), _heaviest(factors, desk)


@compiled(inner=True)
def _refine(votes: Votes, factors: Factors, desk: Desk, rounds: int, settles: bool) -> int:
    """Bound the node on the desk, settle bits that one side is refuted of, and try patterns."""
    target = -(-votes.least * factors.unit // factors.coarse)  # rounded up: below it is below
    bound = enter(votes, factors, desk)
    for _ in range(rounds):
        before = bound
        free = 0
        for bit in range(len(desk.value)):
            if bound < target:
                return REFUTED
            if desk.value[bit] != FREE:
                continue
            bound += average(votes, factors, desk, bit)
            if settles and bound - abs(desk.force[bit]) < target:
                bound += _settle(votes, factors, desk, bit, 1 if desk.force[bit] > 0 else 0)
            else:
                free += 1
        if bound < target:
            return REFUTED
        if lead_of(votes, desk) >= votes.least:
            return FOUND
        if free == 0 or before - bound < WORTH_WHILE * (bound - target):
            break
    return OPEN


@compiled(inner=True)
def _settle(votes: Votes, factors: Factors, desk: Desk, bit: int, value: int) -> int:
    """Settle a bit, and those of its pixel that follow from it; what the bound changes by."""
    pixel = votes.pixel[bit]
    change = settle(votes, factors, desk, bit, value)
    first, last = (votes.first[pixel], bit) if value == 1 else (bit + 1, votes.first[pixel + 1])
    for other in range(first, last):
        if desk.value[other] == FREE:
            change += settle(votes, factors, desk, other, value)
    return int(change)


@compiled()
def take(votes: Votes, values: Bytes, bit: int, value: int) -> None:
    """Settle a bit, and those of its pixel that follow from it."""
    pixel = votes.pixel[bit]
    first, last = (votes.first[pixel], bit + 1) if value == 1 else (bit, votes.first[pixel + 1])
    values[first:last] = value


@compiled(inner=True)
def _heaviest(factors: Factors, desk: Desk) -> int:
    """The free bit whose factors have the most free bits between them; or -1."""
    chosen, heaviest = -1, -1
    for bit in range(len(desk.value)):
        if desk.value[bit] == FREE:
            load = 0
            for i in range(factors.home[bit], factors.home[bit + 1]):
                load += desk.size[factors.factor[i]]
            if load > heaviest:
                chosen, heaviest = bit, load
    return chosen


def compile_factors(*, proofs: bool = False) -> None:
    """Compile what only hard problems need, for proofs too or for the search alone."""
    votes = Votes(
        first=np.arange(3),
        pixel=np.arange(2),
        start=np.array([0, 2]),
        bit=np.arange(2),
        rises=np.ones(2, dtype=np.bool_),
        need=np.array([2]),
        worth=np.array([2]),
        base=0,
        least=3,
    )
    factors = factors_of(votes, room_for(votes).price)
    desk = desk_for(factors, 2)
    branches = trunk(factors, desk.value)
    grow(votes, factors, desk, branches, 1, 1)
    if proofs:
        prove(votes, factors, desk, 1)
        take(votes, desk.value, 0, 1)
