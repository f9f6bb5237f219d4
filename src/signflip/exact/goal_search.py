"""What every exact search of one problem has: a goal, a floor that rises, and proved outcomes."""

from dataclasses import dataclass
from fractions import Fraction

from signflip.attack import Outcome
from signflip.exact.bounds import interval_bound
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.space import PatternSpace
from signflip.problem import NO_FLIP, Standing
from signflip.result import Stop
from signflip.run import Run


@dataclass(eq=False, kw_only=True)
class GoalSearch:
    """The search of one problem.

    Attributes:
        run: the method's run.
        goal: whether to decide, or to find the optimum.
        space: the unstable neurons of the first layer.
    """

    run: Run
    goal: SearchGoal
    space: PatternSpace

    @property
    def floor(self) -> Standing:
        """What is no better than this is of no interest."""
        return NO_FLIP if self.goal is SearchGoal.DECIDE else self.run.standing

    def stopped(self, stop: Stop) -> Outcome:
        """The outcome of a search that did not end: only intervals bound what is left."""
        return Outcome(stop, bound=interval_bound(self.space), proved=True)

    def ended(self) -> Outcome:
        """The outcome where it is sure that nothing is above the floor."""
        if self.goal is SearchGoal.DECIDE:
            return Outcome(Stop.DECIDED, bound=Fraction(0), proved=True, flipless=True)
        flipless = not self.run.flipped
        return Outcome(Stop.OPTIMAL, bound=self.run.value, proved=True, flipless=flipless)
