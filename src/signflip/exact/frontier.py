"""The open part of a search: one or more parts that threads advance side by side.

A search starts with blocks of six (`kernel`), which is quick to begin. One that goes on begins
again: where the objective is a sum over the second layer with sets of flips (`sets`), whose joint
bound costs more and refutes far more; else case by case (`cases`), which learns what geometry
refuses. A long search over sets goes on by two halves (`parity`). When a thread runs out of work,
it takes some of another part's highest open level.
"""

import copy
import time
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import numpy as np

from signflip.clock import ENDLESS, Clock
from signflip.exact.bits import PATTERNS
from signflip.exact.case_search import CasePart
from signflip.exact.counting import Sums
from signflip.exact.frames import Rules, fresh_sets
from signflip.exact.frames import State as SetState
from signflip.exact.geometry import Geometry, geometry_of
from signflip.exact.kernel import Blocks, Upper, advance, bound
from signflip.exact.kernel import State as BlockState
from signflip.exact.parity import halves
from signflip.exact.part import Kernel, Leaves, Part
from signflip.exact.planting import plant
from signflip.exact.rows import countable, rows_of
from signflip.exact.sets import advance_sets, split_sets
from signflip.exact.tables import blocks_of, fresh_state
from signflip.exact.upper import shallow, upper_of
from signflip.patterns.chains import chains_of
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem

SLICE_SECONDS = 0.02
FIRST_BUDGET = 1000
"""Patterns of the first slice of a search: about 1 ms, in which small problems end."""
MOST_STEPS = 100_000_000
"""Additions and words of bits in the patterns of a first slice: some 50 ms."""
LEAST_BUDGET = 500
"""Patterns of a slice at least; after the first they are sized by the measured speed."""
FIRST_SETS = 20
"""Visits of the first slice of a search over sets; one takes as long as a dozen patterns."""
LEAST_SETS = 5
PATIENCE = ((130, 10_000), (60, 2_000_000))
"""Patterns after which a search begins again with sets of flips, if so many neurons of the second
layer matter: with fewer the joint bound is weak, and only long searches are worth its price."""
HALVED = 300_000
"""Visits of a search over sets after which it goes on by halves."""
SHORT_PATIENCE = 1000
"""Patterns where blocks go by intervals, which takes them 20 times as long: there any number."""
FIRST_CASES = 2000
"""Cases of the first slice of a search by cases."""
MOST_CASE_TABLES = 2**24
"""Entries of a table of the second layer's neurons up to which there is a search by cases."""


