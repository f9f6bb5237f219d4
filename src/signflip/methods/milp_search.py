"""One run of `signflip.methods.Milp`: the program, its solves, and points that are mended."""

from collections.abc import Callable
from functools import cache

import numpy as np

from signflip.arrays import Floats, Signs
from signflip.attack import Outcome
from signflip.clock import OutOfTime
from signflip.exact.bounds import interval_bound
from signflip.methods.search_goal import SearchGoal
from signflip.milp.candidates import Accept, Candidates
from signflip.milp.close import Closing, close
from signflip.milp.maximal_gain import MaximalGain, maximal_gain
from signflip.milp.smallest import smallest
from signflip.patterns.realise import Realisation, Realiser
from signflip.patterns.space import PatternSpace
from signflip.programs.effort import Effort
from signflip.programs.solver import SolverFailure
from signflip.result import Stop
from signflip.run import Run


class _FlipFound(Exception):  # noqa: N818 - no error, but the way out of a solver
    """The question is decided."""


class MilpSearch:
    """One run of the method.

    Args:
        run: the run.
        goal: find the largest objective, or decide whether there is a flip.
        effort: the solver and what it may use.
    """

    def __init__(self, run: Run, goal: SearchGoal, effort: Effort) -> None:
        self._run, self._goal, self._effort = run, goal, effort

    def outcome(self) -> Outcome:
        """Solve the program, again without each pattern that no image has; see `Milp.run`."""
        norm = self._run.problem.measure.norm
        if norm is not None:
            return smallest(self._run, norm, self._effort)
        try:
            return self._search()
        except OutOfTime as late:
            bound = interval_bound(PatternSpace.of(self._run.problem))
            return Outcome(Stop.TIME_LIMIT, bound, remark=str(late))

    def _search(self) -> Outcome:
        if self._goal is SearchGoal.DECIDE:
            return self._decide()
        outcome = self._optimise()
        level = self._run.problem.level_beats(self._run.standing)
        if outcome.stop is Stop.CLAIMED_OPTIMAL and level:
            self._decide()  # a rival that flips at a tie may reach the optimum, which is 0
        return outcome

    def _optimise(self) -> Outcome:
        encoding = maximal_gain(self._run.problem, clock=self._run.clock)

        def accept(image: Floats, claim: float) -> bool:
            self._run.offer(image)
            return float(self._run.value) >= claim - encoding.tolerance

        closing = self._close(
            encoding,
            accept,
            value=lambda: float(self._run.value),
            start=lambda: encoding.start(self._run.witness),
        )
        if closing.bound == -np.inf:
            raise SolverFailure(
                f"{self._effort.solver} claims that no image satisfies the program; the clean "
                "image does"
            )
        return Outcome(closing.stop, closing.bound)

    def _decide(self) -> Outcome:
        if self._run.flipped:
            return Outcome(Stop.DECIDED)
        try:
            return self._deny()
        except _FlipFound:
            return Outcome(Stop.DECIDED)

    def _deny(self) -> Outcome:
        """Search for a flip; `_FlipFound` where there is one."""
        encoding = maximal_gain(self._run.problem, flips_only=True, clock=self._run.clock)

        def accept(image: Floats, _claim: float) -> bool:
            self._run.offer(image)
            if self._run.flipped:
                raise _FlipFound  # ends the solve
            return False

        closing = self._close(encoding, accept, value=lambda: encoding.no_flip, start=lambda: None)
        if closing.stop is Stop.CLAIMED_OPTIMAL:
            return Outcome(Stop.CLAIMED_ROBUST, max(0.0, closing.bound))
        return Outcome(closing.stop, closing.bound)

    def _close(
        self,
        encoding: MaximalGain,
        accept: Accept,
        *,
        value: Callable[[], float],
        start: Callable[[], Floats | None],
    ) -> Closing:
        @cache
        def realiser() -> Realiser:
            return Realiser(PatternSpace.of(self._run.problem))

        def mend(demand: Signs, time_limit: float) -> Realisation:
            return realiser().realise(demand, time_limit)

        return close(
            encoding,
            Candidates(network=encoding.network, accept=accept, mend=mend, clock=self._run.clock),
            effort=self._effort,
            clock=self._run.clock,
            value=value,
            start=start,
        )
