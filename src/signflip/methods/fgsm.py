"""Iterated FGSM: steps along the sign of the surrogate's gradient, the paper's baseline."""

from dataclasses import dataclass
from itertools import repeat

from signflip.arrays import Floats
from signflip.attack import Outcome
from signflip.errors import SettingError
from signflip.methods.climb import BATCH, check_budget, climb, half_width, restart
from signflip.methods.losses import Lead
from signflip.methods.steps import SignSteps
from signflip.methods.surrogate import Surrogate, check_width
from signflip.run import Run
from signflip.settings import check_number


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
        check_number(step=self.step)
        if not 0 < self.step <= 2:
            raise SettingError(
                f"the step is {self.step}; it must be above 0 and at most 2 half-widths of the "
                "box: try 0.1"
            )
        check_budget(iterations=self.iterations, restarts=self.restarts, seed=self.seed)
        check_width(self.width)

    def run(self, run: Run) -> Outcome:
        """Climb from every starting point, until the restarts or the time are used up.

        Raises:
            SettingError: neither the restarts nor the time are limited.
        """
        problem = run.problem
        surrogate = Surrogate(problem.network, problem.image)

        def climb_from(images: Floats, iterations: int) -> None:
            climb(
                run,
                surrogate,
                images,
                loss=Lead(problem.prediction, problem.rivals),
                steps=SignSteps(problem, self.step * half_width(problem)),
                widths=repeat(self.width, iterations),
            )

        return restart(
            run,
            self.restarts,
            self.seed,
            climb_from,
            iterations=self.iterations,
            surrogate=surrogate,
            first_batch=BATCH,
            quick=False,
        )
