"""The smallest epsilon that flips an image, between a witness and a proof."""

from dataclasses import replace

import numpy.typing as npt

from signflip.attack import attack
from signflip.methods.exact import Exact
from signflip.problem import Distance, Norm, Problem
from signflip.result import AttackResult
from signflip.search import OnImprovement


def min_epsilon(
    problem: Problem,
    *,
    tolerance: float = 1e-4,
    exact: Exact | None = None,
    time_limit: float | None = None,
    start: npt.ArrayLike | None = None,
    on_improvement: OnImprovement | None = None,
) -> AttackResult:
    """Enclose the smallest epsilon that flips the image, with a proof on one side.

    It is `attack` with the measure `Distance(Norm.LINF, tolerance)` and the exact method.

    In the result, `distance` is that of the witness, which replays in the ball of that epsilon;
    `bound` is proved: no image of the region within it flips. It is infinite, with the verdict
    `ROBUST`, where the region holds no flip at all. The stop is `DECIDED` where the two are at most
    `tolerance` apart; else some balls between them are undecided, for lack of time or precision.

    Args:
        problem: what to attack; its region limits the perturbation.
        tolerance: width of the interval at which the search ends.
        exact: the exact method that decides each ball.
        time_limit: seconds, or None to run until the interval is closed.
        start: (inputs,) float64 inside the region, an image that flips.
        on_improvement: called as (seconds, distance, image) at each nearer witness.

    Raises:
        ProblemError: the start lies outside the region, or does not flip.
        SettingError: the tolerance is not above 0, or the time limit is negative.
    """
    return attack(
        replace(problem, measure=Distance(Norm.LINF, tolerance)),
        exact or Exact(),
        time_limit=time_limit,
        start=start,
        on_improvement=on_improvement,
    )
