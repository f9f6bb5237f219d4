"""Auto-PGD with the targeted difference of logits ratio."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from signflip.arrays import Floats
from signflip.attack import Outcome
from signflip.methods.climb import check_budget, climb, half_width, restart
from signflip.methods.losses import LogitRatio
from signflip.methods.rivals import Rivals
from signflip.methods.search_goal import SearchGoal, search_goal
from signflip.methods.steps import AutoSteps
from signflip.methods.surrogate import Slope, Surrogate, check_width, slope_named
from signflip.run import Run


@dataclass(frozen=True, kw_only=True)
class Apgd:
    """Auto-PGD (Croce & Hein 2020), the gradient part of AutoAttack, targeted.

    It sets its own steps, which rest on how the loss goes: so the loss is by default that of the
    true network, and only the slope the surrogate's. Of an untargeted goal, restarts take the
    rivals in turn, and then those that came nearest (`signflip.methods.rivals`). As in `Pgd` the
    ramps narrow over the steps of a climb, which is no part of Auto-PGD: with equal ones it flips
    two thirds as many.

    Attributes:
        iterations: steps of each restart.
        restarts: number of starting points; None to go on until the time limit.
        width: half the width of the ramps at first, see `signflip.methods.surrogate`.
        last_width: the same at the last step.
        slope: `straight-through`, or `ramp` for the surrogate's own loss and slope.
        goal: decide whether there is a flip, or raise the objective as far as it goes.
        seed: of the random starting points.

    Raises:
        SettingError: a setting is out of range.
    """

    VERSION: ClassVar = 2

    iterations: int = 100
    restarts: int | None = 64
    width: float = 1.5
    last_width: float = 0.1
    slope: Slope = Slope.STRAIGHT_THROUGH
    goal: SearchGoal = SearchGoal.OPTIMISE
    seed: int = 0

    def __post_init__(self) -> None:
        check_budget(iterations=self.iterations, restarts=self.restarts, seed=self.seed)
        check_width(self.width)
        check_width(self.last_width)
        object.__setattr__(self, "slope", slope_named(self.slope))
        object.__setattr__(self, "goal", search_goal(self.goal))

    def run(self, run: Run) -> Outcome:
        """Climb from every starting point, until the restarts or the time are used up.

        Raises:
            SettingError: neither the restarts nor the time are limited.
        """
        problem = run.problem
        surrogate = Surrogate.within(problem, self.width, self.slope)

        rivals = Rivals(problem)

        def climb_from(images: Floats, iterations: int) -> None:
            chosen = rivals.next(len(images))
            ended = climb(
                run,
                surrogate,
                images,
                loss=LogitRatio(problem.prediction, chosen),
                steps=AutoSteps(problem, 2 * half_width(problem), iterations),
                widths=np.geomspace(self.width, self.last_width, iterations).tolist(),
                goal=self.goal,
            )
            rivals.learn(chosen, ended)

        return restart(
            run,
            self.restarts,
            self.seed,
            climb_from,
            iterations=self.iterations,
            surrogate=surrogate,
            goal=self.goal,
        )
