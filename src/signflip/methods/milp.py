"""The paper's exact attack: its mixed-integer program (1)-(8), in a solver of choice."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

import numpy as np

from signflip.arrays import Floats, Signs
from signflip.attack import Outcome
from signflip.clock import OutOfTime
from signflip.exact.bounds import interval_bound
from signflip.methods.search_goal import SearchGoal, search_goal
from signflip.milp.candidates import Accept, Candidates
from signflip.milp.close import Closing, Effort, close
from signflip.milp.maximal_gain import MaximalGain, maximal_gain
from signflip.milp.smallest import smallest
from signflip.patterns.realise import Realisation, Realiser
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem
from signflip.programs.highs import Highs
from signflip.programs.solver import Solver, SolverFailure
from signflip.result import Stop
from signflip.run import Run


class _FlipFound(Exception):  # noqa: N818 - no error, but the way out of a solver
    """The question is decided."""


@dataclass(frozen=True, kw_only=True)
class Milp:
    """The program (1)-(8), solved to optimality, or until a flip is found or denied.

    Where the problem's measure is a distance, it looks for the nearest flip (`milp/smallest.py`).

    The solver starts from the run's best point. Each of its incumbents is replayed as it is found,
    and mended if the solver's tolerance put it on the wrong side of a threshold. The bound is the
    solver's word, for all images of the box: what no image was found for is either refuted in exact
    arithmetic or still covered by the bound. It is no proof, so the verdict is never `robust`.

    Attributes:
        goal: find the largest objective, or decide whether there is a flip: then images that do
            not flip are no points of the program, and it stops at the first flip.
        solver: `Highs()`, `Scip()` or `Gurobi()`.
        threads: threads that the solver may use.
        seed: of the solver's random choices.

    Raises:
        SettingError: a setting is out of range.
    """

    SPEED_ONLY: ClassVar = ("threads",)

    goal: SearchGoal = SearchGoal.OPTIMISE
    solver: Solver = field(default_factory=Highs)
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "goal", search_goal(self.goal))
        self._effort()

    def _effort(self) -> Effort:
        return Effort(solver=self.solver, threads=self.threads, seed=self.seed)

    def refuses(self, _problem: Problem) -> str | None:
        """Nothing: it minimises perturbations too."""
        return None

    def run(self, run: Run) -> Outcome:
        """Solve the program, again without each pattern that no image has, until one is left.

        Raises:
            SettingError: the program is too large for the solver's licence.
            MissingExtraError: the solver's package is not installed.
            SolverFailure: the solver gave up, or contradicts itself.
        """
        norm = run.problem.measure.norm
        if norm is not None:
            return smallest(run, norm, self._effort())
        try:
            return self._search(run)
        except OutOfTime as late:
            bound = interval_bound(PatternSpace.of(run.problem))
            return Outcome(Stop.TIME_LIMIT, bound, remark=str(late))

    def _search(self, run: Run) -> Outcome:
        if self.goal is SearchGoal.DECIDE:
            return self._decide(run)
        outcome = self._optimise(run)
        if outcome.stop is Stop.CLAIMED_OPTIMAL and run.problem.level_beats(run.standing):
            self._decide(run)  # a rival that flips at a tie may reach the optimum, which is 0
        return outcome

    def _optimise(self, run: Run) -> Outcome:
        encoding = maximal_gain(run.problem, clock=run.clock)

        def accept(image: Floats, claim: float) -> bool:
            run.offer(image)
            return float(run.value) >= claim - encoding.tolerance

        closing = self._close(
            run,
            encoding,
            accept,
            value=lambda: float(run.value),
            start=lambda: encoding.start(run.witness),
        )
        if closing.bound == -np.inf:
            raise SolverFailure(
                f"{self.solver} claims that no image satisfies the program; the clean image does"
            )
        return Outcome(closing.stop, closing.bound)

    def _decide(self, run: Run) -> Outcome:
        if run.flipped:
            return Outcome(Stop.DECIDED)
        try:
            return self._deny(run)
        except _FlipFound:
            return Outcome(Stop.DECIDED)

    def _deny(self, run: Run) -> Outcome:
        """Search for a flip; `_FlipFound` where there is one."""
        encoding = maximal_gain(run.problem, flips_only=True, clock=run.clock)

        def accept(image: Floats, _claim: float) -> bool:
            run.offer(image)
            if run.flipped:
                raise _FlipFound  # ends the solve
            return False

        closing = self._close(
            run, encoding, accept, value=lambda: encoding.no_flip, start=lambda: None
        )
        if closing.stop is Stop.CLAIMED_OPTIMAL:
            return Outcome(Stop.CLAIMED_ROBUST, max(0.0, closing.bound))
        return Outcome(closing.stop, closing.bound)

    def _close(
        self,
        run: Run,
        encoding: MaximalGain,
        accept: Accept,
        *,
        value: Callable[[], float],
        start: Callable[[], Floats | None],
    ) -> Closing:
        @cache
        def realiser() -> Realiser:
            return Realiser(PatternSpace.of(run.problem))

        def mend(demand: Signs, time_limit: float) -> Realisation:
            return realiser().realise(demand, time_limit)

        return close(
            encoding,
            Candidates(network=encoding.network, accept=accept, mend=mend, clock=run.clock),
            effort=self._effort(),
            clock=run.clock,
            value=value,
            start=start,
        )
