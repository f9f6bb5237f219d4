"""What a solver of mixed-integer programs is to Signflip: one call, one answer.

Nothing that a solver says is believed without a check: its points are candidates, to be replayed,
and its bound and claim are reported as its word.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from signflip.arrays import Floats
from signflip.programs.program import MixedProgram

OnIncumbent = Callable[[Floats], None]
"""Called with each better point (columns,) float64 as the solver finds it."""

INTEGRALITY = 1e-6
"""A solver's point may differ by this much from an integer: round before use."""


class Claim(Enum):
    """What a solver says of its answer, as a sentence."""

    OPTIMAL = "The point is optimal."
    INFEASIBLE = "No point satisfies the constraints."
    TIME_LIMIT = "The time limit was reached."


@dataclass(frozen=True, eq=False, kw_only=True)
class Solution:
    """A solver's answer.

    Attributes:
        claim: what the solver says of it.
        point: (columns,) float64, the best point found, or None.
        objective: the objective at `point`, or None.
        bound: no point has an objective above this; None if the solver has no bound yet.
        row_duals: (rows,) float64, the multipliers of the rows (positive where a row's upper side
            holds the objective down), for programs without integer columns; None where the solver
            gives none.
    """

    claim: Claim
    point: Floats | None = None
    objective: float | None = None
    bound: float | None = None
    row_duals: Floats | None = None


class SolverFailure(RuntimeError):  # noqa: N818 - a failure of the solver, not of the user
    """A solver ended in a state that is none of `Claim`: it ran out of memory, or has a bug."""


class Solver(Protocol):
    """A solver: a frozen object that holds its settings."""

    def solve(
        self,
        program: MixedProgram,
        *,
        time_limit: float | None = None,
        threads: int = 1,
        seed: int = 0,
        quick: bool = False,
        start: Floats | None = None,
        on_incumbent: OnIncumbent | None = None,
    ) -> Solution:
        """Maximise the program.

        Args:
            program: what to solve; it has at least one column.
            time_limit: seconds, None or infinite for no limit.
            threads: threads that the solver may use.
            seed: of the solver's random choices.
            quick: whether this is one of many small programs that come with a good start, so that
                preparing and heuristics cost more than they save.
            start: (columns,) float64, a point to start from; NaN where the solver should complete
                it. A start that breaks a constraint is ignored.
            on_incumbent: called with each better point as it is found. What it raises ends the
                solve, and is raised from here.

        Raises:
            MissingExtraError: the solver's package is not installed.
            SolverFailure: the solver gave up.
        """
        ...
