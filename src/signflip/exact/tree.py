"""The exact search of one problem: the tree of patterns, a walk beside it, and its leaves."""

import math
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from signflip.arrays import Floats
from signflip.attack import Outcome
from signflip.exact.around import BEGIN, Around
from signflip.exact.beside import WalkBeside
from signflip.exact.frontier import Frontier
from signflip.exact.geometry import geometry_of
from signflip.exact.goal_search import GoalSearch
from signflip.exact.recorder import Recorded, Recorder, Tree
from signflip.exact.upper import set_incumbent, upper_of
from signflip.patterns.realise import Answer, Realiser
from signflip.patterns.space import Flips, PatternSpace
from signflip.problem import NO_FLIP, Standing
from signflip.result import Stop
from signflip.run import Run

if TYPE_CHECKING:
    from signflip.methods.exact import Exact


class ExactSearch(GoalSearch):
    """One run of `signflip.methods.Exact`.

    Args:
        settings: the method.
        run: its run.
        space: the patterns of the run's problem, more than one.
        beside: a walk to take turns with.

    Raises:
        OutOfTime: time was out before the search began.
    """

    def __init__(
        self, settings: "Exact", run: Run, space: PatternSpace, beside: WalkBeside
    ) -> None:
        super().__init__(run=run, goal=settings.goal, space=space)
        self._settings = settings
        self._beside = beside
        self._unresolved: Standing | None = None
        """Of the best leaf that real points have, but no image that was found."""
        self._since = run.clock.elapsed()
        self._recorded: Recorded | None = None
        self._geometry = geometry_of(self.space, settings.ask, settings.gate, run.clock)
        self._upper = upper_of(run.problem)
        self._raise_floor()

    @cached_property
    def _frontier(self) -> Frontier:
        """The usual tree; where its search is recorded from the start, there is none."""
        return Frontier(
            self.space,
            self._geometry,
            self._upper,
            self._settings.threads,
            self.run.clock,
            patience=None if self._settings.joint else math.inf,
        )

    @cached_property
    def _around(self) -> Around | None:
        """Neighbourhoods of the best images: not made before they are due."""
        if not self._settings.joint or self._settings.annealing == 0:
            return None
        return Around.of(self.run, self.goal, self.space, self._geometry)

    @cached_property
    def _realiser(self) -> Realiser:
        return Realiser(self.space)  # many problems have no leaf

    def outcome(self) -> Outcome:
        """Search until the goal is settled or time is out."""
        self.run.part = "exact"
        complete = self._search()
        if self.goal.settled_by(self.run):
            return self.stopped(Stop.DECIDED)
        if not complete:
            return self.stopped(Stop.TIME_LIMIT)
        if self._unresolved is not None and self._unresolved > self.floor:
            return self._open_leaf(self._unresolved)
        return self.ended()

    def _open_leaf(self, best: Standing) -> Outcome:
        """All was searched, and leaves up to `best` are open: nothing is better than that."""
        return Outcome(
            Stop.TIME_LIMIT if self.run.clock.expired() else Stop.IMPRECISE,
            bound=max(best.value, self.run.value),
            proved=True,
            flipless=best <= NO_FLIP and not self.run.flipped,
        )

    def _search(self) -> bool:
        """Search the tree, and walk beside it; whether the whole tree was searched."""
        if self._settings.threads == 1:
            return self._search_with(None)
        with ThreadPoolExecutor(max_workers=self._settings.threads) as pool:
            return self._search_with(pool)

    def _search_with(self, pool: Executor | None) -> bool:
        clock = self.run.clock
        while True:
            tree = self._tree()
            for flips in tree.advance(pool, capacity=1):
                if clock.expired():
                    return False
                self._try_leaf(flips)
                if self.goal.settled_by(self.run):
                    return False
            if tree.exhausted:
                return True
            self._beside.turn()
            if clock.elapsed() > BEGIN and not self.goal.settled_by(self.run) and self._around:
                self._around.turn()
            if self.goal.settled_by(self.run) or clock.expired():
                return False
            self._raise_floor()

    def _tree(self) -> Tree:
        """What is to be searched: where a proof is wanted, a tree that makes it, maybe."""
        listener = self.run.listener
        if self._recorded is None and isinstance(listener, Recorder):
            workers, since = self._settings.threads, self.run.clock.elapsed() - self._since
            self._recorded = listener.tree(
                self.space, self._upper, lambda: self.floor, workers, since
            )
        recorded = self._recorded
        return self._frontier if recorded is None or recorded.lost else recorded

    def _raise_floor(self) -> None:
        problem, floor = self.run.problem, self.floor
        set_incumbent(self._upper, problem, floor.value, problem.level_beats(floor))

    def _try_leaf(self, flips: Flips) -> None:
        """Realise a full pattern that beats the floor, or account for it."""
        leaf = self.space.standing(flips)
        if leaf <= self.floor:
            return

        def settles(image: Floats) -> bool:
            self.run.offer(image)
            return self.run.standing >= leaf

        # an image that is as good as its leaf settles it, whatever its pattern
        answer = self._realiser.solve(flips, self.run.clock.remaining(), settles)
        if answer is Answer.REFUSED or self.run.standing >= leaf:
            return
        if not isinstance(answer, Answer) and settles(answer):
            return
        if self._unresolved is None or self._unresolved < leaf:
            self._unresolved = leaf
