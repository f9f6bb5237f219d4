"""The portfolio: intervals, the pattern walk, gradients and the exact search on one problem."""

from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf, isinf
from typing import TYPE_CHECKING, ClassVar

from signflip.attack import Method, Outcome
from signflip.clock import OutOfTime
from signflip.errors import SettingError
from signflip.methods.exact import Exact
from signflip.methods.guided import Guided
from signflip.methods.pgd import Pgd
from signflip.methods.search_goal import SearchGoal, search_goal
from signflip.methods.table_time import has_time_to_walk
from signflip.problem import Problem
from signflip.result import Stop
from signflip.search import Search
from signflip.settings import check_whole

if TYPE_CHECKING:
    from signflip.patterns.space import PatternSpace
    from signflip.walk.walker import Walker

FIRST_MOVES = 5_000
"""Moves of the walk before anything else is tried: the first two runs, some 10 ms."""
SMALL = 80
"""Up to so many unstable neurons nothing is tried before the search, which may end in a ms."""
GRADIENT_SHARE, GRADIENT_SECONDS = 0.05, 0.2
"""Share of the time that is left for the gradient's part; the seconds where time has no limit."""
LEAST_GRADIENT = 0.02
"""It is left out where it would get fewer seconds: one pass through a wide network takes 10 ms."""
TREE_SIZES = ((SMALL, 0.2), (200, 0.5))
"""Up to so many unstable neurons, the walk's share of the time beside the exact search's tree."""
FIRST_STEPS = Pgd(step=2.0, iterations=3, restarts=1, last_width=0.3)
"""A gradient's steps from corner to corner, before the walk's tables are made where there are more.

They take some 2 ms each on 3x1024, and flip there what the walk's first 10 ms do not.
"""
CORNER = Pgd(step=2.0, iterations=1, restarts=1, last_width=Pgd.width)
"""One step, before `Guided`, whose own first ones are short: on 3x6144, where a step takes 40 ms,
it flips in 55 ms what those do in 90 or later."""
HOPELESS_SHARE = 0.95
"""The walk's share with more of them: the tree will hardly end."""
HOPELESS_SECONDS = 0.2
"""And what it walks before: on 3x1024 the tables of the tree take 10 ms, as does one gradient."""
VAST, VAST_SHARE = 1000, 0.9
"""With more unstable neurons, so much of the time is for gradients, and before the walk, which on
3x6144 has hardly begun in 10 s. On 3x1024 at 0.03, of some 750, the walk is the stronger."""
SEEN_THROUGH = 400
"""Through two and more layers a tree sees by intervals. With more neurons in them than this, each
unstable one counts as more than one: on the LFC (3 times 1,024) no tree of 60 ends in 0.3 s."""


