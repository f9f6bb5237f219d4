"""Whether a full pattern can be realised: by ascent, then by a linear program.

Neither is taken at its word. A point is believed once it has been replayed, a refusal once its
multipliers satisfy Farkas' lemma with outward rounding. Between the two lies `Answer.UNDECIDED`.
"""

from enum import Enum
from functools import cached_property
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats
from signflip.network import UNIT_ROUNDOFF
from signflip.patterns.ascent import End, ascend, sweeps_of
from signflip.patterns.space import Flips, PatternSpace
from signflip.programs.highs import check, new_highs, run_highs

MARGIN = 1e-6
"""Distance from every threshold that a first point must keep, in units of the largest radius."""

_SMALLEST = 2.0**-1074


class Answer(Enum):
    """What is known of a pattern."""

    REFUSED = "refused"
    UNDECIDED = "undecided"


class Realiser:
    """Realises the patterns of one space.

    Linear programs, where ascent fails, are solved each from the last one's basis.
    """

    def __init__(self, space: PatternSpace) -> None:
        self._space = space
        # a floor keeps numbers finite in boxes of denormal size
        self._unit = max(float(space.radius.max()), 2.0**-900)
        # a float64 image misses the program's point by about half an ulp in each pixel
        movable = space.problem.box.upper[space.radius > 0]
        rounding = 4 * UNIT_ROUNDOFF * float(movable.sum()) / self._unit
        self._margin = min(MARGIN + rounding, len(space.radius) + 1.0)
        self._rows = np.arange(space.size, dtype=np.int32)
        self._reach = space.radius / self._unit
        self._sweeps = sweeps_of(*space.directions.shape)

    @cached_property
    def _solver(self) -> Any:  # highspy's types lack some of its methods
        # built when the first program comes: most problems need none
        space = self._space
        size, inputs = space.directions.shape
        solver = new_highs(
            {
                "presolve": "off",
                "solver": "simplex",
                "threads": 1,
                # the default would stop at slacks of 1e-7, which are plainly not 0
                "primal_feasibility_tolerance": 1e-9,
                "dual_feasibility_tolerance": 1e-9,
            }
        )
        # columns: the move from the centre in units of the largest radius, and a slack
        radius = np.append(self._reach, 0.0)
        check(solver.addVars(inputs + 1, -radius, radius), "the columns")
        check(solver.changeColCost(inputs, -1.0), "the cost")
        free = np.full(size, highspy.kHighsInf)
        added = solver.addRows(
            size,
            -free,
            free,
            size * (inputs + 1),
            np.arange(size, dtype=np.int32) * (inputs + 1),
            np.tile(np.arange(inputs + 1, dtype=np.int32), size),
            np.hstack([space.directions, np.ones((size, 1))]).ravel(),
        )
        check(added, "the rows")
        return solver

    def solve(self, flips: Flips, seconds: float = np.inf) -> Floats | Answer:
        """A float64 image (inputs,) of the box that should have the pattern, or why there is none.

        Args:
            flips: (m,) bool, which unstable neurons have the other sign than at the centre.
            seconds: time limit of a program; the answer is `UNDECIDED` beyond it.
        """
        answer = self.by_ascent(flips)
        return self.by_program(flips, seconds) if answer is Answer.UNDECIDED else answer

    def by_ascent(self, flips: Flips) -> Floats | Answer:
        """The quick way: it leaves `UNDECIDED` patterns that have a margin near 0."""
        space = self._space
        side = np.where(flips, 1.0, -1.0)
        need = np.where(flips, space.reluctance, -space.distance) / self._unit
        multipliers, z = np.zeros(space.size), np.zeros(len(space.radius))
        end = ascend(
            space.directions, self._reach, side, need, self._margin, self._sweeps, multipliers, z
        )
        if end == End.POINT:
            return space.problem.box.clip(space.centre + space.radius * np.clip(z, -1, 1))
        if end == End.REFUSAL and refutes(space, flips, side * multipliers):
            return Answer.REFUSED
        return Answer.UNDECIDED

    def by_program(self, flips: Flips, seconds: float = np.inf) -> Floats | Answer:
        """The thorough way, a linear program; arguments as those of `solve`."""
        # the solver's clock counts all its runs
        limit = self._solver.getRunTime() + seconds
        check(self._solver.setOptionValue("time_limit", limit), f"a time limit of {limit}")
        # on the sure side of each distance by a margin: such a point replays as it should
        self._set_rows(flips, self._space.reluctance, self._space.distance, self._margin)
        self._bound_slack(0.0, 0.0)
        status = run_highs(self._solver)
        if status == highspy.HighsModelStatus.kOptimal:
            return self._image()
        if status == highspy.HighsModelStatus.kTimeLimit:
            return Answer.UNDECIDED
        found, has_ray, ray = self._solver.getDualRay()
        if found == highspy.HighsStatus.kOk and has_ray and refutes(self._space, flips, ray):
            return Answer.REFUSED
        return self._solve_elastic(flips)

    def _solve_elastic(self, flips: Flips) -> Floats | Answer:
        """Maximise the least slack: for patterns that have a margin near 0."""
        column = len(self._space.radius)
        for row in self._rows:
            side = -1.0 if flips[row] else 1.0
            check(self._solver.changeCoeff(int(row), column, side), "a coefficient")
        self._set_rows(flips, self._space.distance, self._space.reluctance, 0.0)
        self._bound_slack(-highspy.kHighsInf, 1.0)
        if run_highs(self._solver) != highspy.HighsModelStatus.kOptimal:
            return Answer.UNDECIDED
        solution = self._solver.getSolution()
        if refutes(self._space, flips, np.array(solution.row_dual)):
            return Answer.REFUSED
        return self._image()

    def _set_rows(self, flips: Flips, least: Floats, most: Floats, margin: float) -> None:
        """Flipped neurons at `least` or more, the others at `most` or less, both by a margin."""
        # beyond all reach there is no difference, and HiGHS refuses what it takes for infinite
        far = 2.0 * len(self._reach) + 2.0
        least, most = (np.clip(limit / self._unit, -far, far) for limit in (least, most))
        lower = np.where(flips, least + margin, -highspy.kHighsInf)
        upper = np.where(flips, highspy.kHighsInf, most - margin)
        changed = self._solver.changeRowsBounds(len(self._rows), self._rows, lower, upper)
        check(changed, "the rows' bounds")

    def _bound_slack(self, least: float, most: float) -> None:
        changed = self._solver.changeColBounds(len(self._space.radius), least, most)
        check(changed, "the slack's bounds")

    def _image(self) -> Floats:
        move = np.array(self._solver.getSolution().col_value)[:-1]
        image = self._space.centre + self._unit * move
        return self._space.problem.box.clip(image)


