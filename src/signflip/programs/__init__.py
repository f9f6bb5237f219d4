"""Mixed-integer programs as plain arrays, and the solvers that they are given to."""

from collections.abc import Callable

from signflip.errors import SettingError
from signflip.programs.gurobi import Gurobi
from signflip.programs.highs import Highs
from signflip.programs.program import MixedProgram, ProgramBuilder
from signflip.programs.scip import Scip
from signflip.programs.solver import Claim, Solution, Solver, SolverFailure

SOLVERS: dict[str, Callable[[], Solver]] = {
    "highs": Highs,
    "scip": Scip,
    "gurobi": Gurobi,
}
"""Name -> solver with its default settings. A new solver is a file beside this one and a line."""

__all__ = [
    "SOLVERS",
    "Claim",
    "Gurobi",
    "Highs",
    "MixedProgram",
    "ProgramBuilder",
    "Scip",
    "Solution",
    "Solver",
    "SolverFailure",
    "solver_named",
]


def solver_named(name: str) -> Solver:
    """The solver called `name`, with its default settings.

    Raises:
        SettingError: no solver has that name.
    """
    if name not in SOLVERS:
        raise SettingError(f"no solver is called {name!r}; the solvers are {', '.join(SOLVERS)}")
    return SOLVERS[name]()
