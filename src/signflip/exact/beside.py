"""A walk beside an exact search: it finds what the search would meet late."""

from signflip.clock import Allowance
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.space import PatternSpace
from signflip.run import Run
from signflip.walk.kinds import TURN
from signflip.walk.walker import STEP_SECONDS, Walker

LEAST_WALK = 0.0005
"""Seconds that a walk takes to be made: no less is worth beginning."""
HEAD_START = 0.002
"""Seconds that a walk gets at once, beyond its share, when the search has gone on for as long: many
problems are settled before, and many others by a walk's first run."""
NEAR, FAR = 2.5, 0.4
"""How much of its share a walk gets where it came near to a flip, and where it did not in the first
`SOME` runs, or found none in the first `MANY`: then a proof is the more likely end."""
SOME, MANY = 2 * TURN, 10 * TURN


class WalkBeside:
    """A walk that takes turns with a search.

    Args:
        run: where images go.
        space: the patterns of the run's problem.
        goal: of the search.
        share: share of the time that the walk gets; 0 for none.
        walker: a walk to go on with; None for a new one, made when it is first due.
    """

    def __init__(
        self,
        run: Run,
        space: PatternSpace,
        goal: SearchGoal,
        share: float,
        walker: Walker | None = None,
    ) -> None:
        self._run, self._space, self._goal, self._share = run, space, goal, share
        self._walker = walker
        self._allowance = Allowance(run.clock)
        """Beyond a head start."""

    def turn(self) -> None:
        """Walk on, if the walk has got less than its share of the time so far."""
        run = self._run
        self._allowance.grant(min(1.0, self._share * self.outlook()))
        start = HEAD_START if self._share > 0 and run.clock.elapsed() > HEAD_START else 0.0
        part, run.part = run.part, "walk"
        while not (self._goal.settled_by(run) or run.clock.expired()):
            walked = 0.0 if self._walker is None else self._walker.seconds
            seconds = start + self._allowance.seconds - walked
            if seconds < LEAST_WALK:
                break
            if self._walker is None:
                settle = self._goal is SearchGoal.DECIDE
                self._walker = Walker(run, self._space, seed=0, settle=settle, share=self._share)
            if self._walker.idle:
                break
            self._walker.step(seconds=min(seconds, STEP_SECONDS))
        run.part = part

    def outlook(self) -> float:
        """How much of its share the walk gets from now on."""
        if self._walker is None or self._goal is not SearchGoal.DECIDE:
            return 1.0
        if self._walker.near and self._walker.runs <= MANY:
            return NEAR
        return FAR if self._walker.runs > SOME else 1.0
