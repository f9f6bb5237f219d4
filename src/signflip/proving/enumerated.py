"""The steps of a proof over two hidden layers that has few patterns: a checker goes through them.

Where blocks of six decide a problem within some million patterns, they are quicker than frames with
forms (`hard`), and to note what geometry refuses costs them little; a checker goes through as many
patterns together.
"""

from itertools import chain
from typing import ClassVar

import numpy as np

from signflip.clock import ENDLESS, Clock
from signflip.exact.bits import SUBSETS
from signflip.exact.cases import DONE, FULL
from signflip.exact.frontier import FIRST_BUDGET, patience_of
from signflip.exact.geometry import MOST_FLIPS, geometry_of
from signflip.exact.kernel import Upper
from signflip.exact.rows import countable
from signflip.exact.tables import blocks_of, fresh_state
from signflip.exact.upper import shallow, upper_of
from signflip.patterns.chains import Chains
from signflip.patterns.space import Flips, PatternSpace
from signflip.problem import Problem
from signflip.proof.check import ENUMERATED
from signflip.proof.container import steps_of
from signflip.proof.enumeration import LEAST, MOST_OPEN
from signflip.proving.growing import End
from signflip.proving.hard import ASK, GATE
from signflip.proving.levels import OVER, Levels, advance_levels, begin_levels, tell
from signflip.proving.no_proof import NoProofError
from signflip.proving.packing import Packing
from signflip.proving.refusals import Refusal, literals_of

MOST_PATTERNS = 2_000_000
"""Patterns to look at: in a second. Where there are more, frames are as quick."""
ROOM = 2**16
"""Bytes that there is room for in each level; what is full is packed."""


def enumerable(space: PatternSpace) -> bool:
    """Whether there are proofs by enumeration of a problem."""
    return space.size > 0 and countable(space) and shallow(space.problem.network)


