"""Whether signs of the first layer can be realised: by ascent, by a linear program, exactly.

None is taken at its word. A point is believed once it was replayed, a refusal once its multipliers
satisfy Farkas' lemma, with outward rounding or exactly. What is too close to call in floating point
goes to exact arithmetic, which decides whether a real point has the signs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import highspy
import numpy as np

from signflip.arrays import Booleans, Floats, Integers, Signs
from signflip.clock import Clock
from signflip.network import UNIT_ROUNDOFF
from signflip.patterns.on_grid import realise_on_grid
from signflip.patterns.rational import Basis, Feasible
from signflip.patterns.refute import conflict, refutes
from signflip.patterns.settle import ExactSigns, settle
from signflip.patterns.snap import snap
from signflip.patterns.space import Flips, PatternSpace
from signflip.programs.highs_runs import OVERRUN, check, new_highs, run_highs

MARGIN = 1e-6
"""Distance from every threshold that a first point must keep, in units of the largest radius."""

_DIGITS = (0, 1, 2, 4, 8, 16, 24)
"""Binary digits behind the point of the grids on which a point may lie on its thresholds."""

_BASIC, _HIGH = highspy.HighsBasisStatus.kBasic, highspy.HighsBasisStatus.kUpper


class Answer(Enum):
    """What is known of signs for which there is no image."""

    REFUSED = "no real point of the box has them"
    REAL = "a real point of the box has them; no image of the region was found that has"
    UNDECIDED = "time was out"


@dataclass(frozen=True, eq=False, kw_only=True)
class Realisation:
    """What became of signs that were asked of the first layer.

    Attributes:
        image: (inputs,) float64, an image of the box that has them, or None.
        refused: whether it is certain that no point of the box has all signs of `conflict`.
        conflict: (neurons,) int8, the asked signs that cannot hold together; all that were asked
            if not `refused`.
    """

    image: Floats | None
    refused: bool
    conflict: Signs


class Realiser:
    """Realises the signs of one space.

    Linear programs, where ascent fails, are solved each from the last one's basis.
    """

    def __init__(self, space: PatternSpace) -> None:
        self._space = space
        # a floor keeps numbers finite in boxes of denormal size
        self._unit = max(float(space.radius.max(initial=0.0)), 2.0**-900)
        # a float64 image misses the program's point by about half an ulp in each pixel
        movable = space.problem.box.upper[space.radius > 0]
        rounding = 4 * UNIT_ROUNDOFF * float(movable.sum()) / self._unit
        self._margin = min(MARGIN + rounding, len(space.radius) + 1.0)
        self._rows = np.arange(space.size, dtype=np.int32)
        self._reach = space.radius / self._unit
        # here, and not above: Numba takes longer to import than all the rest of Signflip
        from signflip.patterns.ascent import sweeps_of

        self._sweeps = sweeps_of(*space.directions.shape) if space.size else 0
        self._exact = ExactSigns(space)

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
        # neurons of a convolution read few pixels: only those are entries
        entries = np.hstack([space.directions, np.ones((size, 1), dtype=np.int8)])
        row, column = np.nonzero(entries)
        added = solver.addRows(
            size,
            -free,
            free,
            len(column),
            np.searchsorted(row, np.arange(size)).astype(np.int32),
            column.astype(np.int32),
            entries[row, column].astype(np.float64),
        )
        check(added, "the rows")
        return solver

    def solve(
        self,
        flips: Flips,
        seconds: float = np.inf,
        accepts: Callable[[Floats], bool] | None = None,
    ) -> Floats | Answer:
        """A float64 image (inputs,) of the box that has the pattern, or why there is none.

        Args:
            flips: (m,) bool, which unstable neurons have the other sign than at the centre.
            seconds: time limit; the answer may be `UNDECIDED` beyond it.
            accepts: whether the quick way's image will do; None to ask whether it has the pattern.
        """
        answer = self.by_ascent(flips)
        if not isinstance(answer, Answer):
            will_do = self._has(answer, _sides(flips)) if accepts is None else accepts(answer)
            answer = answer if will_do else Answer.UNDECIDED
        return self.by_program(flips, seconds) if answer is Answer.UNDECIDED else answer

    def realise(
        self, demand: Signs, seconds: float = np.inf, *, thorough: bool = True
    ) -> Realisation:
        """Look for an image of the box with some signs.

        Args:
            demand: (neurons,) int8, the asked signs of the first layer, 0 for either.
            seconds: time limit; there may be neither image nor refusal beyond it.
            thorough: whether exact arithmetic settles what is too close to call without it.
        """
        space = self._space
        unstable = np.zeros(len(demand), dtype=np.bool_)
        unstable[space.unstable] = True
        wrong = np.flatnonzero(~unstable & (demand == -space.signs))
        if len(wrong):
            alone = np.zeros_like(demand)
            alone[wrong[0]] = demand[wrong[0]]
            return Realisation(image=None, refused=True, conflict=alone)
        asked = demand[space.unstable]
        side = -asked * space.signs[space.unstable]
        found = self._by_program(side, Clock.start(seconds), thorough=thorough)
        if isinstance(found, _Clash):
            clash = np.zeros_like(demand)
            clash[space.unstable[found.rows]] = asked[found.rows]
            return Realisation(image=None, refused=True, conflict=clash)
        image = None if isinstance(found, Answer) else found
        return Realisation(image=image, refused=False, conflict=demand)

    def by_ascent(self, flips: Flips) -> Floats | Answer:
        """The quick way: it leaves `UNDECIDED` patterns that have a margin near 0.

        An image of the region has the pattern most often, but that is for a replay to say.
        """
        from signflip.patterns.ascent import End, ascend  # as above

        space = self._space
        side = np.where(flips, 1.0, -1.0)
        need = np.where(flips, space.reluctance, -space.distance) / self._unit
        multipliers, z = np.zeros(space.size), np.zeros(len(space.radius))
        end = ascend(
            space.directions, self._reach, side, need, self._margin, self._sweeps, multipliers, z
        )
        if end == End.POINT:
            return space.problem.region.project(space.centre + space.radius * np.clip(z, -1, 1))
        if end == End.REFUSAL and refutes(space, _sides(flips), multipliers * side):
            return Answer.REFUSED
        return Answer.UNDECIDED

    def by_program(self, flips: Flips, seconds: float = np.inf) -> Floats | Answer:
        """The thorough way, linear programs; arguments as those of `solve`."""
        found = self._by_program(_sides(flips), Clock.start(seconds))
        return Answer.REFUSED if isinstance(found, _Clash) else found

    def _by_program(
        self, side: Signs, clock: Clock, *, thorough: bool = True
    ) -> "Floats | _Clash | Answer":
        """An image with what is asked, in four steps, the last of which is exact.

        Args:
            side: (m,) int8: 1 for a neuron that toggles, -1 for one that does not, 0 for either.
            clock: `UNDECIDED` once it is past.
            thorough: whether to take the last step.
        """
        steps = (self._with_margin, self._with_slack, self._on_thresholds, self._exactly)
        for step in steps if thorough else steps[:-1]:
            left = clock.remaining() - self._space.directions.size * OVERRUN
            if left <= 0:
                return Answer.UNDECIDED
            # the solver's clock counts all its runs
            limit = self._solver.getRunTime() + left
            check(self._solver.setOptionValue("time_limit", limit), f"a time limit of {limit}")
            found = step(side, clock)
            if found is not None:
                return found
        return Answer.UNDECIDED

    def _with_margin(self, side: Signs, clock: Clock) -> "Floats | _Clash | Answer | None":
        """Any point on the sure side of each distance by a margin: it replays as it should."""
        self._set_rows(side, self._space.reluctance, self._space.distance, self._margin)
        self._bound_slack(0.0, 0.0)
        if run_highs(self._solver) == highspy.HighsModelStatus.kOptimal:
            return self._image(side, clock)
        status, has_ray, ray = self._solver.getDualRay()
        return self._clash(side, ray) if status != highspy.HighsStatus.kError and has_ray else None

    def _with_slack(self, side: Signs, clock: Clock) -> "Floats | _Clash | Answer | None":
        """The point whose least slack is the largest: for patterns that have a margin near 0."""
        self._stretch_rows(side, side != 0)
        self._set_rows(side, self._space.distance, self._space.reluctance, 0.0)
        if run_highs(self._solver) != highspy.HighsModelStatus.kOptimal:
            return None
        duals = np.array(self._solver.getSolution().row_dual)
        return self._clash(side, duals) or self._image(side, clock)

    def _on_thresholds(self, side: Signs, clock: Clock) -> "Floats | _Clash | Answer | None":
        """A point on thresholds, where signs of +1 may be: whole pixels have such patterns.

        The solver's point misses a threshold by its rounding; on a coarse grid it may be right.
        """
        del clock
        space = self._space
        self._stretch_rows(side, (side * space.signs[space.unstable]) > 0)
        middle = (space.distance + space.reluctance) / 2
        self._set_rows(side, middle, middle, 0.0)
        if run_highs(self._solver) != highspy.HighsModelStatus.kOptimal:
            return None
        move = np.array(self._solver.getSolution().col_value)[:-1]
        point = space.centre + self._unit * move
        for digits in _DIGITS:
            image = space.problem.region.project(
                np.ldexp(np.rint(np.ldexp(point, digits)), -digits)
            )
            if self._has(image, side):
                return image
        return None

    def _exactly(self, side: Signs, clock: Clock) -> "Floats | _Clash | Answer":
        """The answer of exact arithmetic, which goes on from where floating point ends."""
        program, asked = self._exact.program(side), np.flatnonzero(side)
        found = settle(program, self._basis(asked), clock)
        if found is None:
            return Answer.UNDECIDED
        if not isinstance(found, Feasible):
            rows = np.zeros(len(side), dtype=np.bool_)
            rows[asked[found]] = True
            return _Clash(rows)
        image = snap(program, found, self._exact.shift, lambda x: self._has(x, side), clock)
        return Answer.REAL if image is None else image

    def _basis(self, asked: Integers) -> Basis:
        """Where the solver ended, as a start."""
        basis = self._solver.getBasis()
        pixels, rows = np.array(basis.col_status), np.array(basis.row_status)
        return Basis(
            pixels=pixels[:-1] == _BASIC,
            high=pixels[:-1] == _HIGH,
            slack=bool(pixels[-1] == _BASIC),
            loose=rows[asked] == _BASIC,
        )

    def _clash(self, side: Signs, multipliers: Any) -> "_Clash | None":
        rows = conflict(self._space, side, multipliers)
        return None if rows is None else _Clash(rows)

    def _stretch_rows(self, side: Signs, elastic: Booleans) -> None:
        """Let the slack, as large as it can be, be asked of these rows."""
        column = len(self._space.radius)
        for row in self._rows:
            coefficient = -float(side[row]) if elastic[row] else 0.0
            check(self._solver.changeCoeff(int(row), column, coefficient), "a coefficient")
        self._bound_slack(-highspy.kHighsInf, 1.0)

    def _set_rows(self, side: Signs, least: Floats, most: Floats, margin: float) -> None:
        """Neurons that toggle at `least` or more, others at `most` or less, by a margin."""
        # beyond all reach there is no difference, and HiGHS refuses what it takes for infinite
        far = 2.0 * len(self._reach) + 2.0
        least, most = (np.clip(limit / self._unit, -far, far) for limit in (least, most))
        lower = np.where(side > 0, least + margin, -highspy.kHighsInf)
        upper = np.where(side < 0, most - margin, highspy.kHighsInf)
        changed = self._solver.changeRowsBounds(len(self._rows), self._rows, lower, upper)
        check(changed, "the rows' bounds")

    def _bound_slack(self, least: float, most: float) -> None:
        changed = self._solver.changeColBounds(len(self._space.radius), least, most)
        check(changed, "the slack's bounds")

    def _image(self, side: Signs, clock: Clock) -> Floats | Answer | None:
        """The solver's point as an image (inputs,), if that has what is asked."""
        move = np.array(self._solver.getSolution().col_value)[:-1]
        point = self._space.centre + self._unit * move
        region = self._space.problem.region
        image = region.project(point)
        if self._has(image, side):
            return image
        return None if region.grid is None else self._on_grid(point, side, clock)

    def _on_grid(self, point: Floats, side: Signs, clock: Clock) -> Floats | Answer | None:
        """An image of the grid with what is asked, where a point (inputs,) of the box has it."""
        space = self._space
        if not self._shows(space.problem.box.clip(point), side):
            return None
        demand = np.zeros_like(space.signs)
        demand[space.unstable] = -side * space.signs[space.unstable]
        layer, region = space.layer, space.problem.region
        image = realise_on_grid(layer, region, demand, point, clock.remaining())
        return Answer.REAL if image is None else image

    def _has(self, image: Floats, side: Signs) -> bool:
        """Whether an image (inputs,) of the region has what is asked. Exact."""
        return self._space.problem.region.contains(image) and self._shows(image, side)

    def _shows(self, image: Floats, side: Signs) -> bool:
        """Whether an image (inputs,), of whatever region, has what is asked. Exact."""
        space = self._space
        signs = space.layer.signs_of_reals(image[None])[0][space.unstable]
        toggled = signs != space.signs[space.unstable]
        return bool(np.all(np.where(toggled, side >= 0, side <= 0)))


@dataclass(frozen=True, eq=False)
class _Clash:
    """(m,) bool, the rows that no point of the box has together."""

    rows: Booleans


def _sides(flips: Flips) -> Signs:
    return np.where(flips, np.int8(1), np.int8(-1))
