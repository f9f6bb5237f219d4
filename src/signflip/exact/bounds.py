"""A bound of the objective over the whole box, from intervals: weak, but proved and immediate."""

from fractions import Fraction

from signflip.network.domains import INTERVALS, Interval, propagate
from signflip.patterns.space import PatternSpace


def interval_bound(space: PatternSpace) -> Fraction:
    """No image of the box has an objective (1) above this."""
    problem = space.problem
    stable = space.signs.copy()
    stable[space.unstable] = 0
    first = Interval.of_stable(stable)
    last = [first, *propagate(problem.network.hidden[1:], INTERVALS, first)][-1]
    output, prediction = problem.network.output, problem.prediction
    leads = (output.lead(rival, prediction) for rival in problem.rivals)
    return max(lead.most(last.low, last.high) for lead in leads)