@dataclass(frozen=True, kw_only=True)
class Auto:
    """The strongest answer for the time given, on any network.

    Intervals first: they prove at once what they can. Then the exact search with the pattern walk
    beside it, which gets the more of the time the less the search can hope to end: with more than
    80 unstable neurons it begins, and with more than 200 a gradient takes three steps before it and
    a gradient attack goes on from where it came. With more than 1,000 `Guided` begins, with most of
    the time, and gets all of it where a network is too deep and wide for the exact search or too
    wide for the walk in that time.
    The result says which part its answer is from.

    Attributes:
        goal: decide whether there is a flip, or find the largest objective.
        threads: threads that search one problem side by side.
        seed: of the random choices.

    Raises:
        SettingError: a setting is out of range.
    """

    VERSION: ClassVar = 2
    SPEED_ONLY: ClassVar = ("threads",)

    goal: SearchGoal = SearchGoal.DECIDE
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "goal", search_goal(self.goal))
        check_whole(threads=self.threads, seed=self.seed)
        if self.threads < 1:
            raise SettingError(f"threads is {self.threads}; it must be at least 1")
        if self.seed < 0:
            raise SettingError(f"the seed is {self.seed}; it must be 0 or more")

    def prepare(self) -> None:
        """Compile what the parts need; after the first time on a machine it is in a cache."""
        Exact().prepare()

    def ready(self) -> bool:
        """Load what most problems need, if all is in the cache; whether it is."""
        return Exact().ready()

    def refuses(self, problem: Problem) -> str | None:
        """It looks for the smallest perturbation only where the exact method does."""
        return Exact().refuses(problem) if problem.measure.norm is not None else None

    def run(self, run: Search) -> Outcome:
        """Search the parts, one after the other, until the goal is settled or time is out.

        Raises:
            ProblemError: a layer is too wide for the search's tables.
        """
        # here, and not above: Numba takes longer to import than all the rest of Signflip
        from signflip.exact.bounds import interval_bound
        from signflip.exact.input_bits import reads_bits
        from signflip.patterns.space import PatternSpace
        from signflip.walk.walker import Walker

        if run.problem.measure.norm is not None:
            return Exact(threads=self.threads).run(run)
        settle = self.goal is SearchGoal.DECIDE
        if self.goal.settled_by(run):
            return Outcome(Stop.DECIDED)
        run.part = "intervals"
        space = PatternSpace.of(run.problem)
        if space.size == 0:  # one pattern, and the clean image has it
            return Outcome(Stop.OPTIMAL, bound=run.value, proved=True, flipless=not run.flipped)
        bound = interval_bound(space)
        if settle and run.problem.no_flip_below(bound):
            return Outcome(Stop.DECIDED, bound=bound, proved=True)
        if Exact().refuses(run.problem) is not None:
            return self._only_attacked(run, bound)
        bits = reads_bits(space)  # of pixels: their search is quick for any number of them
        size = 0.0 if bits else _tree_size(space)
        share = _walk_share(size)
        left = 1 - VAST_SHARE if space.size > VAST else 1.0
        if not has_time_to_walk(run.clock, run.problem.network, left):
            return self._without_walk(run, space, bound, share)
        start = run.witness  # the walk gets further from here than from where a gradient came
        if share == HOPELESS_SHARE and not run.clock.expired():
            run.part = "gradient"
            if space.size > VAST:
                self._guided(run, VAST_SHARE * run.clock.remaining())
            else:
                _try(run, FIRST_STEPS)
            if self.goal.settled_by(run):
                return Outcome(Stop.DECIDED, bound=bound, proved=True)
        walker = Walker(run, space, seed=self.seed, settle=settle, share=share, start=start)
        run.part = "walk"
        if size > SMALL:
            self._walk(run, walker, moves=FIRST_MOVES)
        if share == HOPELESS_SHARE:
            self._walk(run, walker, seconds=HOPELESS_SECONDS)
            if not self.goal.settled_by(run):
                run.part = "gradient"
                self._gradient(run)
        if self.goal.settled_by(run):
            return Outcome(Stop.DECIDED, bound=bound, proved=True)
        exact = Exact(goal=self.goal, threads=self.threads, annealing=share)
        run.part = "exact"
        outcome = exact.settle(run, space, walker)
        if outcome.stop is not Stop.TIME_LIMIT or run.clock.expired():
            return outcome
        run.part = "walk"  # the search's tables alone would take longer than there is time
        self._walk(run, walker)
        return replace(outcome, stop=Stop.DECIDED) if self.goal.settled_by(run) else outcome

    def _walk(
        self, run: Search, walker: "Walker", *, moves: float = inf, seconds: float = inf
    ) -> None:
        """Go on to so many moves or seconds in all, or until the goal is settled or time is out."""
        while not (walker.idle or run.clock.expired() or self.goal.settled_by(run)):
            if walker.moves >= moves or walker.seconds >= seconds:
                return
            walker.step()
        walker.finish()

    def _without_walk(
        self, run: Search, space: "PatternSpace", bound: Fraction, share: float
    ) -> Outcome:
        """A network so wide that the walk's tables would take all the time, or more."""
        if share < HOPELESS_SHARE:
            run.part = "exact"
            exact = Exact(goal=self.goal, threads=self.threads, annealing=0.0)
            outcome = exact.settle(run, space)
            if outcome.stop is not Stop.TIME_LIMIT or run.clock.expired():
                return outcome
        return self._only_attacked(run, bound)

    def _gradient(self, run: Search) -> None:
        """A gradient attack for a small share of the time."""
        left = run.clock.remaining()
        seconds = GRADIENT_SECONDS if isinf(left) else GRADIENT_SHARE * left
        if seconds >= LEAST_GRADIENT:
            _try(run, Pgd(goal=self.goal, seed=self.seed), seconds)

    def _only_attacked(self, run: Search, bound: Fraction) -> Outcome:
        """All the time for the attack that is strongest on large convolutional networks."""
        run.part = "gradient"
        self._guided(run, run.clock.remaining())
        if self.goal.settled_by(run):
            stop = Stop.DECIDED
        else:
            stop = Stop.TIME_LIMIT if run.clock.expired() else Stop.BUDGET
        return Outcome(stop, bound=bound, proved=True)

    def _guided(self, run: Search, seconds: float) -> None:
        """The strongest gradient attack, for so long or until a flip; without end some restarts."""
        restarts = Guided.restarts if isinf(seconds) else None
        with run.limited(seconds):
            _try(run, CORNER)
            if not self.goal.settled_by(run):
                _try(run, Guided(goal=self.goal, seed=self.seed, restarts=restarts))


def _try(run: Search, method: Method, seconds: float = inf) -> None:
    """Let another method go on from the best point so far, for so long."""
    # a part that has no time to begin has found nothing, and the next one may have
    with run.limited(seconds), suppress(OutOfTime):
        method.run(run)


def _tree_size(space: "PatternSpace") -> float:
    """Unstable neurons, each counted as many times as wide layers make it harder for the tree."""
    upper = space.problem.network.hidden[1:]
    neurons = sum(layer.neurons for layer in upper) if len(upper) > 1 else 0
    return space.size * max(1.0, neurons / SEEN_THROUGH)


def _walk_share(size: float) -> float:
    return next((share for most, share in TREE_SIZES if size <= most), HOPELESS_SHARE)