class Enumerated:
    """The patterns of one problem, as a proof that grows.

    Args:
        space: its patterns, `enumerable`.
        upper: its rivals, and what they need where they break the bound. If that rises, there is no
            proof: other patterns are open then.
        clock: of the search.

    Raises:
        OutOfTime: time was out before it began.
    """

    budget: ClassVar = 50_000
    first: ClassVar = FIRST_BUDGET

    def __init__(self, space: PatternSpace, upper: Upper, clock: Clock = ENDLESS) -> None:
        self._space, self._upper, self._need = space, upper, upper.need.copy()
        self._most = min(MOST_PATTERNS, patience_of(space, upper))
        self._geometry = geometry_of(space, ASK, GATE)
        none = np.zeros(space.size, dtype=np.bool_)
        # a checker knows of no neurons that hang together
        alone = Chains(weaker=np.full(space.size, -1), level=none, twin=none)
        self._blocks, sums = blocks_of(space, clock, alone)
        self._state = fresh_state(self._geometry, self._blocks, upper, sums)
        self._literals = literals_of(space)
        levels = len(self._blocks.usable)
        self._packed: list[Packing | None] = [None] * levels
        self._levels = Levels(
            out=np.zeros((levels, ROOM), dtype=np.uint8),
            place=np.zeros(levels, dtype=np.int64),
            entries=np.zeros(levels, dtype=np.int64),
            open=np.zeros(levels, dtype=np.uint64),
            closed=np.zeros(levels, dtype=np.uint64),
            told=np.zeros(levels, dtype=np.int64),
            since=np.zeros(levels, dtype=np.int64),
            width=np.zeros(levels, dtype=np.int64),
            most=MOST_OPEN // _matter(space.problem),
            toggled=np.ascontiguousarray(self._literals[1::2]),
            neurons=np.zeros(MOST_FLIPS + 1, dtype=np.int64),
            multipliers=np.zeros(MOST_FLIPS + 1, dtype=np.int64),
        )
        begin_levels(self._blocks, upper, self._levels, self._state)

    @property
    def leaf(self) -> Flips:
        """(m,) bool, the toggles of the full pattern in hand."""
        toggled = np.zeros(self._space.size, dtype=np.bool_)
        for block, index in enumerate(self._state.chosen):
            first, end = self._blocks.first[block : block + 2]
            toggled[first:end] = int(SUBSETS[index]) >> np.arange(end - first) & 1
        return toggled

    def advance(self, budget: int) -> End:
        """Look at so many patterns, or go on to a full one or to the end.

        Raises:
            NoProofError: there are too many, or others are open by now.
        """
        if (self._upper.need != self._need).any():
            raise NoProofError("the bound has risen since its proof was begun")
        why = FULL
        while why == FULL:
            tables = (self._geometry, self._blocks, self._upper, self._levels, self._state)
            why = advance_levels(*tables, budget)
            if why == OVER or (why != DONE and self._state.tally[0] >= self._most):
                raise NoProofError("there are too many patterns to enumerate")
            if why == FULL:
                self._put_by(int(self._state.level[0]))
        return End(why)

    def close(self, refusal: Refusal | None) -> None:
        """Close the full pattern in hand: why no point has it.

        Raises:
            NoProofError: points may have it.
        """
        if refusal is None:
            raise NoProofError("a pattern above the bound was not refused")
        state, last = self._state, len(self._packed) - 1
        index, first = int(state.chosen[last]), int(self._blocks.first[last])
        mask = sum(1 << int(neuron - first) for neuron in refusal.neurons if neuron >= first)
        alike = np.flatnonzero((SUBSETS ^ SUBSETS[index]) & mask == 0).tolist()
        like = np.uint64(sum(1 << each for each in alike))
        tell(last, index, like, self._levels)
        state.open[last] &= ~like
        literals = self._literals[2 * refusal.neurons + self.leaf[refusal.neurons]].tolist()
        pairs = zip(literals, refusal.multipliers, strict=True)
        self._write(last, steps_of([len(literals), *chain.from_iterable(pairs)]))

    def _write(self, level: int, more: bytes) -> None:
        """Write as the kernel does, or past it what is too long for its room."""
        place, out = self._levels.place, self._levels.out[level]
        end = int(place[level]) + len(more)
        if end <= len(out):
            out[place[level] : end] = np.frombuffer(more, dtype=np.uint8)
            place[level] = end
        else:
            self._put_by(level).add(more)

    def _put_by(self, level: int) -> Packing:
        """Begin to pack what was written of a level, for there to be room."""
        packed = self._packed[level] or Packing()
        packed.add(self._written(level))
        self._packed[level], self._levels.place[level] = packed, 0
        return packed

    def _written(self, level: int) -> bytes:
        return self._levels.out[level, : self._levels.place[level]].tobytes()

    def split(self) -> None:
        """Nothing is given away: a checker goes through all patterns of a level together."""

    def packing(self) -> Packing:
        """The steps, once all is covered."""
        packing, first, levels = Packing(), self._blocks.first, self._levels
        packing.add(steps_of([ENUMERATED]))
        for level, packed in enumerate(self._packed):
            neurons = levels.toggled[first[level] : first[level + 1]].tolist()
            packing.add(steps_of([len(neurons), *neurons, int(levels.entries[level])]))
            if packed is None:
                packing.add(self._written(level))
            else:
                packing.append(self._put_by(level))
            if levels.width[level] == 0:
                break
        return packing


def _matter(problem: Problem) -> int:
    """How many neurons of the second layer count for a rival or more, as a checker has it."""
    output = problem.network.output
    leads = [output.lead(rival, problem.prediction).numerators for rival in problem.rivals]
    return max(LEAST, int(np.any(leads, axis=0).sum()))


def compile_enumerated(space: PatternSpace) -> None:
    """Compile what is compiled, on a small problem that is `enumerable`."""
    upper = upper_of(space.problem)
    upper.need[:] = 1 << 20
    proof = Enumerated(space, upper)
    proof.advance(proof.budget)
    proof.packing()
