"""The open part of a search: one or more kernel states that threads advance side by side.

A state holds its path from the root and the patterns still open at each level. When a thread runs
out of work, half of the open patterns of another state's highest open level become its own.
"""

import copy
import time
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt

from signflip.clock import ENDLESS, Clock
from signflip.exact.bits import PATTERNS
from signflip.exact.geometry import Geometry
from signflip.exact.kernel import Blocks, State, Upper, advance, bound
from signflip.exact.tables import blocks_of, fresh_state, shallow
from signflip.patterns.space import PatternSpace

SLICE_SECONDS = 0.02
FIRST_BUDGET = 1000
"""Patterns of the first slice of a search: about 1 ms, in which small problems end."""
MOST_STEPS = 100_000_000
"""Additions and words of bits in the patterns of a first slice: some 50 ms."""
LEAST_BUDGET = 500
"""Patterns of a slice at least; after the first they are sized by the measured speed."""


class Frontier:
    """What is left to search of a problem with at least one unstable neuron."""

    def __init__(
        self,
        space: PatternSpace,
        geometry: Geometry,
        upper: Upper,
        workers: int,
        clock: Clock = ENDLESS,
    ) -> None:
        self.upper = upper
        self._geometry = geometry
        self._blocks: Blocks
        self._blocks, sums = blocks_of(space, clock)
        clock.check()
        self._shallow = shallow(space.problem)
        first = fresh_state(geometry, self._blocks, upper, sums)
        # the root's own bound only opens its patterns: an empty root ends the search at once
        bound(0, self._shallow, self._blocks, upper, first)
        self._states: list[State] = [first]
        self._workers = workers
        # a pattern of a wide network takes longer than a slice should
        steps = max(1, len(sums) + 4 * upper.plus.size)
        self._least = min(LEAST_BUDGET, max(1, MOST_STEPS // steps))
        self._budget = min(FIRST_BUDGET, 2 * self._least)

    @property
    def exhausted(self) -> bool:
        """Whether all is searched."""
        return not self._states

    def advance(self, pool: Executor | None, capacity: int) -> npt.NDArray[np.bool_]:
        """Search for about `SLICE_SECONDS`.

        Args:
            pool: the threads; None to do without, for one worker.
            capacity: leaves that each thread may find before it stops.

        Returns:
            Leaves (N, m) bool: the flips of full patterns that beat the incumbent, as far as the
            search can tell; N is at most `capacity` times the number of threads.
        """
        self._share()
        started = time.monotonic()
        before = sum(int(state.tally[0]) for state in self._states)
        work = map if pool is None else pool.map
        found = list(work(lambda state: self._advance_one(state, capacity), self._states))
        visited = sum(int(state.tally[0]) for state in self._states) - before
        seconds = time.monotonic() - started
        if visited >= self._budget and seconds > 0:
            scale = min(4.0, SLICE_SECONDS / seconds)
            self._budget = max(self._least, int(self._budget * scale))
        self._states = [state for state in self._states if state.level[0] >= 0]
        return np.concatenate(found)

    def _advance_one(self, state: State, capacity: int) -> npt.NDArray[np.bool_]:
        leaves = np.zeros((capacity, len(self._geometry.distance)), dtype=np.bool_)
        count = advance(
            self._shallow, self._geometry, self._blocks, self.upper, state, leaves, self._budget
        )
        return leaves[:count]

    def _share(self) -> None:
        for state in list(self._states):
            if len(self._states) >= self._workers:
                return
            half = split(state)
            if half is not None:
                self._states.append(half)


def split(state: State) -> State | None:
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
