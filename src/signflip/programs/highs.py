"""HiGHS, the default solver."""

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from highspy import HighsModelStatus, HighsStatus

from signflip.arrays import Floats
from signflip.programs.program import MixedProgram
from signflip.programs.solver import Claim, OnIncumbent, Solution, SolverFailure

HighsCallbackType = highspy.cb.HighsCallbackType

CLAIMS = {
    HighsModelStatus.kOptimal: Claim.OPTIMAL,
    HighsModelStatus.kInfeasible: Claim.INFEASIBLE,
    HighsModelStatus.kTimeLimit: Claim.TIME_LIMIT,
}

QUICK: dict[str, str | float] = {
    "presolve": "off",
    "mip_heuristic_effort": 0.0,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
}
"""Options without presolve and heuristics: three times as fast on IProp's problem (10)."""


@dataclass(frozen=True, kw_only=True)
class Highs:
    """HiGHS through highspy.

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
        highs = highspy.Highs()  # type: ignore[no-untyped-call]
        options: dict[str, str | float] = {
            "output_flag": False,
            "threads": threads,
            "random_seed": seed,
            "time_limit": np.inf if time_limit is None else float(time_limit),
            "primal_feasibility_tolerance": self.tolerance,
            "mip_feasibility_tolerance": self.tolerance,
            # objectives are exact or nothing: no gap is small enough to stop at
            "mip_rel_gap": 0.0,
        }
        if quick:
            options |= QUICK
        for name, value in options.items():
            _check(highs.setOptionValue(name, value), f"option {name} = {value}")
        _check(highs.passModel(_model(program)), "the program")
        if start is not None:
            known = np.flatnonzero(~np.isnan(start)).astype(np.int32)
            _check(highs.setSolution(len(known), known, start[known]), "the start")
        errors = _listen(highs, on_incumbent)
        highs.run()
        if errors:
            raise errors[0]
        return _solution(highs, program)


def _model(program: MixedProgram) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_ = program.columns
    model.num_row_ = program.rows
    model.sense_ = highspy.ObjSense.kMaximize
    model.offset_ = program.offset
    model.col_cost_ = program.objective
    model.col_lower_ = program.lower
    model.col_upper_ = program.upper
    model.row_lower_ = program.row_lower
    model.row_upper_ = program.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = program.row_start.astype(np.int32)
    model.a_matrix_.index_ = program.index.astype(np.int32)
    model.a_matrix_.value_ = program.value
    if program.integer.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[int(integer)] for integer in program.integer]
    return model


def _listen(highs: highspy.Highs, on_incumbent: OnIncumbent | None) -> list[BaseException]:
    """Pass incumbents on; the list fills with what `on_incumbent` raises."""
    errors: list[BaseException] = []

    def answer(kind: Any, _message: str, out: Any, back: Any, _data: Any) -> None:
        # an exception must not travel through the solver's frames
        if kind == HighsCallbackType.kCallbackMipInterrupt:
            back.user_interrupt = bool(errors)
            return
        if errors or on_incumbent is None:
            return
        try:
            on_incumbent(np.array(out.mip_solution, dtype=np.float64))
        except BaseException as error:  # raised again after the solve
            errors.append(error)

    if on_incumbent is not None:
        _check(highs.setCallback(answer, None), "the callback")
        _check(highs.startCallback(HighsCallbackType.kCallbackMipImprovingSolution), "callback")
        _check(highs.startCallback(HighsCallbackType.kCallbackMipInterrupt), "callback")
    return errors


def _solution(highs: highspy.Highs, program: MixedProgram) -> Solution:
    status = highs.getModelStatus()
    claim = CLAIMS.get(status)
    if claim is None:
        raise SolverFailure(f"HiGHS ended with {highs.modelStatusToString(status)!r}")
    info, solution = highs.getInfo(), highs.getSolution()
    mixed = bool(program.integer.any())
    if claim is Claim.INFEASIBLE:
        return Solution(claim=claim)
    bound = info.mip_dual_bound if mixed else None
    if not mixed and claim is Claim.OPTIMAL:
        bound = info.objective_function_value
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Solution(claim=claim, bound=_finite(bound))
    return Solution(
        claim=claim,
        point=np.array(solution.col_value, dtype=np.float64),
        objective=info.objective_function_value,
        bound=_finite(bound),
        row_duals=None if mixed else np.array(solution.row_dual, dtype=np.float64),
    )


def _finite(bound: float | None) -> float | None:
    return bound if bound is not None and np.isfinite(bound) else None


def _check(status: HighsStatus, what: str) -> None:
    if status == HighsStatus.kError:
        raise SolverFailure(f"HiGHS refused {what}")
