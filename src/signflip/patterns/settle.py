"""Whether a real point of the box has some signs, in exact arithmetic: nothing stays in doubt.

The sign +1 asks for `w . x >= threshold`, and -1 for `w . x < threshold`, strictly. So the largest
s is asked for with `w . x + s <= threshold` in all neurons that are to be -1. With s > 0 the point
has the signs. With s = 0 or less the program's multipliers refute them: either the sum of its rows
is too small for every point, or it is just enough, and one of them is strict.
"""

from functools import cached_property

import numpy as np

from signflip.arrays import Floats, Integers, Signs
from signflip.clock import Clock
from signflip.patterns.rational import (
    Basis,
    BoxProgram,
    Feasible,
    Whole,
    shift_of,
    solve,
    whole,
)
from signflip.patterns.refute import refutes_exactly
from signflip.patterns.space import PatternSpace


class ExactSigns:
    """The box and the unstable neurons of a pattern space as whole numbers."""

    def __init__(self, space: PatternSpace) -> None:
        self._space = space

    @cached_property
    def shift(self) -> int:
        """All numbers are counted in steps of 2^-shift."""
        box = self._space.problem.box
        return shift_of(np.concatenate([box.lower, box.upper, self._threshold]))

    @property
    def _threshold(self) -> Floats:
        space = self._space
        thresholds: Floats = space.layer.threshold[space.unstable]
        return thresholds

    @cached_property
    def _whole(self) -> tuple[Whole, Whole, Whole]:
        box = self._space.problem.box
        return (
            whole(box.lower, self.shift),
            whole(box.upper, self.shift),
            whole(self._threshold, self.shift),
        )

    def program(self, side: Signs) -> BoxProgram:
        """The program whose elastic rows are the strict ones.

        Args:
            side: (m,) int8: 1 for a neuron that toggles, -1 for one that does not, 0 for either.
        """
        lower, upper, threshold = self._whole
        asked = np.flatnonzero(side)
        toggled = side[asked]
        # directions lead away from the sign at the centre
        signs = -toggled * self._space.signs[self._space.unstable[asked]]
        return BoxProgram(
            rows=(self._space.directions[asked] * toggled[:, None]).astype(np.int8),
            need=threshold[asked] * signs,
            elastic=signs < 0,
            equal=np.zeros(len(asked), dtype=np.bool_),
            lower=lower,
            upper=upper,
        )


def settle(program: BoxProgram, start: Basis | None, clock: Clock) -> Feasible | Integers | None:
    """A real point that has the rows of a program, its elastic ones strictly; or which rows clash.

    Returns:
        The point; the rows (k',) that no point has together; None once time is out.
    """
    answer = solve(program, start, clock)
    if answer is None or (isinstance(answer, Feasible) and answer.slack > 0):
        return answer
    if not refutes_exactly(program, answer.multipliers):
        raise AssertionError("the multipliers of an exact program do not prove its answer")
    return np.flatnonzero(answer.multipliers)
