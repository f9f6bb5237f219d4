"""An evolution strategy whose mutations follow a surrogate's slope."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from signflip.arrays import Floats
from signflip.attack import Outcome, no_distance
from signflip.methods.climb import check_budget, offer_best, restart
from signflip.methods.losses import Margin
from signflip.methods.pgd import climb_narrowing
from signflip.methods.rivals import Rivals, leads, nearest_rival
from signflip.methods.search_goal import SearchGoal, search_goal
from signflip.methods.surrogate import Slope, Surrogate, check_width
from signflip.problem import Problem
from signflip.run import Run

FEWEST, LARGEST_SHARE = 2.0, 0.1
"""Pixels that a child moves in the mean: from so few to this share, evenly in the logarithm."""
BLIND = 0.3
"""Pixels that move wherever chance has it, for each that the slope chooses."""


@dataclass(frozen=True, kw_only=True)
class Guided:
    """A (1 + children) evolution strategy (Rechenberg 1973), from where gradients get.

    A child is its parent with some pixels at an end of the box: those that the surrogate's slope
    pulls hardest are the likeliest, and some go where chance has it. The best child takes the
    parent's place unless it is worse by the true network. The class values of a binarized network
    are flat nearly everywhere, so most that take it are level, and what a gradient's step
    overshoots is found by drifting.

    Each batch of restarts climbs the margin as ramps narrow, as `Pgd` does, with the true network's
    signs; then the best point that it reached is evolved.

    Attributes:
        children: of each generation.
        patience: generations without a better image after which the next batch is climbed.
        iterations: steps of each climb.
        restarts: number of starting points of climbs; None to go on until the time limit.
        width: half the width of the ramps that guide children, see `signflip.methods.surrogate`.
        goal: decide whether there is a flip, or raise the objective as far as it goes.
        seed: of the random choices.

    Raises:
        SettingError: a setting is out of range.
    """

    VERSION: ClassVar = 2

    children: int = 16
    patience: int = 300
    iterations: int = 100
    restarts: int | None = 64
    width: float = 0.5
    goal: SearchGoal = SearchGoal.OPTIMISE
    seed: int = 0

    def __post_init__(self) -> None:
        check_budget(
            restarts=self.restarts,
            seed=self.seed,
            children=self.children,
            patience=self.patience,
            iterations=self.iterations,
        )
        check_width(self.width)
        object.__setattr__(self, "goal", search_goal(self.goal))

    def refuses(self, problem: Problem) -> str | None:
        """It minimises no norm."""
        return no_distance(self) if problem.measure.norm is not None else None

    def run(self, run: Run) -> Outcome:
        """Climb and evolve, until the restarts or the time are used up.

        Raises:
            SettingError: neither the restarts nor the time are limited.
        """
        problem = run.problem
        surrogate = Surrogate.within(problem, self.width, Slope.STRAIGHT_THROUGH)
        rivals = Rivals(problem)
        rng = np.random.default_rng(self.seed)
        evolved = problem.image

        def climb_and_evolve(images: Floats, iterations: int) -> None:
            nonlocal evolved
            chosen = rivals.next(len(images))
            loss = Margin(problem.prediction, chosen)
            ended = climb_narrowing(
                run, surrogate, images, loss=loss, iterations=iterations, goal=self.goal
            )
            if iterations < self.iterations or run.clock.expired():
                return  # what was found was offered; the longer climbs reach points worth evolving
            rivals.learn(chosen, ended)
            best = int(leads(problem, ended, chosen).argmax())
            parent, rival = ended[best], int(chosen[best])
            if run.witness is not evolved:  # better than all before
                parent, rival = run.witness, nearest_rival(problem, run.witness)
            self._evolve(run, surrogate, parent, rival, rng)
            evolved = run.witness

        return restart(
            run,
            self.restarts,
            self.seed,
            climb_and_evolve,
            iterations=self.iterations,
            surrogate=surrogate,
            goal=self.goal,
        )

    def _evolve(
        self, run: Run, surrogate: Surrogate, image: Floats, rival: int, rng: np.random.Generator
    ) -> None:
        """Replace an image by its best child, again and again, until patience is out."""
        problem = run.problem
        pull = Margin(problem.prediction, np.array([rival]))
        parent, lead = image, -np.inf
        children = parent[None]
        waited = 0
        while waited < self.patience:
            ahead = leads(problem, children, np.full(len(children), rival))
            best = int(ahead.argmax())
            waited = 0 if ahead[best] > lead else waited + 1
            if ahead[best] >= lead:
                parent, lead = children[best], ahead[best]
                if waited == 0:
                    offer_best(run, parent[None])
                slope = surrogate.gradient(
                    parent[None], lambda values, rows: pull(values, rows)[1], clock=run.clock
                )
            if run.clock.expired() or self.goal.settled_by(run):
                return
            children = _children(problem, parent, slope[0], self.children, rng)


def _children(
    problem: Problem, parent: Floats, slope: Floats, count: int, rng: np.random.Generator
) -> Floats:
    """(count, inputs) what becomes of a parent where some pixels go to an end of the box."""
    box, size = problem.box, len(parent)
    least = FEWEST / size
    shares = least * (max(LARGEST_SHARE, least) / least) ** rng.random((count, 1))
    pulled = np.abs(slope)
    mean = pulled.mean()
    weight = pulled / mean if mean > 0 else np.ones(size)
    led = rng.random((count, size)) < shares * weight
    blind = rng.random((count, size)) < shares * BLIND
    upper = np.where(led, slope > 0, rng.random((count, size)) < 0.5)
    ends = np.where(upper, box.upper, box.lower)
    return problem.region.project(np.where(led | blind, ends, parent))
