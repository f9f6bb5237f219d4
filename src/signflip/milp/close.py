"""Solve a relaxation, cut off what no image has, solve again: until bound and witness meet."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from signflip.arrays import Floats
from signflip.clock import Clock
from signflip.milp.candidates import Candidates
from signflip.programs.effort import Effort
from signflip.programs.program import MixedProgram
from signflip.programs.solver import Claim
from signflip.result import Stop


class Relaxation(Protocol):
    """A program whose optimum is at least as good as any image; its goal is to be maximised."""

    @property
    def program(self) -> MixedProgram:
        """What to solve."""
        ...

    @property
    def upper(self) -> float:
        """No image is better than this, before any solving."""
        ...

    @property
    def tolerance(self) -> float:
        """To how much the program's objectives are believed."""
        ...

    def objective(self, point: Floats) -> float:
        """What a point (columns,) of the program is worth."""
        ...

    def bound(self, bound: float) -> float:
        """What a bound of the program means."""
        ...


@dataclass(frozen=True, kw_only=True)
class Closing:
    """How it ended.

    Attributes:
        stop: `CLAIMED_OPTIMAL`, `IMPRECISE` or `TIME_LIMIT`.
        bound: no image is better than this, as far as the solver's word goes; -inf where it says
            that there is none at all.
    """

    stop: Stop
    bound: float


def close(
    relaxation: Relaxation,
    candidates: Candidates,
    *,
    effort: Effort,
    clock: Clock,
    value: Callable[[], float],
    start: Callable[[], Floats | None],
) -> Closing:
    """Solve until no image can be better than the best witness, as far as the solver's word goes.

    Args:
        relaxation: what to solve.
        candidates: what becomes of the solver's points.
        effort: the solver.
        clock: the run's.
        value: what the best witness is worth; -inf before there is one.
        start: a point (columns,) to start from, or None.

    Raises:
        SettingError: the program is too large for the solver's licence.
        MissingExtraError: the solver's package is not installed.
        SolverFailure: the solver gave up, or contradicts itself.
    """
    program, bound, tolerance = relaxation.program, relaxation.upper, relaxation.tolerance

    def consider(point: Floats) -> None:
        rounded = np.where(program.integer, np.round(point), point)
        candidates.consider(rounded, relaxation.objective(rounded))

    while bound > value() + tolerance:
        if clock.expired():
            return Closing(stop=Stop.TIME_LIMIT, bound=candidates.cover(bound))
        solution = effort.solver.solve(
            program,
            time_limit=clock.remaining(),
            threads=effort.threads,
            seed=effort.seed,
            start=start(),
            on_incumbent=consider,
        )
        if solution.point is not None:
            consider(solution.point)
        if solution.claim is Claim.INFEASIBLE:
            bound = -np.inf
            break
        if solution.bound is not None:
            bound = min(bound, relaxation.bound(solution.bound))
        if solution.claim is Claim.TIME_LIMIT:
            return Closing(stop=Stop.TIME_LIMIT, bound=candidates.cover(bound))
        if bound > value() + tolerance and not clock.expired():
            if solution.bound is None and not candidates.cuts:
                # HiGHS says so of a start that it can neither better nor bound, as where balls
                # are smaller than its tolerances
                return Closing(stop=Stop.IMPRECISE, bound=candidates.cover(bound))
            program = candidates.take_cuts(program)
    covered = candidates.cover(bound)
    doubtful = covered > value() + tolerance
    return Closing(stop=Stop.IMPRECISE if doubtful else Stop.CLAIMED_OPTIMAL, bound=covered)