class Frontier:
    """What is left to search of a problem with at least one unstable neuron.

    Args:
        space: its patterns.
        geometry: of the space.
        upper: the layers above, with the incumbent that is to be beaten.
        workers: threads.
        clock: the run's.
        patience: patterns after which the search begins again with sets of flips; None for what
            has been the best.
        halved: visits after which that search goes on by halves.
        rules: of that search.

    Raises:
        OutOfTime: time was out before the search began.
    """

    def __init__(
        self,
        space: PatternSpace,
        geometry: Geometry,
        upper: Upper,
        workers: int,
        clock: Clock = ENDLESS,
        *,
        patience: float | None = None,
        halved: float = HALVED,
        rules: Rules | None = None,
    ) -> None:
        self.upper = upper
        self._space = space
        self._geometry = geometry
        self._rules = rules or Rules()
        self._halved, self._halve_at = halved, np.inf
        chains = chains_of(space)
        # images at a limit have patterns of their own, which are many and hold few images: last
        self._later = chains if (chains.level != chains.twin).any() else None
        blocks, sums = blocks_of(space, clock, chains._replace(twin=chains.level))
        clock.check()
        self._parts: list[Part[Any] | CasePart] = [self._of_blocks(blocks, sums)]
        self._workers = workers
        # a pattern of a wide network takes longer than a slice should
        steps = max(1, len(sums) + 4 * upper.plus.size)
        self._least_budget = min(LEAST_BUDGET, max(1, MOST_STEPS // steps))
        self._budget = min(FIRST_BUDGET, 2 * self._least_budget)
        if patience is None:
            patience = patience_of(space, upper)
        self._by_sets = countable(space)
        # cases know of no patterns that are to come last
        by_cases = self._later is None and space.size * len(sums) <= MOST_CASE_TABLES
        self._patience = patience if self._by_sets or by_cases else np.inf
        self._visited = 0

    def _of_blocks(self, blocks: Blocks, sums: Sums) -> Part[BlockState]:
        counts = shallow(self._space.problem.network)
        first = fresh_state(self._geometry, blocks, self.upper, sums)
        # the root's own bound only opens its patterns: an empty root ends the search at once
        bound(0, counts, blocks, self.upper, first)
        return Part(BLOCKS, (counts, self._geometry, blocks, self.upper), first)

    def _begin_again(self) -> None:
        """Begin again: what the blocks have searched is little beside what is left."""
        if self._by_sets:
            rows, sums = rows_of(self._space)
            state = fresh_sets(self._geometry, rows, sums, self._rules)
            tables = (self._geometry, rows, self.upper.need, self._rules)
            self._parts = [Part(SETS, tables, state)]
            self._halve_at = self._visited + self._halved
            self._budget, self._least_budget = FIRST_SETS, LEAST_SETS
        else:
            self._parts = [CasePart(self._space, self.upper)]
            self._budget = min(FIRST_CASES, 4 * self._least_budget)
        self._patience = np.inf
        self._later = None

    def _halve(self) -> None:
        """Go on with even and odd numbers of flips, each on their own."""
        self._parts = [
            replace(part, state=half, parity=parity)
            for part in self._parts
            if isinstance(part, Part)
            for parity, half in enumerate(halves(part.state, part.tables[1]))
        ]
        self._halve_at = np.inf

    @property
    def exhausted(self) -> bool:
        """Whether all is searched."""
        return not self._parts

    def advance(self, pool: Executor | None, capacity: int) -> Leaves:
        """Search for about `SLICE_SECONDS`.

        Args:
            pool: the threads; None to do without, for one worker.
            capacity: leaves that each thread may find before it stops.

        Returns:
            Leaves (N, m) bool: the flips of full patterns that beat the incumbent, as far as the
            search can tell; N is at most `capacity` times the number of threads.
        """
        if self._visited >= self._patience:
            self._begin_again()
        if self._visited >= self._halve_at:
            self._halve()
        self._share()
        started = time.monotonic()
        before = sum(part.visited for part in self._parts)
        work = map if pool is None else pool.map
        found = list(work(lambda part: self._advance_one(part, capacity), self._parts))
        visited = sum(part.visited for part in self._parts) - before
        self._visited += visited
        seconds = time.monotonic() - started
        if visited >= self._budget and seconds > 0:
            # doubled: what walks beside the search has its turns before it is a long one
            scale = min(2.0, SLICE_SECONDS / seconds)
            self._budget = max(self._least_budget, int(self._budget * scale))
        self._parts = [part for part in self._parts if not part.done]
        if not self._parts and self._later is not None:
            self._parts = [self._of_blocks(*blocks_of(self._space, chains=self._later))]
            self._later = None
        return np.concatenate(found)

    def _advance_one(self, part: Part[Any] | CasePart, capacity: int) -> Leaves:
        leaves = np.zeros((capacity, len(self._geometry.distance)), dtype=np.bool_)
        count = part.advance(leaves, self._budget)
        return leaves[:count]

    def _share(self) -> None:
        for part in list(self._parts):
            if len(self._parts) >= self._workers:
                return
            given = part.split()
            if given is not None:
                self._parts.append(given)


def patience_of(space: PatternSpace, upper: Upper) -> float:
    """Patterns after which a search over blocks of six begins again in another way."""
    if not shallow(space.problem.network):
        return SHORT_PATIENCE
    fewest = upper.counts.min()
    return next((patience for rows, patience in PATIENCE if fewest >= rows), np.inf)


def split(state: BlockState) -> BlockState | None:
    """Move half of the highest open level's patterns to a new state; None if none can be."""
    for level in range(int(state.level[0]) + 1):
        word = int(state.open[level])
        if word.bit_count() < 2:
            continue
        bits = [index for index in range(PATTERNS) if word >> index & 1]
        given = sum(1 << index for index in bits[::2])
        half = copy.deepcopy(state)
        half.tally[:] = 0
        half.level[0] = level
        half.open[level] = given
        half.open[:level] = 0
        state.open[level] = word & ~given
        return half
    return None


BLOCKS = Kernel[BlockState](advance, split, lambda state: state.level)
"""Blocks of six: half of a level's open patterns is given away."""
SETS = Kernel[SetState](advance_sets, split_sets, lambda state: state.top)
"""Sets of flips: the rest of a frame's list is given away."""


def compile_sets(problem: Problem) -> None:
    """Compile the search over sets of flips, by searching a small problem of two hidden layers."""
    space, upper = PatternSpace.of(problem), upper_of(problem)
    geometry = geometry_of(space, 0.0, 0.0)
    frontier = Frontier(space, geometry, upper, 1, patience=0)
    while not frontier.exhausted:
        frontier.advance(None, 1)
    rows, sums = rows_of(space)
    plant(geometry, rows, upper.need, Rules(), fresh_sets(geometry, rows, sums, Rules()), 1)
