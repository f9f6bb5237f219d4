"""SCIP, as an extra."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from signflip.arrays import Floats
from signflip.clock import Clock
from signflip.errors import MissingExtraError
from signflip.programs.program import MixedProgram
from signflip.programs.solver import Claim, OnIncumbent, Solution, SolverFailure

CLAIMS = {
    "optimal": Claim.OPTIMAL,
    "infeasible": Claim.INFEASIBLE,
    "timelimit": Claim.TIME_LIMIT,
}


@dataclass(frozen=True, kw_only=True)
class Scip:
    """SCIP through pyscipopt. It works on one thread, whatever it is given.

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
        """Maximise the program; see `Solver.solve`."""
        del threads  # SCIP's own search has one
        clock = Clock.start(time_limit)
        pyscipopt = _package()
        try:
            model = self._model(pyscipopt, seed, quick=quick)
            columns = _write(pyscipopt, model, program, clock)
            if columns is None:
                return Solution(claim=Claim.TIME_LIMIT)
            if start is not None:
                _add_start(model, columns, start)
            seen, errors = _listen(pyscipopt, model, columns, on_incumbent)
            # 1e20 is SCIP's infinity
            model.setParam("limits/time", min(clock.remaining(), 1e20))
            model.optimize()
        except Exception as error:  # pyscipopt has no errors of its own
            raise SolverFailure(f"SCIP failed: {error!r}") from error
        if errors:
            raise errors[0]
        solution = _solution(model, columns)
        point, last = solution.point, program.objective_at(seen[0]) if seen else -np.inf
        # where time is out SCIP may end with a better point than the last that it told of
        if on_incumbent is not None and point is not None and program.objective_at(point) > last:
            on_incumbent(point)
        return solution

    def _model(self, pyscipopt: ModuleType, seed: int, *, quick: bool) -> Any:
        """A model without columns."""
        model = pyscipopt.Model()
        model.hideOutput()
        model.setParam("randomization/randomseedshift", seed)
        model.setParam("numerics/feastol", self.tolerance)
        # on the paper's program, cuts and the slower heuristics make SCIP ten times slower
        model.setSeparating(pyscipopt.SCIP_PARAMSETTING.OFF)
        model.setHeuristics(pyscipopt.SCIP_PARAMSETTING.FAST)
        if quick:
            model.setPresolve(pyscipopt.SCIP_PARAMSETTING.OFF)
            model.setHeuristics(pyscipopt.SCIP_PARAMSETTING.OFF)
        return model


def _package() -> ModuleType:
    try:
        import pyscipopt
    except ImportError as error:
        raise MissingExtraError("pyscipopt", "scip", "the solver 'scip'") from error
    return pyscipopt


def _write(
    pyscipopt: ModuleType, model: Any, program: MixedProgram, clock: Clock
) -> list[Any] | None:
    """Fill the model; its columns, None once time is out."""
    columns = [
        model.addVar(
            lb=None if lower == -np.inf else lower,
            ub=None if upper == np.inf else upper,
            vtype="I" if integer else "C",
            obj=objective,
        )
        for lower, upper, integer, objective in zip(
            program.lower.tolist(),
            program.upper.tolist(),
            program.integer.tolist(),
            program.objective.tolist(),
            strict=True,
        )
    ]
    for index in np.flatnonzero(program.priority).tolist():
        model.chgVarBranchPriority(columns[index], int(program.priority[index]))
    model.setMaximize()
    model.addObjoffset(program.offset)
    for row in range(program.rows):
        if clock.limit is not None and clock.expired():
            return None
        entries = slice(program.row_start[row], program.row_start[row + 1])
        pairs = zip(program.value[entries].tolist(), program.index[entries].tolist(), strict=True)
        expression = pyscipopt.quicksum(value * columns[index] for value, index in pairs)
        if program.row_lower[row] > -np.inf:
            model.addCons(expression >= program.row_lower[row])
        if program.row_upper[row] < np.inf:
            model.addCons(expression <= program.row_upper[row])
    return columns


def _add_start(model: Any, columns: list[Any], start: Floats) -> None:
    known = ~np.isnan(start)
    solution = model.createSol() if known.all() else model.createPartialSol()
    for index in np.flatnonzero(known).tolist():
        model.setSolVal(solution, columns[index], float(start[index]))
    model.addSol(solution)


def _listen(
    pyscipopt: ModuleType, model: Any, columns: list[Any], on_incumbent: OnIncumbent | None
) -> tuple[list[Floats], list[BaseException]]:
    """Pass incumbents on; the lists fill with the last one and what `on_incumbent` raises."""
    seen: list[Floats] = []
    errors: list[BaseException] = []

    def answer(model: Any, _event: Any) -> None:
        if errors or on_incumbent is None:
            return
        # an exception must not travel through the solver's frames
        try:
            seen[:] = [_values(model, columns)]
            on_incumbent(seen[0])
        except BaseException as error:  # raised again after the solve
            errors.append(error)
            model.interruptSolve()

    if on_incumbent is not None:
        model.attachEventHandlerCallback(answer, [pyscipopt.SCIP_EVENTTYPE.BESTSOLFOUND])
    return seen, errors


def _values(model: Any, columns: list[Any]) -> Floats:
    best = model.getBestSol()
    return np.array([model.getSolVal(best, column) for column in columns], dtype=np.float64)


def _solution(model: Any, columns: list[Any]) -> Solution:
    status = model.getStatus()
    claim = CLAIMS.get(status)
    if claim is None:
        if status == "userinterrupt":  # SCIP takes the Ctrl-C for itself
            raise KeyboardInterrupt
        raise SolverFailure(f"SCIP ended with status {status!r}")
    if claim is Claim.INFEASIBLE:
        return Solution(claim=claim)
    bound = model.getDualbound()
    found = model.getNSols() > 0
    return Solution(
        claim=claim,
        point=_values(model, columns) if found else None,
        objective=float(model.getObjVal()) if found else None,
        bound=float(bound) if abs(bound) < model.infinity() else None,
    )
