"""Iterated FGSM: steps along the sign of the surrogate's gradient, the paper's baseline."""

from dataclasses import dataclass

import numpy as np

from signflip.arrays import Floats
from signflip.attack import Outcome
from signflip.errors import SettingError
from signflip.methods.surrogate import Surrogate
from signflip.problem import Problem
from signflip.result import Stop
from signflip.run import Run

BATCH = 64
"""Points that move at once: enough for a fast product of matrices, few enough to stop in time."""


@dataclass(frozen=True, kw_only=True)
class Fgsm:
    """The iterated fast gradient sign method (Kurakin et al. 2016) with the paper's surrogate.

    The first point starts where the run does (the clean image, or a warm start); each further
    restart starts at a random point of the box. Every point visited is judged by the true network,
    and the best is kept.

    The defaults are the paper's attack. `Fgsm(width=0.3, restarts=64)` is a stronger one.

    Attributes:
        step: length of a step, as a share of the box's largest half-width (of epsilon, for a ball).
        iterations: steps of each restart.
        restarts: number of starting points; None to go on until the time limit.
        width: half the width of the surrogate's linear part, see `signflip.methods.surrogate`; 1 is
            the paper's.
        seed: of the random starting points.

    Raises:
        SettingError: a setting is out of range.
    """

    step: float = 0.1
    iterations: int = 100
    restarts: int | None = 1
    width: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.step <= 2:
            raise SettingError(
                f"the step is {self.step}; it must be above 0 and at most 2 half-widths of the "
                "box: try 0.1"
            )
        if self.iterations < 1:
            raise SettingError(f"iterations is {self.iterations}; it must be at least 1")
        if self.restarts is not None and self.restarts < 1:
            raise SettingError(
                f"restarts is {self.restarts}; it must be at least 1, or None to go on until the "
                "time limit"
            )
        if not 1e-6 <= self.width <= 1e6:  # gradients are float32
            raise SettingError(
                f"the surrogate's width is {self.width}; it must be from 1e-6 to 1e6: 1 is the "
                "paper's"
            )
        if self.seed < 0:
            raise SettingError(f"the seed is {self.seed}; it must be 0 or more")

    def run(self, run: Run) -> Outcome:
        """Climb from every starting point, until the restarts or the time are used up.

        Raises:
            SettingError: neither the restarts nor the time are limited.
        """
        if self.restarts is None and run.clock.limit is None:
            raise SettingError(
                "restarts is None and there is no time limit, so the attack would never end: "
                "set one of the two"
            )
        rng = np.random.default_rng(self.seed)
        surrogate = Surrogate(run.problem.network, run.problem.image, self.width)
        started = 0
        while not run.clock.expired():
            count = BATCH if self.restarts is None else min(BATCH, self.restarts - started)
            if count == 0:
                return Outcome(Stop.BUDGET)
            images = _random_points(run.problem, count, rng)
            if started == 0:
                images[0] = run.witness
            started += count
            self._climb(run, surrogate, images)
        return Outcome(Stop.TIME_LIMIT)

    def _climb(self, run: Run, surrogate: Surrogate, images: Floats) -> None:
        """Offer the best of `images` (N, inputs) at the start and after every step."""
        problem = run.problem
        length = self.step * float((problem.box.upper - problem.box.lower).max()) / 2
        _offer_best(run, images)
        for _ in range(self.iterations):
            if run.clock.expired():
                return
            ascent = surrogate.ascent(images, problem.rivals, problem.prediction)
            moved = problem.box.clip(images + length * np.sign(ascent))
            if np.array_equal(moved, images):
                return
            images = moved
            _offer_best(run, images)


def _random_points(problem: Problem, count: int, rng: np.random.Generator) -> Floats:
    """Points (count, inputs) uniform in the box."""
    share = rng.random((count, len(problem.image)))
    points = problem.box.lower + share * (problem.box.upper - problem.box.lower)
    return problem.box.clip(points)


def _offer_best(run: Run, images: Floats) -> None:
    scores = run.problem.scores(images)
    best = int(scores.argmax())
    # a replay takes as long as many steps
    if scores[best] > run.standing.score:
        run.offer(images[best])
