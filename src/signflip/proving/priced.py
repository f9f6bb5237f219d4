"""The steps of a proof behind input thresholds: prices, and cases where one set is not enough."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from signflip.arrays import Integers
from signflip.clock import Clock
from signflip.exact.beside import WalkBeside
from signflip.exact.bits_bound import Room, Votes, room_for
from signflip.exact.bits_kernel import FOUND, REFUTED, refine
from signflip.exact.input_bits import InputBits, least_lead
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.space import PatternSpace
from signflip.problem import Standing
from signflip.proof.check import BRANCH, NOTED, PRICED
from signflip.proof.container import steps_of
from signflip.proof.prices import SCALE, Prices
from signflip.search import Search

MOST_NUMBERS = 2**24
"""Numbers of the steps at most: they have to fit in a file."""


def priced(
    space: PatternSpace, bound: Fraction, strict: tuple[int, ...], clock: Clock
) -> bytes | None:
    """Steps as a proof file has them.

    Args:
        space: the patterns of the problem, of some unstable neurons.
        bound: what no objective is to be above.
        strict: rivals whose lead is to be below the bound.
        clock: when to give up.

    Returns:
        The steps; None where the network or the region is another, two neurons compare a pixel
        with one threshold, a rival is above the bound, or time or room was out.
    """
    search, goal = Search(space.problem, clock), SearchGoal.OPTIMISE
    bits = InputBits.of(search, goal, space, WalkBeside(search, space, goal, 0.0))
    if bits is None or len(bits.levels.threshold) != space.size:
        return None
    cases = _Cases(bits, bound, strict, clock)
    return steps_of(cases.steps) if cases.close(cases.root(), is_root=True) else None


@dataclass(frozen=True, eq=False, kw_only=True)
class _Contest:
    """A rival that may be above the bound, as the checker numbers it."""

    number: int
    votes: Votes
    neuron: Integers
    """Of `votes`: places in the last hidden layer."""
    room: Room


@dataclass(frozen=True, eq=False, kw_only=True)
class _Case:
    """Levels that are left to the pixels, signs as the checker has them, prices to begin with."""

    low: Integers
    high: Integers
    signs: Integers
    prices: dict[int, Integers]


class _Cases:
    """The cases of one problem; the steps are added one by one."""

    def __init__(
        self, bits: InputBits, bound: Fraction, strict: tuple[int, ...], clock: Clock
    ) -> None:
        self._levels, self._clock = bits.levels, clock
        space, problem = bits.space, bits.run.problem
        self._unstable = np.sort(space.unstable)
        # bit by bit: the neuron, as the checker numbers it
        self._number = np.empty(space.size, dtype=np.int64)
        self._number[self._levels.bit] = np.argsort(np.argsort(space.unstable))
        self._pixel = np.repeat(np.arange(len(self._levels.pixel)), np.diff(self._levels.first))
        self._signs = space.signs.astype(np.int64)
        self._signs[self._unstable] = 0
        leads = [problem.network.output.lead(c, problem.prediction) for c in problem.rivals]
        self._checked = Prices(
            problem.network.hidden[1:],
            [(lead.numerators, 0) for lead in leads],
            self._signs,
            self._unstable.tolist(),
            lambda: 0,
        )
        self._contests = []
        for number, (rival, lead) in enumerate(zip(problem.rivals, leads, strict=True)):
            votes, neuron = bits.votes(lead)
            floor, step = Standing(bound, flipped=False), int(np.gcd.reduce(votes.worth))
            least = least_lead(lead, votes.base, step, floor, tied=rival in strict)
            if votes.base + int(votes.worth.sum()) >= least:
                votes = votes._replace(least=least)
                made = _Contest(number=number, votes=votes, neuron=neuron, room=room_for(votes))
                self._contests.append(made)
        self.steps = self._exclusions()

    def root(self) -> _Case:
        """The case of all levels."""
        return _Case(
            low=np.zeros(len(self._levels.pixel), dtype=np.int64),
            high=np.diff(self._levels.first),
            signs=self._signs,
            prices={each.number: each.room.price.copy() for each in self._contests},
        )

    def _exclusions(self) -> list[int]:
        """Steps that note that who passes a threshold of a pixel passes the lower ones."""
        steps: list[int] = []
        for first, end in zip(self._levels.first, self._levels.first[1:], strict=False):
            numbers = self._number[first:end].tolist()
            for at, lower in enumerate(numbers):
                for upper in numbers[at + 1 :]:
                    steps += [NOTED, 2, 2 * lower, 1, 2 * upper + 1, 1]
        return steps

    def close(self, case: _Case, *, is_root: bool = False) -> bool:
        """Add the steps that close a case; False where there are none, or no time or room."""
        if self._clock.expired() or len(self.steps) > MOST_NUMBERS:
            return False
        prices = dict(case.prices)
        pixel = -1
        for each in self._contests:
            room = each.room
            room.low[:], room.high[:], room.price[:] = case.low, case.high, prices[each.number]
            answer, pixel = refine(each.votes, room, is_root)
            if answer == FOUND:
                return False
            prices[each.number] = (room.price if answer == REFUTED else room.best).copy()
            if answer != REFUTED:
                break
        else:
            self._add_prices(case)
            return True
        middle = int(case.low[pixel] + case.high[pixel]) // 2
        number = int(self._number[self._levels.first[pixel] + middle])
        self.steps.append(BRANCH + 2 * number + 1)
        for sign, name, level in ((1, "low", middle + 1), (-1, "high", middle)):
            ends = {"low": case.low.copy(), "high": case.high.copy()}
            ends[name][pixel] = level
            signs = case.signs.copy()
            signs[self._unstable[number]] = sign
            half = _Case(low=ends["low"], high=ends["high"], signs=signs, prices=prices)
            if not self.close(half):
                return False
        return True

    def _add_prices(self, case: _Case) -> None:
        """The prices of all contests, as they stand in their rooms."""
        numbers = [each.number for each in self._contests]
        self.steps += [PRICED, len(numbers), *numbers]
        free = np.flatnonzero(case.signs[self._unstable] == 0)
        place = np.arange(len(self._pixel)) - self._levels.first[self._pixel]
        # signs that other literals leave to neurons which have none, in the checker's order
        implied = np.zeros(len(self._pixel), dtype=np.int64)
        implied[self._number[place < case.low[self._pixel]]] = 1
        implied[self._number[place >= case.high[self._pixel]]] = -1
        for each in self._contests:
            _, effect, is_open = self._checked.helpers(each.number, case.signs, free)
            # what helps for sure is free, and what does not is too dear
            price = np.where(effect * implied[free] < 0, SCALE, 0)
            column = np.full(len(implied), -1)
            column[free] = np.arange(len(free))
            votes, room = each.votes, each.room
            for u in room.open[: room.size[0]].tolist():
                helpers = room.order[votes.start[u] : votes.start[u] + room.free[u]]
                columns = column[self._number[votes.bit[helpers]]]
                price[each.neuron[u], columns] = room.price[helpers]
            self.steps += price[is_open][effect[is_open] != 0].tolist()
