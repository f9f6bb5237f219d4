"""The exact method: a search over first-layer sign patterns that finds a flip or proves none.

Not in the paper. See docs/exactness.md for why its verdicts can be trusted.
"""

import math
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property

import numpy as np

from signflip.attack import Outcome
from signflip.errors import SettingError
from signflip.methods.search_goal import SearchGoal, search_goal
from signflip.network import BinaryNetwork, HiddenLayer, OutputLayer
from signflip.problem import Problem
from signflip.result import Stop
from signflip.run import Clock, Run
from signflip.search.anneal import Annealer
from signflip.search.bounds import interval_bound
from signflip.search.frontier import Frontier
from signflip.search.geometry import geometry_of
from signflip.search.patterns import Flips, PatternSpace
from signflip.search.realise import Answer, Realiser
from signflip.search.tables import set_incumbent, upper_of


@dataclass(frozen=True, kw_only=True)
class Exact:
    """Exact search over first-layer sign patterns, for any depth, box, goal and output scales.

    Attributes:
        goal: decide whether there is a flip, or find the largest objective and prove it.
        threads: threads that search one problem side by side.
        annealing: share of the time that annealing over patterns may take beside the search.
        ask: share of the ellipsoid's limit from which flips that pass the bound get the integer
            test of geometry.
        gate: the share from which they get it before the bound; both change the speed only.
    """

    goal: SearchGoal = SearchGoal.DECIDE
    threads: int = 1
    annealing: float = 0.2
    ask: float = 0.6
    gate: float = 0.65

    def __post_init__(self) -> None:
        object.__setattr__(self, "goal", search_goal(self.goal))
        if self.threads < 1:
            raise SettingError(f"threads is {self.threads}; it must be at least 1")
        if not 0 <= self.annealing <= 1:
            raise SettingError(f"annealing is {self.annealing}; it must be from 0 to 1")
        if not 0 <= self.ask <= self.gate <= 1:
            raise SettingError(
                f"ask is {self.ask} and gate {self.gate}; they must rise from 0 to 1"
            )

    def prepare(self) -> None:
        """Compile the kernel; after the first time on a machine it is loaded from a cache."""
        _compile_kernel()

    def run(self, run: Run) -> Outcome:
        """Search until the goal is settled or time is out."""
        space = PatternSpace.of(run.problem)
        if space.size == 0:  # one pattern, and the clean image has it
            return Outcome(Stop.OPTIMAL, bound=run.value, proved=True)
        return _Search(self, run, space).outcome()


@cache
def _compile_kernel() -> None:
    """Search small problems, one for each way that the bounds are computed."""
    rng = np.random.default_rng(0)
    for depth in (2, 3):
        hidden = tuple(HiddenLayer(rng.choice([-1, 1], (4, 4)), np.zeros(4)) for _ in range(depth))
        output = OutputLayer(rng.choice([-1, 1], (2, 4)), np.ones(2), np.zeros(2))
        problem = Problem.ball(BinaryNetwork(hidden, output), np.full(4, 0.5), epsilon=0.5)
        Exact(goal=SearchGoal.OPTIMISE).run(Run(problem, Clock.start(None)))


class _Search:
    """One run of the exact method."""

    def __init__(self, settings: Exact, run: Run, space: PatternSpace) -> None:
        self._settings = settings
        self._run = run
        self._space = space
        self._unresolved: Fraction | None = None
        """Largest objective of a leaf that was neither realised nor refused."""
        geometry = geometry_of(self._space, settings.ask, settings.gate)
        self._upper = upper_of(run.problem)
        self._raise_floor()
        self._frontier = Frontier(self._space, geometry, self._upper, settings.threads)
        self._geometry = geometry
        self._realiser = Realiser(self._space)

    @cached_property
    def _annealer(self) -> Annealer:
        return Annealer(self._space, self._geometry, self._upper)

    @property
    def _floor(self) -> Fraction:
        """Objectives up to this one are of no interest."""
        if self._settings.goal is SearchGoal.DECIDE:
            return Fraction(0)
        return self._run.value

    @property
    def _settled(self) -> bool:
        return self._settings.goal is SearchGoal.DECIDE and self._run.flipped

    def outcome(self) -> Outcome:
        complete = self._search()
        if self._settled:
            return self._stopped(Stop.DECIDED)
        if not complete:
            return self._stopped(Stop.TIME_LIMIT)
        if self._unresolved is not None and self._unresolved > self._floor:
            return self._stopped(Stop.IMPRECISE)
        if self._settings.goal is SearchGoal.DECIDE:
            return Outcome(Stop.DECIDED, bound=Fraction(0), proved=True)
        return Outcome(Stop.OPTIMAL, bound=self._run.value, proved=True)

    def _search(self) -> bool:
        """Search the tree, and anneal beside it; whether the whole tree was searched."""
        if self._settings.threads == 1:
            return self._search_with(None)
        with ThreadPoolExecutor(max_workers=self._settings.threads) as pool:
            return self._search_with(pool)

    def _search_with(self, pool: Executor | None) -> bool:
        clock = self._run.clock
        while True:
            for flips in self._frontier.advance(pool, capacity=1):
                if clock.expired():
                    return False
                self._try_leaf(flips)
                if self._settled:
                    return False
            if self._frontier.exhausted:
                return True
            if self._annealer.seconds < self._settings.annealing * clock.elapsed():
                self._anneal()
            if self._settled or clock.expired():
                return False
            self._raise_floor()

    def _anneal(self) -> None:
        floor = float(self._floor)
        enough = floor if self._settings.goal is SearchGoal.DECIDE else math.inf
        flips = self._annealer.run(floor, enough)
        if flips is not None:
            answer = self._realiser.solve(flips, self._run.clock.remaining())
            if not isinstance(answer, Answer):
                self._run.offer(answer)

    def _raise_floor(self) -> None:
        set_incumbent(self._upper, self._run.problem, self._floor)

    def _try_leaf(self, flips: Flips) -> None:
        """Realise a full pattern that beats the floor, or account for it."""
        value = self._value(flips)
        if value <= self._floor:
            return
        answer = self._realiser.solve(flips, self._run.clock.remaining())
        if answer is Answer.REFUSED:
            return
        if not isinstance(answer, Answer):
            self._run.offer(answer)
        if self._run.value < value and (self._unresolved is None or self._unresolved < value):
            self._unresolved = value

    def _value(self, flips: Flips) -> Fraction:
        problem = self._run.problem
        pattern = self._space.pattern(flips)
        signs = problem.network.activations_of_pattern(pattern[None])[-1]
        return problem.exact_objective(problem.network.output.sums(signs)[0])

    def _stopped(self, stop: Stop) -> Outcome:
        return Outcome(stop, bound=interval_bound(self._space), proved=True)
