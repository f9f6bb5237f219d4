"""The smallest epsilon that flips an image, between a witness and a proof.

The exact method decides one ball after another. Each flip lowers the upper end of an interval to
its own distance, each proof raises the lower end to the radius of its ball. A ball that takes too
long is given up, for a while: above it a flip is easier to find, below it a proof.
"""

import math
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from signflip.attack import Method, Outcome, attack
from signflip.methods.exact import Exact
from signflip.methods.search_goal import SearchGoal
from signflip.methods.walk import Walk
from signflip.milp.perturbation import ball_of, nearest, reach
from signflip.problem import Margin, Norm, Region
from signflip.result import AttackResult, Stop, Verdict
from signflip.search import Search

FIRST_LEVELS = 255
"""The search begins with a ball of one grey level, where few neurons are unstable."""

GROWTH = 2.0
"""The radius grows by this factor until a ball holds a flip."""

RETREAT = 4.0
"""Before there is any proof, the radius shrinks by this factor below what was given up."""

FIRST_SHARE = 1 / 16
"""Share of the time limit that one ball may take, before the others have had as much."""

RISE = 4.0
"""That share grows by this factor where nothing is left but balls that took too long."""

ROUNDING = 2.0**-40
"""More than the rounding error of a number of steps."""

WALK = Walk(moves=1_000_000)
"""Looks for a flip where the exact method gave up, for a few seconds at most."""


def enclose(search: Search, exact: Exact, tolerance: float) -> Outcome:
    """Enclose the smallest epsilon, until the interval is as narrow as the tolerance.

    The witness is in the ball of its distance. The bound is proved: no image of the region within
    it flips. It is infinite where the region holds no flip at all. The stop is `DECIDED` where the
    two are at most the tolerance apart; else some balls between them are undecided, for lack of
    time or precision.
    """
    problem = search.problem
    width = problem.network.input_range.width
    bracket = _Bracket(
        best=search,
        reach=min(width, reach(problem, Norm.LINF)),
        first=width / FIRST_LEVELS,
        exact=replace(exact, goal=SearchGoal.DECIDE),
        tolerance=tolerance,
    )
    stop = _close(bracket)
    flipless = not search.flipped and bracket.lower >= bracket.reach
    bound = math.inf if flipless else bracket.lower
    return Outcome(stop, bound, proved=True, flipless=flipless)


class _Side(Enum):
    """Of the balls that were given up."""

    BELOW = "below"
    ABOVE = "above"


@dataclass(frozen=True)
class _Ball:
    radius: float
    side: _Side


@dataclass(kw_only=True)
class _Bracket:
    """What is known of the smallest epsilon: above `lower`, and at most the distance of `best`.

    Attributes:
        best: the nearest flip.
        reach: no image of the box is farther.
        first: the radius to begin with.
        exact: decides a ball.
        tolerance: width at which the interval is closed.
        lower: no flip is as near as this.
        late: radii between the two ends that were given up for lack of time.
        doubtful: the same, for lack of precision.
        vain: how many balls in a row were given up below the others that were, and above them.
    """

    best: Search
    reach: float
    first: float
    exact: Exact
    tolerance: float
    lower: float = 0.0
    late: set[float] = field(default_factory=set)
    doubtful: set[float] = field(default_factory=set)
    vain: dict["_Side", int] = field(default_factory=lambda: dict.fromkeys(_Side, 0))

    @property
    def upper(self) -> float:
        return min(self.best.distance, self.reach)

    @property
    def closed(self) -> bool:
        return self.lower >= self.reach or self.best.distance - self.lower <= self.tolerance

    def next_ball(self) -> "_Ball | None":
        """What to decide next; None if nothing is left but radii that were given up."""
        given_up = self.late | self.doubtful
        tried = max(given_up, default=self.lower)
        if not self.best.flipped and tried < self.reach:
            larger = self._untried(max(self.first, GROWTH * tried), given_up)
            return _Ball(min(self.reach, larger), _Side.ABOVE)
        # below what was given up a proof is easier, above it a flip
        ends = {
            _Side.BELOW: (self.lower, min(given_up, default=self.upper)),
            _Side.ABOVE: (tried, self.upper),
        }
        balls: list[tuple[float, _Ball]] = []
        for side, (least, most) in ends.items():
            # the balls' difficulty goes by their ratio
            middle = math.sqrt(least * most) if least > 0 else most / RETREAT
            middle = self._untried(middle, given_up)
            if most - least > self.tolerance and least < middle < most:
                # without any proof the interval is worth little, however narrow
                promise = (most - least) / 2.0 ** self.vain[side] if least > 0 else math.inf
                balls.append((promise, _Ball(middle, side)))
        return max(balls, key=lambda ball: ball[0])[1] if balls else None

    def _untried(self, radius: float, given_up: set[float]) -> float:
        """The radius; of a grid the next step where a ball of the same images was given up."""
        grid = self.best.problem.region.grid
        if grid is None or grid.step is None:
            return radius
        *tried, steps = (math.floor(r / grid.step * (1 + ROUNDING)) for r in (*given_up, radius))
        return (steps + 1) * grid.step * (1 + ROUNDING) if steps in tried else radius

    def decide(self, asked: "_Ball", time_limit: float) -> None:
        """Look for a flip in the ball, or a proof that it has none."""
        radius = asked.radius
        ball = ball_of(self.best.problem, Norm.LINF, radius)
        self.vain[asked.side] += 1
        result = self._attack(ball, self.exact, time_limit)
        if result.verdict is Verdict.ROBUST:
            self.lower = self._cleared(radius)
            self.vain[asked.side] = 0
        elif not self._takes(result, ball):
            # a ball too large for the search may have flips that are easy to find
            second = self._attack(ball, WALK, self.best.clock.sub_limit(time_limit))
            if not self._takes(second, ball):
                (self.late if result.stop is Stop.TIME_LIMIT else self.doubtful).add(radius)
        for radii in (self.late, self.doubtful):
            radii -= {r for r in radii if not self.lower < r < self.best.distance}

    def _cleared(self, radius: float) -> float:
        """No image within this distance flips if none of the ball does: of a grid, none between."""
        grid = self.best.problem.region.grid
        if grid is None or grid.step is None:
            return radius
        # images of this many steps lie in the ball, however their distance was rounded
        inside = math.floor(radius / grid.step * (1 - ROUNDING))
        return min(self.reach, max(radius, (inside + 1) * grid.step * (1 - ROUNDING)))

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
        self.vain = dict.fromkeys(_Side, 0)
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
        ball = bracket.next_ball()
        if ball is not None:
            bracket.decide(ball, clock.sub_limit(share))
        elif bracket.late:
            bracket.late.clear()
            bracket.vain = dict.fromkeys(_Side, 0)
            share *= RISE
        else:
            return Stop.IMPRECISE
    return Stop.DECIDED
