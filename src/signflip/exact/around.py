"""All patterns around the best image: neighbourhoods that the search over sets of flips searches.

A walk toggles a neuron or two at a time; where it is stuck, several have to change at once. Here
some toggles of the best image, and some neurons that it leaves as they are, are free, and every set
of these is searched for a better pattern (large neighbourhoods; Shaw, CP 1998). That proves
nothing: what is found is an image, which is replayed.
"""

import time

import numpy as np

from signflip.arrays import Integers
from signflip.clock import Allowance
from signflip.exact.frames import Rules, begin, fresh_sets
from signflip.exact.geometry import Geometry
from signflip.exact.planting import plant
from signflip.exact.rows import countable, rows_of
from signflip.exact.sets import advance_sets
from signflip.exact.upper import set_incumbent, upper_of
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.realise import Answer, Realiser
from signflip.patterns.space import Flips, PatternSpace
from signflip.run import Run

BEGIN = 0.25
"""Seconds of a search before which there are none: most are over by then."""
NEAR = 0.1
"""An objective that is at most this share of the clean one below 0 is near to a flip."""
NEAR_SHARE, OPTIMISING, SHARE = 0.3, 0.1, 0.03
"""Of the time: near to a flip, for an optimum, else. Proofs that take long are seldom of the first
kind."""
PATIENCE = 8.0
"""Seconds without a better image after which nothing is near to a flip any more."""
TOGGLES, OTHERS = 14, 22
"""Free neurons of both kinds, at first."""
LARGER, SMALLER = 1.01, 0.97
"""How neighbourhoods grow that were searched to their end, and shrink that were not."""
LEAST_SIZE, MOST_SIZE = 0.5, 4.0
"""Of what there is at first."""
VISITS = 20_000
"""Most of one neighbourhood."""
REALISE_SECONDS = 1.0
SLICE = 2_000
"""Visits between two looks at the clock: some 10 ms."""
EVEN = 40.0
"""Neurons are drawn by one over this and their rank, the cheapest first."""


class Around:
    """Neighbourhoods of one problem's best images, each drawn anew.

    Args:
        run: where images come from, and go.
        goal: of the search beside it.
        space: the patterns of the run's problem, which must be `countable`.
        geometry: of the space.
    """

    def __init__(self, run: Run, goal: SearchGoal, space: PatternSpace, geometry: Geometry) -> None:
        self._run, self._goal, self._space, self._geometry = run, goal, space, geometry
        self._rows, self._sums = rows_of(space)
        self._upper = upper_of(run.problem)
        self._rules = Rules()
        self._state = fresh_sets(geometry, self._rows, self._sums, self._rules)
        self._realiser = Realiser(space)
        self._random = np.random.default_rng(0)
        self._size, self._sideways = 1.0, False
        self._toggles, self._level = space.toggles_of(run.witness), run.standing
        self._weight = 1 / (EVEN + np.arange(space.size)[::-1])
        self._spent, self._allowance = 0.0, Allowance(run.clock, since=BEGIN)
        self._best, self._since = run.standing, run.clock.elapsed()

    @classmethod
    def of(
        cls, run: Run, goal: SearchGoal, space: PatternSpace, geometry: Geometry
    ) -> "Around | None":
        """None where patterns are too few for it to be worth while, or cannot be counted."""
        few = space.size <= TOGGLES + OTHERS
        return None if few or not countable(space) else cls(run, goal, space, geometry)

    def turn(self) -> None:
        """Go on, if less than its share of the time was spent."""
        self._allowance.grant(self._share())
        part, self._run.part = self._run.part, "around"
        while self._spent < self._allowance.seconds and not self._over():
            started = time.monotonic()
            self.search_one()
            self._spent += time.monotonic() - started
        self._run.part = part

    def _share(self) -> float:
        if self._goal is SearchGoal.OPTIMISE:
            return OPTIMISING
        now = self._run.clock.elapsed()
        if self._best < self._run.standing:
            self._best, self._since = self._run.standing, now
        near = self._run.value >= NEAR * float(self._run.problem.clean.value)
        return NEAR_SHARE if near and now - self._since < PATIENCE else SHARE

    def _over(self) -> bool:
        return self._goal.settled_by(self._run) or self._run.clock.expired()

    def search_one(self) -> bool:
        """Draw a neighbourhood and search it; whether it has a better image than the best.

        It is drawn around the best image, or around another that is as good: in every second one,
        such images are looked for, too.
        """
        run, problem = self._run, self._run.problem
        if self._level < run.standing:
            self._toggles, self._level = self._space.toggles_of(run.witness), run.standing
        self._sideways = not self._sideways
        rivals = problem.rivals if self._sideways else problem.level_beats(self._level)
        set_incumbent(self._upper, problem, self._level.value, rivals)
        fixed, loose = self._draw()
        state, need = self._state, self._upper.need
        begin(state, self._rows, self._sums, np.concatenate([fixed, loose]))
        if not plant(self._geometry, self._rows, need, self._rules, state, len(fixed)):
            return False
        leaves = np.zeros((1, self._space.size), dtype=np.bool_)
        while state.top[0] >= 0 and state.tally[0] < VISITS and not run.clock.expired():
            found = advance_sets(
                self._geometry, self._rows, need, self._rules, state, leaves, SLICE
            )
            if found and (leaves[0] != self._toggles).any() and self._goes_to(leaves[0]):
                return run.standing > self._level
        change = LARGER if state.top[0] < 0 else SMALLER
        self._size = min(max(self._size * change, LEAST_SIZE), MOST_SIZE)
        return False

    def _draw(self) -> tuple[Integers, Integers]:
        """The neurons that stay toggled, and those that are free."""
        toggles = np.flatnonzero(self._toggles)
        others = np.flatnonzero(~self._toggles)
        kept, weight = self._random.permutation(toggles), self._weight[others]
        dropped, more = (round(self._size * number) for number in (TOGGLES, OTHERS))
        more = min(more, len(others))
        free = others[:0]
        if more > 0:
            free = self._random.choice(others, more, replace=False, p=weight / weight.sum())
        return np.sort(kept[dropped:]), np.sort(np.concatenate([kept[:dropped], free]))

    def _goes_to(self, flips: Flips) -> bool:
        """Whether a pattern has an image as good as the best, or better; then on from that."""
        if self._space.standing(flips) < self._level:  # of real outputs worths are rounded
            return False
        run = self._run
        image = self._realiser.solve(flips, min(run.clock.remaining(), REALISE_SECONDS))
        if isinstance(image, Answer):
            return False
        run.offer(image)
        if run.standing <= self._level:
            self._toggles = flips.copy()
        return True
