"""The smallest epsilon that flips an image, between a witness and a proof.

The exact method decides one ball after another. Each flip lowers the upper end of an interval to
its own distance, each proof raises the lower end to the radius of its ball. A ball that takes too
long is given up, for a while: above it a flip is easier to find, below it a proof.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from signflip.attack import Method, attack
from signflip.clock import Clock
from signflip.closest import Nearest, OnNearer, PerturbationResult
from signflip.errors import SettingError
from signflip.methods.exact import Exact
from signflip.methods.fgsm import Fgsm
from signflip.methods.search_goal import SearchGoal
from signflip.milp.perturbation import Ball, Norm, nearest, reach
from signflip.problem import Box, Problem
from signflip.result import AttackResult, Stop, Verdict

FIRST_RADIUS = 1 / 255
"""One grey level. The search begins with small balls, where few neurons are unstable."""

GROWTH = 2.0
"""The radius grows by this factor until a ball holds a flip."""

FIRST_SHARE = 1 / 16
"""Share of the time limit that one ball may take, before the others have had as much."""

RISE = 4.0
"""That share grows by this factor where nothing is left but balls that took too long."""

GRADIENT = Fgsm(width=0.3, restarts=64)
"""Looks for a flip where the exact method gave up."""


def min_epsilon(
    problem: Problem,
    *,
    tolerance: float = 1e-4,
    exact: Exact | None = None,
    time_limit: float | None = None,
    start: npt.ArrayLike | None = None,
    on_improvement: OnNearer | None = None,
) -> PerturbationResult:
    """Enclose the smallest epsilon that flips the image, with a proof on one side.

    In the result, `distance` is that of the witness, which replays in the ball of that epsilon;
    `bound` is proved: no image of the box within it flips. It is infinite, with the verdict
    `ROBUST`, where the box holds no flip at all. The stop is `DECIDED` where the two are at most
    `tolerance` apart; else some balls between them are undecided, for lack of time or precision.

    Args:
        problem: what to attack; its box limits the perturbation.
        tolerance: width of the interval at which the search ends.
        exact: the exact method that decides each ball.
        time_limit: seconds, or None to run until the interval is closed.
        start: (inputs,) float64 inside the box, an image that flips.
        on_improvement: called as (seconds, distance, image) at each nearer witness.

    Raises:
        ProblemError: the start lies outside the box, or does not flip.
        SettingError: the tolerance is not above 0, or the time limit is negative.
    """
    check_tolerance(tolerance)
    decide = replace(exact or Exact(), goal=SearchGoal.DECIDE)
    decide.prepare()
    clock = Clock.start(time_limit)
    best = Nearest(problem=problem, norm=Norm.LINF, clock=clock, on_improvement=on_improvement)
    if start is not None:
        best.begin(np.asarray(start, dtype=np.float64))
    bracket = _Bracket(
        best=best,
        reach=min(1.0, reach(problem, Norm.LINF)),
        exact=decide,
        tolerance=tolerance,
    )
    stop = _close(bracket)
    if best.witness is not None:
        verdict = Verdict.FLIPPED
    else:
        verdict = Verdict.ROBUST if bracket.lower >= bracket.reach else Verdict.UNKNOWN
    return PerturbationResult(
        verdict=verdict,
        norm=Norm.LINF,
        witness=best.witness,
        distance=None if best.witness is None else best.distance,
        bound=np.inf if verdict is Verdict.ROBUST else bracket.lower,
        seconds=clock.elapsed(),
        trace=tuple(best.trace),
        stop=stop,
    )


def check_tolerance(tolerance: float) -> None:
    """Refuse a width that no interval can be closed to.

    Raises:
        SettingError: it is not above 0.
    """
    if not tolerance > 0:
        raise SettingError(
            f"the tolerance is {tolerance}; it must be above 0: epsilon is enclosed to that width"
        )


@dataclass(kw_only=True)
class _Bracket:
    """What is known of the smallest epsilon: above `lower`, and at most the distance of `best`.

    Attributes:
        best: the nearest flip.
        reach: no image of the box is farther.
        exact: decides a ball.
        tolerance: width at which the interval is closed.
        lower: no flip is as near as this.
        late: radii between the two ends that were given up for lack of time.
        doubtful: the same, for lack of precision.
    """

    best: Nearest
    reach: float
    exact: Exact
    tolerance: float
    lower: float = 0.0
    late: set[float] = field(default_factory=set)
    doubtful: set[float] = field(default_factory=set)

    @property
    def upper(self) -> float:
        return min(self.best.distance, self.reach)

    @property
    def closed(self) -> bool:
        return self.lower >= self.reach or self.best.distance - self.lower <= self.tolerance

    def next_radius(self) -> float | None:
        """The radius to decide next; None if nothing is left but radii that were given up."""
        given_up = self.late | self.doubtful
        tried = max(given_up, default=self.lower)
        if self.best.witness is None and tried < self.reach:
            return min(self.reach, max(FIRST_RADIUS, GROWTH * tried))
        # below what was given up a proof is easier, above it a flip
        parts = [(self.lower, min(given_up, default=self.upper)), (tried, self.upper)]
        least, most = max(parts, key=lambda part: part[1] - part[0])
        # the balls' difficulty goes by their ratio
        middle = math.sqrt(least * most) if least > 0 else most / 2
        return middle if most - least > self.tolerance and least < middle < most else None

    def decide(self, radius: float, time_limit: float) -> None:
        """Look for a flip in the ball, or a proof that it has none."""
        box = Ball.within(self.best.problem, Norm.LINF, radius).box
        result = self._attack(box, self.exact, time_limit)
        if result.verdict is Verdict.ROBUST:
            self.lower = radius
        elif not self._takes(result, box):
            # a ball too large for the search may have flips that are easy to find
            second = self._attack(box, GRADIENT, self.best.clock.sub_limit(time_limit))
            if not self._takes(second, box):
                (self.late if result.stop is Stop.TIME_LIMIT else self.doubtful).add(radius)
        for radii in (self.late, self.doubtful):
            radii -= {r for r in radii if not self.lower < r < self.best.distance}

    def _attack(self, box: Box, method: Method, time_limit: float) -> AttackResult:
        whole, witness = self.best.problem, self.best.witness
        return attack(
            Problem(whole.network, whole.image, box, whole.goal, whole.ties),
            method,
            time_limit=time_limit,
            start=None if witness is None else box.clip(witness),
        )

    def _takes(self, result: AttackResult, box: Box) -> bool:
        """Offer a flip, and the nearest image that has its first layer, and so its prediction."""
        if result.verdict is not Verdict.FLIPPED:
            return False
        self.best.offer(result.witness)
        problem = self.best.problem
        layer = problem.network.hidden[0]
        signs = layer.signs_of_reals(result.witness[None])[0]
        least, most = layer.signs_at_extremes(box.lower, box.upper)
        # it will lie in the box, where stable neurons need no row in the linear program
        asked = np.where(least == most, 0, signs).astype(np.int8)
        found = nearest(problem, Norm.LINF, asked, time_limit=self.best.clock.remaining())
        if found.image is not None:
            self.best.offer(found.image)
        return True


def _close(bracket: _Bracket) -> Stop:
    """Decide balls until the interval is closed, or no more can be done; why it ended."""
    clock = bracket.best.clock
    share = np.inf if clock.limit is None else FIRST_SHARE * clock.limit
    while not bracket.closed:
        if clock.expired():
            return Stop.TIME_LIMIT
        radius = bracket.next_radius()
        if radius is not None:
            bracket.decide(radius, clock.sub_limit(share))
        elif bracket.late:
            bracket.late.clear()
            share *= RISE
        else:
            return Stop.IMPRECISE
    return Stop.DECIDED
