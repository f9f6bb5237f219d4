"""Gurobi, as an extra. Its licence from PyPI is limited in size, but enough for the zoo."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from signflip.arrays import Floats
from signflip.clock import Clock
from signflip.errors import MissingExtraError, SettingError
from signflip.programs.program import MixedProgram
from signflip.programs.solver import Claim, OnIncumbent, Solution, SolverFailure


@dataclass(frozen=True, kw_only=True)
class Gurobi:
    """Gurobi through gurobipy.

    Attributes:
        tolerance: by how much a point may break a constraint.
    """

    tolerance: float = 1e-7

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
        """Maximise the program; see `Solver.solve`.

        Raises:
            SettingError: the program is too large for the licence, or there is none.
        """
        clock = Clock.start(time_limit)
        gurobipy = _package()
        # without output from the start, so that no banner is printed
        parameters = {
            "OutputFlag": 0,
            "Threads": threads,
            "Seed": seed,
            "FeasibilityTol": self.tolerance,
            "IntFeasTol": self.tolerance,
            "MIPGap": 0.0,
            # cuts cost more than they save on the paper's program: two to three times the time
            "Cuts": 0,
        }
        if quick:
            parameters |= {"Presolve": 0, "Heuristics": 0.0}
        try:
            with (
                gurobipy.Env(params=parameters) as env,
                gurobipy.Model(env=env) as model,
            ):
                columns = _write(gurobipy, model, program, start, clock)
                if columns is None:
                    return Solution(claim=Claim.TIME_LIMIT)
                model.Params.TimeLimit = clock.remaining()
                return _run(gurobipy, model, columns, on_incumbent)
        except gurobipy.GurobiError as error:
            if error.errno == gurobipy.GRB.Error.SIZE_LIMIT_EXCEEDED:
                raise SettingError(
                    f"the program has {program.columns} variables and {program.rows} constraints, "
                    "more than Gurobi's licence allows (2,000 of each for the one from PyPI): "
                    "use a full licence, or another solver"
                ) from error
            if error.errno == gurobipy.GRB.Error.NO_LICENSE:
                raise SettingError(
                    f"Gurobi has no licence that it takes ({error}): mend it, or use another solver"
                ) from error
            raise SolverFailure(f"Gurobi failed: {error}") from error


def _package() -> ModuleType:
    try:
        import gurobipy
    except ImportError as error:
        raise MissingExtraError("gurobipy", "gurobi", "the solver 'gurobi'") from error
    return gurobipy


def _write(
    gurobipy: ModuleType, model: Any, program: MixedProgram, start: Floats | None, clock: Clock
) -> list[Any] | None:
    """Fill the model; its columns, None once time is out."""
    kinds = np.where(program.integer, gurobipy.GRB.INTEGER, gurobipy.GRB.CONTINUOUS)
    added = model.addMVar(
        program.columns,
        lb=program.lower,
        ub=program.upper,
        obj=program.objective,
        vtype=kinds.tolist(),
    )
    added.BranchPriority = program.priority
    model.ModelSense = gurobipy.GRB.MAXIMIZE
    model.ObjCon = program.offset
    if start is not None:
        added.Start = np.where(np.isnan(start), gurobipy.GRB.UNDEFINED, start)
    columns: list[Any] = added.tolist()
    for row in range(program.rows):
        if clock.limit is not None and clock.expired():
            return None
        entries = slice(program.row_start[row], program.row_start[row + 1])
        terms = [columns[index] for index in program.index[entries]]
        expression = gurobipy.LinExpr(program.value[entries].tolist(), terms)
        lower, upper = program.row_lower[row], program.row_upper[row]
        if lower == upper:
            model.addLConstr(expression, gurobipy.GRB.EQUAL, lower)
            continue
        if lower > -np.inf:
            model.addLConstr(expression, gurobipy.GRB.GREATER_EQUAL, lower)
        if upper < np.inf:
            model.addLConstr(expression, gurobipy.GRB.LESS_EQUAL, upper)
    return columns


def _run(
    gurobipy: ModuleType,
    model: Any,
    columns: list[Any],
    on_incumbent: OnIncumbent | None,
) -> Solution:
    status, errors = gurobipy.GRB.Status, _optimize(gurobipy, model, columns, on_incumbent)
    if model.Status == status.INF_OR_UNBD and not errors:
        model.Params.DualReductions = 0  # tells the two apart
        errors = _optimize(gurobipy, model, columns, on_incumbent)
    if errors:
        raise errors[0]
    claims = {
        status.OPTIMAL: Claim.OPTIMAL,
        status.INFEASIBLE: Claim.INFEASIBLE,
        status.TIME_LIMIT: Claim.TIME_LIMIT,
    }
    claim = claims.get(model.Status)
    if claim is None:
        if model.Status == status.INTERRUPTED:  # Gurobi takes the Ctrl-C for itself
            raise KeyboardInterrupt
        raise SolverFailure(f"Gurobi ended with status {model.Status}")
    if claim is Claim.INFEASIBLE:
        return Solution(claim=claim)
    bound = model.ObjBound if model.IsMIP else (model.ObjVal if claim is Claim.OPTIMAL else np.inf)
    return Solution(
        claim=claim,
        point=np.array(model.X, dtype=np.float64) if model.SolCount else None,
        objective=float(model.ObjVal) if model.SolCount else None,
        bound=float(bound) if abs(bound) < gurobipy.GRB.INFINITY else None,
    )


def _optimize(
    gurobipy: ModuleType, model: Any, columns: list[Any], on_incumbent: OnIncumbent | None
) -> list[BaseException]:
    """Solve; what `on_incumbent` raised."""
    errors: list[BaseException] = []

    def answer(model: Any, where: int) -> None:
        if where != gurobipy.GRB.Callback.MIPSOL or on_incumbent is None or errors:
            return
        # an exception must not travel through the solver's frames
        try:
            on_incumbent(np.array(model.cbGetSolution(columns), dtype=np.float64))
        except BaseException as error:  # raised again after the solve
            errors.append(error)
            model.terminate()

    model.optimize(answer)
    return errors
