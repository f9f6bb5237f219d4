"""How near to a threshold a pattern may lie for the exact method to leave it open."""

from fractions import Fraction

from signflip.problem import Problem


def close_call(problem: Problem) -> Fraction:
    """Margins below this may stay undecided: accuracy of the program, rounding of the image."""
    lower, upper = problem.box.lower, problem.box.upper
    radius = float((upper - lower).max())
    rounding = float(upper[lower < upper].sum()) * 2.0**-50
    return Fraction(1e-8 * radius + rounding)
