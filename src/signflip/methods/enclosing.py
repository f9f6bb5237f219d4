"""The smallest epsilon that flips an image, between a witness and a proof.

The exact method decides one ball after another. Each flip lowers the upper end of an interval to
its own distance, each proof raises the lower end to the radius of its ball. A ball that takes too
long is given up, for a while: above it a flip is easier to find, below it a proof.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from signflip.attack import Method, Outcome, attack
from signflip.methods.exact import Exact
from signflip.methods.fgsm import Fgsm
from signflip.methods.search_goal import SearchGoal
from signflip.milp.perturbation import ball_of, nearest, reach
from signflip.problem import Margin, Norm, Region
from signflip.result import AttackResult, Stop, Verdict
from signflip.search import Search

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


def enclose(search: Search, exact: Exact, tolerance: float) -> Outcome:
    """Enclose the smallest epsilon, until the interval is as narrow as the tolerance.

    The witness is in the ball of its distance. The bound is proved: no image of the region within
    it flips. It is infinite where the region holds no flip at all. The stop is `DECIDED` where the
    two are at most the tolerance apart; else some balls between them are undecided, for lack of
    time or precision.
    """
    bracket = _Bracket(
        best=search,
        reach=reach(search.problem, Norm.LINF),
        exact=replace(exact, goal=SearchGoal.DECIDE),
        tolerance=tolerance,
    )
    stop = _close(bracket)
    flipless = not search.flipped and bracket.lower >= bracket.reach
    bound = math.inf if flipless else bracket.lower
    return Outcome(stop, bound, proved=True, flipless=flipless)


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

    best: Search
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
        if not self.best.flipped and tried < self.reach:
            return min(self.reach, max(FIRST_RADIUS, GROWTH * tried))
        # below what was given up a proof is easier, above it a flip
        parts = [(self.lower, min(given_up, default=self.upper)), (tried, self.upper)]
        least, most = max(parts, key=lambda part: part[1] - part[0])
        # the balls' difficulty goes by their ratio
        middle = math.sqrt(least * most) if least > 0 else most / 2
        return middle if most - least > self.tolerance and least < middle < most else None

    def decide(self, radius: float, time_limit: float) -> None:
        """Look for a flip in the ball, or a proof that it has none."""
        ball = ball_of(self.best.problem, Norm.LINF, radius)
        result = self._attack(ball, self.exact, time_limit)
        if result.verdict is Verdict.ROBUST:
            self.lower = radius
        elif not self._takes(result, ball):
            # a ball too large for the search may have flips that are easy to find
            second = self._attack(ball, GRADIENT, self.best.clock.sub_limit(time_limit))
            if not self._takes(second, ball):
                (self.late if result.stop is Stop.TIME_LIMIT else self.doubtful).add(radius)
        for radii in (self.late, self.doubtful):
            radii -= {r for r in radii if not self.lower < r < self.best.distance}

    def _attack(self, ball: Region, method: Method, time_limit: float) -> AttackResult:
        return attack(
            replace(self.best.problem, region=ball, measure=Margin()),
            method,
            time_limit=time_limit,
            start=ball.project(self.best.witness) if self.best.flipped else None,
        )

    def _takes(self, result: AttackResult, ball: Region) -> bool:
        """Offer a flip, and the nearest image that has its first layer, and so its prediction."""
        if result.verdict is not Verdict.FLIPPED:
            return False
        self.best.offer(result.witness)
        problem = self.best.problem
        layer = problem.network.hidden[0]
        signs = layer.signs_of_reals(result.witness[None])[0]
        least, most = layer.signs_at_extremes(ball.box.lower, ball.box.upper)
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
