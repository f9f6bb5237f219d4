"""Projected gradient ascent, with narrowing ramps, momentum, and the scalings of PGD++."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.attack import Outcome
from signflip.errors import SettingError
from signflip.methods.climb import check_budget, climb, half_width, restart
from signflip.methods.losses import CrossEntropy, Loss, Margin, Scaling, scaling_named
from signflip.methods.rivals import Rivals
from signflip.methods.search_goal import SearchGoal, search_goal
from signflip.methods.steps import SignSteps
from signflip.methods.surrogate import Slope, Surrogate, check_width, slope_named
from signflip.run import Run
from signflip.settings import check_number


@dataclass(frozen=True, kw_only=True)
class Pgd:
    """Projected gradient ascent (Madry et al. 2018) on a surrogate that nears the network.

    Ramps narrow geometrically from `width` to `last_width` over the steps of a climb, and the steps
    shrink to nothing. Of an untargeted goal, restarts take the rivals in turn, and then those that
    came nearest. Every point visited is judged by the true network, and the best is kept.

    Attributes:
        step: length of the first step, as a share of the box's largest half-width.
        iterations: steps of each restart.
        restarts: number of starting points; None to go on until the time limit.
        width: half the width of the ramps at first, see `signflip.methods.surrogate`.
        last_width: the same at the last step.
        slope: `ramp`, or `straight-through`.
        scaling: None to raise the margin between two classes; `njs` or `hns` to raise the softmax
            of scaled class values, as PGD++ does (Gupta & Ajanthan 2022).
        momentum: share of the direction that stays from step to step (Dong et al. 2018).
        goal: decide whether there is a flip, or raise the objective as far as it goes.
        seed: of the random starting points.

    Raises:
        SettingError: a setting is out of range.
    """

    VERSION: ClassVar = 2

    step: float = 0.4
    iterations: int = 100
    restarts: int | None = 64
    width: float = 1.5
    last_width: float = 0.1
    slope: Slope = Slope.RAMP
    scaling: Scaling | None = None
    momentum: float = 0.0
    goal: SearchGoal = SearchGoal.OPTIMISE
    seed: int = 0

    def __post_init__(self) -> None:
        check_number(step=self.step, momentum=self.momentum)
        if not 0 < self.step <= 2:
            raise SettingError(
                f"the step is {self.step}; it must be above 0 and at most 2 half-widths of the "
                "box: try 0.4"
            )
        if not 0 <= self.momentum <= 1:
            raise SettingError(f"the momentum is {self.momentum}; it must be from 0 to 1")
        check_budget(iterations=self.iterations, restarts=self.restarts, seed=self.seed)
        check_width(self.width)
        check_width(self.last_width)
        object.__setattr__(self, "slope", slope_named(self.slope))
        object.__setattr__(self, "scaling", scaling_named(self.scaling))
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
            ended = climb_narrowing(
                run,
                surrogate,
                images,
                loss=self._loss(run, surrogate, images, chosen),
                widths=(self.width, self.last_width),
                iterations=iterations,
                step=self.step,
                momentum=self.momentum,
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

    def _loss(self, run: Run, surrogate: Surrogate, images: Floats, rivals: Integers) -> Loss:
        if self.scaling is None:
            return Margin(run.problem.prediction, rivals)
        return CrossEntropy(rivals, self.scaling.of(surrogate.at(images), run.clock))


def climb_narrowing(
    run: Run,
    surrogate: Surrogate,
    images: Floats,
    *,
    loss: Loss,
    iterations: int,
    goal: SearchGoal,
    widths: tuple[float, float] = (Pgd.width, Pgd.last_width),
    step: float = Pgd.step,
    momentum: float = Pgd.momentum,
) -> Floats:
    """Move images (N, inputs) while ramps narrow from one width to another; where they end."""
    return climb(
        run,
        surrogate,
        images,
        loss=loss,
        steps=SignSteps(
            run.problem, step * half_width(run.problem), momentum=momentum, shrink=iterations
        ),
        widths=np.geomspace(*widths, iterations).tolist(),
        goal=goal,
    )
