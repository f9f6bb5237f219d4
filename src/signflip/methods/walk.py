"""The pattern walk: annealing over the first layer's patterns, the strongest attack at any size.

Not in the paper. A state is a set of toggles that are wanted of the first layer, with a point of
the box that has them, kept by a dual ascent; see `signflip.walk`.
"""

from dataclasses import dataclass

import numpy as np

from signflip.attack import Outcome
from signflip.clock import Clock
from signflip.errors import SettingError
from signflip.methods.search_goal import SearchGoal, search_goal
from signflip.methods.table_time import allow_tables, time_to_walk
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.preparation import Preparation
from signflip.problem import Problem
from signflip.result import Stop
from signflip.run import Run
from signflip.settings import check_whole


@dataclass(frozen=True, kw_only=True)
class Walk:
    """Annealing over intended toggles of first-layer neurons, in runs of growing length.

    It starts from the run's best point. The same seed makes the same moves; with a time limit, the
    last run is cut to what is left of it.

    Attributes:
        goal: stop at the first flip, or go on for the largest objective.
        moves: most moves in all, None to go on until the time limit.
        seed: of the random choices.

    Raises:
        SettingError: a setting is out of range.
    """

    goal: SearchGoal = SearchGoal.DECIDE
    moves: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "goal", search_goal(self.goal))
        check_whole(moves=1 if self.moves is None else self.moves, seed=self.seed)
        if self.moves is not None and self.moves < 1:
            raise SettingError(
                f"moves is {self.moves}; it must be at least 1, or None to go on until the time "
                "limit"
            )
        if self.seed < 0:
            raise SettingError(f"the seed is {self.seed}; it must be 0 or more")

    def prepare(self) -> None:
        """Compile the walk; after the first time on a machine it is loaded from a cache."""
        WALK.load()

    def run(self, run: Run) -> Outcome:
        """Walk until a flip (or for the optimum), or until the moves or the time are used up.

        Raises:
            SettingError: neither the moves nor the time are limited.
            ProblemError: a layer is too wide for the walk's tables.
            OutOfTime: there is no time for them.
        """
        if self.moves is None and run.clock.limit is None:
            raise SettingError(
                "moves is None and there is no time limit, so the attack may never end: set one "
                "of the two"
            )
        # here, and not above: Numba takes longer to import than all the rest of Signflip
        from signflip.patterns.space import PatternSpace
        from signflip.walk.walker import Walker

        settle = self.goal is SearchGoal.DECIDE
        if settle and run.flipped:
            return Outcome(Stop.DECIDED)
        space = PatternSpace.of(run.problem)
        if space.size == 0:  # one pattern, and the clean image has it
            return Outcome(Stop.OPTIMAL, bound=run.value, proved=True, flipless=not run.flipped)
        allow_tables(run.clock, time_to_walk(run.problem.network))
        walker = Walker(run, space, seed=self.seed, settle=settle)
        if walker.idle:
            return Outcome(Stop.LOCAL_OPTIMUM)
        while not run.clock.expired():
            if self.moves is not None and walker.moves >= self.moves:
                walker.finish()
                return Outcome(Stop.DECIDED if settle and run.flipped else Stop.BUDGET)
            walker.step(None if self.moves is None else self.moves - walker.moves)
            if settle and run.flipped:
                return Outcome(Stop.DECIDED)
        walker.finish()
        return Outcome(Stop.DECIDED if settle and run.flipped else Stop.TIME_LIMIT)


def _compile() -> None:
    """Walk on small problems, from their image and from a corner."""
    rng = np.random.default_rng(0)
    for depth in (1, 2):
        hidden = tuple(
            SignLayer.dense(rng.choice([-1, 1], (4, 4)), np.zeros(4)) for _ in range(depth)
        )
        output = OutputLayer(rng.choice([-1, 1], (2, 4)), np.ones(2), np.zeros(2))
        problem = Problem.ball(BinaryNetwork(hidden, output), np.full(4, 0.5), epsilon=0.5)
        for start in (None, problem.box.upper):
            run = Run(problem, Clock.start(None), start)
            Walk(goal=SearchGoal.OPTIMISE, moves=100).run(run)


WALK = Preparation("walk", _compile)
