"""HiGHS through highspy: programs handed over, runs, and what came of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import highspy
import numpy as np
from highspy import HighsModelStatus, HighsStatus

from signflip.arrays import Floats
from signflip.clock import Clock
from signflip.programs.aside import Aside
from signflip.programs.program import MixedProgram
from signflip.programs.solver import Claim, OnIncumbent, Solution, SolverFailure

HighsCallbackType = highspy.cb.HighsCallbackType

Option = str | float | bool

OVERRUN = 1e-7
"""Seconds for each entry of a program that HiGHS may go on beyond its time limit."""

CLAIMS = {
    HighsModelStatus.kOptimal: Claim.OPTIMAL,
    HighsModelStatus.kInfeasible: Claim.INFEASIBLE,
    HighsModelStatus.kTimeLimit: Claim.TIME_LIMIT,
}

MOST_ENTRIES = 2**31 - 1
"""It counts them in 32 bits."""

QUICK: dict[str, Option] = {
    "presolve": "off",
    "mip_heuristic_effort": 0.0,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
}
"""Options without presolve and heuristics: three times as fast on IProp's problem (10)."""


class Settings(NamedTuple):
    """How to solve a program: the settings of `Solver.solve`, and the solver's own."""

    tolerance: float
    time_limit: float | None
    threads: int
    seed: int
    quick: bool


def solve(
    program: MixedProgram,
    settings: Settings,
    start: Floats | None,
    on_incumbent: OnIncumbent | None,
) -> Solution:
    """Maximise the program; see `Solver.solve`."""
    clock = Clock.start(settings.time_limit)
    # it looks at its clock only between passes over the program
    overrun = len(program.index) * OVERRUN
    if clock.limit is not None and clock.remaining() <= overrun:
        return Solution(claim=Claim.TIME_LIMIT)
    highs = _with_program(program)
    options: dict[str, Option] = {
        "threads": settings.threads,
        "random_seed": settings.seed,
        "time_limit": max(0.0, clock.remaining() - overrun),
        "primal_feasibility_tolerance": settings.tolerance,
        "mip_feasibility_tolerance": settings.tolerance,
        # objectives are exact or nothing: no gap is small enough to stop at
        "mip_rel_gap": 0.0,
    }
    if settings.quick:
        options |= QUICK
    set_options(highs, options)
    if start is not None:
        known = np.flatnonzero(~np.isnan(start)).astype(np.int32)
        check(highs.setSolution(len(known), known, start[known]), "the start")
    return _solution(highs, program, run_highs(highs, on_incumbent))


def _with_program(program: MixedProgram) -> Any:
    """A silent HiGHS that holds the program.

    Raises:
        SolverFailure: it refused it.
    """
    if len(program.index) > MOST_ENTRIES:
        raise SolverFailure(
            f"the program has {len(program.index):,} entries; HiGHS takes up to {MOST_ENTRIES:,}"
        )
    highs = new_highs({})
    # arrays as they are: a HighsLp takes each number by itself
    taken = highs.passModel(
        program.columns,
        program.rows,
        len(program.index),
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMaximize),
        program.offset,
        program.objective,
        program.lower,
        program.upper,
        program.row_lower,
        program.row_upper,
        program.row_start.astype(np.int32),
        program.index.astype(np.int32),
        program.value,
        program.integer.astype(np.int32),
    )
    check(taken, "the program")
    return highs


def new_highs(options: Mapping[str, Option]) -> Any:  # highspy's types lack some of its methods
    """A silent HiGHS without a program.

    Raises:
        SolverFailure: it has no such option, or not with this value.
    """
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    set_options(highs, {"output_flag": False, **options})
    return highs


def set_options(highs: Any, options: Mapping[str, Option]) -> None:
    """Set options.

    Raises:
        SolverFailure: it has no such option, or not with this value.
    """
    for name, value in options.items():
        check(highs.setOptionValue(name, value), f"option {name} = {value}")


def run_highs(highs: Any, on_incumbent: OnIncumbent | None = None) -> HighsModelStatus:
    """Solve what HiGHS was given; in which state it ended.

    It runs in a thread of its own, since it keeps one number of threads for each thread that it is
    called from, and refuses to run with another. There, it meets neither a solve that this one is
    nested in nor a HiGHS of the user's; later ones of the same number share it.

    Args:
        highs: the solver, with its program.
        on_incumbent: called in this thread with each better point of a mixed-integer program.

    Raises:
        SolverFailure: it refused to run. That says nothing of the program.
        BaseException: what `on_incumbent` raised.
    """
    aside = Aside[Floats](on_incumbent or _ignore)
    _listen(highs, aside, listening=on_incumbent is not None)
    (_, threads) = highs.getOptionValue("threads")
    status: HighsStatus = aside.run(highs.run, kind=int(threads))
    ended: HighsModelStatus = highs.getModelStatus()
    # lost in the numbers, it says that it has failed too, but in that state
    if status == HighsStatus.kError and ended != HighsModelStatus.kSolveError:
        raise SolverFailure(f"HiGHS refused to run: {highs.modelStatusToString(ended)}")
    return ended


def _ignore(_point: Floats) -> None:
    """Nobody listens."""


def _listen(highs: Any, aside: Aside[Floats], *, listening: bool) -> None:
    """Pass incumbents on, if somebody listens, and end the solve when nobody waits for it."""

    def answer(kind: Any, _message: str, out: Any, back: Any, _data: Any) -> None:
        if kind == HighsCallbackType.kCallbackMipInterrupt:
            back.user_interrupt = aside.stopping
        elif not aside.stopping:
            aside.ask(np.array(out.mip_solution, dtype=np.float64))

    check(highs.setCallback(answer, None), "the callback")
    check(highs.startCallback(HighsCallbackType.kCallbackMipInterrupt), "the callback")
    if listening:
        check(highs.startCallback(HighsCallbackType.kCallbackMipImprovingSolution), "the callback")


def _solution(highs: Any, program: MixedProgram, status: HighsModelStatus) -> Solution:
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


def check(status: HighsStatus, what: str) -> None:
    """Make sure that HiGHS took something.

    Raises:
        SolverFailure: it did not.
    """
    if status == HighsStatus.kError:
        raise SolverFailure(f"HiGHS refused {what}")