def refutes(space: PatternSpace, flips: Flips, multipliers: npt.ArrayLike) -> bool:
    """Whether multipliers prove that no point of the box has the pattern (Farkas' lemma).

    With u >= 0, `e_j = +1` for a flipped neuron and -1 for another, a point q of the pattern has

        sum_j u_j e_j directions_j . q >= sum_j u_j need_j,

    where need_j is `distance_j` or `-reluctance_j`; the left side is at most
    `sum_i rad_i |sum_j u_j e_j directions_ji|`. The test leaves room for every rounding error.

    Args:
        space: the pattern space.
        flips: (m,) bool.
        multipliers: (m,) float64 of any sign and scale; a solver's dual values.
    """
    multipliers = np.asarray(multipliers, dtype=np.float64)
    side = np.where(flips, 1.0, -1.0)
    need = np.where(flips, space.distance, -space.reluctance)
    largest = np.abs(multipliers).max(initial=0.0)
    if not np.isfinite(largest) or largest == 0.0:
        return False
    for orientation in (1.0, -1.0):
        u = np.maximum(orientation * multipliers * side / largest, 0.0)
        demand = float(u @ need)
        supply = space.problem.region.support((u * side) @ space.directions)
        terms = 2 * (sum(space.directions.shape) + 8)
        size = float(space.radius.sum()) * float(u.sum()) + float(u @ np.abs(need))
        # a product below the normal numbers is off by more than its own roundoff
        if demand - supply > terms * (UNIT_ROUNDOFF * size + _SMALLEST):
            return True
    return False
