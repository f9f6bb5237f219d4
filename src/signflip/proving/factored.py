"""The steps of a proof behind input thresholds: factors, and cases where one set is not enough."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from signflip.arrays import Integers
from signflip.clock import Clock
from signflip.exact.beside import WalkBeside
from signflip.exact.bits_bound import FOUND, REFUTED, Votes, quick, room_for
from signflip.exact.factor_bound import FREE, Bytes, Desk, desk_for
from signflip.exact.factor_search import ROOT_ROUNDS, ROUNDS, prove, take
from signflip.exact.factors import Factors, factors_of
from signflip.exact.input_bits import InputBits, least_lead
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.space import PatternSpace
from signflip.problem import Standing
from signflip.proof.check import BOUND, BRANCH, FACTORED, NOTED
from signflip.proof.container import steps_of
from signflip.proof.factors import UNIT
from signflip.proof.factors import Factors as Checker
from signflip.search import Search

MOST_NUMBERS = 2**24
"""Numbers of the steps at most: they have to fit in a file."""


def factored(
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
    return steps_of(cases.steps) if cases.closed() else None


@dataclass(eq=False, kw_only=True)
class _Contest:
    """A rival that may be above the bound, as the checker numbers it.

    Attributes:
        number: of the rival.
        votes: its lead.
        neuron: places of its neurons in the last hidden layer.
        factors: those of the lead.
        desk: where it is worked on.
        groups: what the checker is to be told of the factors, once.
    """

    number: int
    votes: Votes
    neuron: Integers
    factors: Factors
    desk: Desk
    groups: list[Integers]
    told: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class _Case:
    """What a case leaves to the bits, and where it was begun.

    Attributes:
        value: (bits,) as a `Desk` has it.
        signs: of the first layer, as the checker has them.
        held: the literals, as bits.
        settled: rivals that are bounded.
        message: those to begin with, by the rival's number.
        rounds: times that all bits are averaged, at most.
    """

    value: Bytes
    signs: Integers
    held: int
    settled: frozenset[int]
    message: dict[int, Integers]
    rounds: int


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
        self._signs = space.signs.astype(np.int64)
        self._signs[self._unstable] = 0
        leads = [problem.network.output.lead(c, problem.prediction) for c in problem.rivals]
        self._checker = Checker(
            problem.network.hidden[1:],
            [(lead.numerators, 0) for lead in leads],
            self._signs,
            self._unstable.tolist(),
            lambda: 0,
        )
        self._contests: list[_Contest] = []
        for number, (rival, lead) in enumerate(zip(problem.rivals, leads, strict=True)):
            votes, neuron = bits.votes(lead)
            floor, step = Standing(bound, flipped=False), int(np.gcd.reduce(votes.worth))
            least = least_lead(lead, votes.base, step, floor, tied=rival in strict)
            if votes.base + int(votes.worth.sum()) >= least:
                self._contests.append(_contest(number, votes._replace(least=least), neuron))
        self.steps: list[int] = []
        self._known: list[int] = []
        self._note_exclusions()

    def _note_exclusions(self) -> None:
        """Note that who passes a threshold of a pixel passes the lower ones."""
        for first, end in zip(self._levels.first, self._levels.first[1:], strict=False):
            numbers = self._number[first:end].tolist()
            for at, lower in enumerate(numbers):
                for upper in numbers[at + 1 :]:
                    self.steps += [NOTED, 2, 2 * lower, 1, 2 * upper + 1, 1]
                    self._known.append(1 << 2 * lower | 1 << 2 * upper + 1)

    def closed(self) -> bool:
        """Add the steps for all cases; False where there are none, or no time or room."""
        root = _Case(
            value=np.full(len(self._number), FREE, dtype=np.int8),
            signs=self._signs,
            held=0,
            settled=frozenset(),
            message={each.number: each.factors.message for each in self._contests},
            rounds=ROOT_ROUNDS,
        )
        return self._close(root)

    def _close(self, case: _Case) -> bool:
        if self._clock.expired() or len(self.steps) > MOST_NUMBERS:
            return False
        settled, message, chosen = set(case.settled), dict(case.message), -1
        for each in self._contests:
            if each.number in settled:
                continue
            desk = each.desk
            desk.value[:], desk.message[:] = case.value, message[each.number]
            answer, bit = prove(each.votes, each.factors, desk, case.rounds)
            if answer == FOUND:
                return False
            message[each.number] = desk.message.copy()
            if answer == REFUTED:
                self._tell(each, case)
                settled.add(each.number)
            elif chosen < 0:
                chosen, votes = bit, each.votes
        if len(settled) == len(self._contests):
            self.steps.append(BOUND)
            return True
        number = int(self._number[chosen])
        self.steps.append(BRANCH + 2 * number + 1)
        for passed in (1, 0):
            value, signs = case.value.copy(), case.signs.copy()
            take(votes, value, chosen, passed)
            signs[self._unstable[number]] = 2 * passed - 1
            half = replace(
                case,
                value=value,
                signs=signs,
                held=case.held | 1 << 2 * number + passed,
                settled=frozenset(settled),
                message=message,
                rounds=ROUNDS,
            )
            if not self._close(half):
                return False
        return True

    def _tell(self, contest: _Contest, case: _Case) -> None:
        """The step that bounds one rival in a case, by the messages on its desk."""
        factors, desk = contest.factors, contest.desk
        signs = self._checker.implied(case.signs, case.held, self._known)
        free = np.flatnonzero(signs[self._unstable] == 0)
        _, effect, is_open = self._checker.helpers(contest.number, signs, free)
        self.steps += [FACTORED, 1, contest.number]
        self.steps.append(0 if contest.told else len(contest.groups))
        if not contest.told:
            for group in contest.groups:
                self.steps += [len(group), *contest.neuron[group].tolist()]
        contest.told = bool(contest.groups)
        scale = UNIT // factors.unit * factors.coarse
        message = np.zeros(len(self._unstable), dtype=np.int64)
        for c, group in enumerate(contest.groups):
            neurons = contest.neuron[group]
            read = free[effect[neurons[is_open[neurons]]].any(axis=0)]
            places = slice(factors.start[c], factors.start[c + 1])
            message[self._number[factors.bit[places]]] = desk.message[places] * scale
            for sent in message[read].tolist():
                self.steps.append(2 * sent if sent >= 0 else -2 * sent - 1)


def _contest(number: int, votes: Votes, neuron: Integers) -> _Contest:
    room = room_for(votes)
    quick(votes, room)  # for the prices
    factors = factors_of(votes, room.best)
    groups = [np.flatnonzero(factors.group == c) for c in range(len(factors.lone))]
    return _Contest(
        number=number,
        votes=votes,
        neuron=neuron,
        factors=factors,
        desk=desk_for(factors, len(votes.first) - 1),
        groups=groups,
    )
