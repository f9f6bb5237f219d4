"""The smallest perturbation that flips an image, as far as a solver's word goes."""

from dataclasses import replace

import numpy.typing as npt

from signflip.attack import attack
from signflip.methods.milp import Milp
from signflip.problem import Distance, Norm, Problem
from signflip.programs.highs import Highs
from signflip.programs.solver import Solver
from signflip.result import AttackResult
from signflip.search import OnImprovement


def minimise_perturbation(
    problem: Problem,
    *,
    norm: Norm = Norm.LINF,
    solver: Solver | None = None,
    threads: int = 1,
    seed: int = 0,
    time_limit: float | None = None,
    start: npt.ArrayLike | None = None,
    on_improvement: OnImprovement | None = None,
) -> AttackResult:
    """Find the smallest perturbation of the problem's region that flips its image.

    It is `attack` with the measure `Distance(norm)` and the MILP.

    In the result, `distance` is that of the witness; `bound` is the solver's word that no flip is
    nearer, infinite where it says that there is none. It stays a ten-thousandth below the distance,
    and with real output scales only flips count whose objective the solver can tell from 0.

    Args:
        problem: what to attack; its region limits the perturbation.
        norm: what is minimised: `LINF` for the smallest epsilon, or `L1`.
        solver: which solver; None for HiGHS.
        threads: threads that the solver may use.
        seed: of the solver's random choices.
        time_limit: seconds, or None to run until the solver is through.
        start: (inputs,) float64 inside the region, an image that flips: nothing farther is
            searched.
        on_improvement: called as (seconds, distance, image) at each nearer witness.

    Raises:
        ProblemError: the start lies outside the region, or does not flip.
        SettingError: a setting is out of range, or the program too large for the solver's licence.
        MissingExtraError: the solver's package is not installed.
        SolverFailure: the solver gave up, or contradicts itself.
    """
    return attack(
        replace(problem, measure=Distance(norm)),
        Milp(solver=solver or Highs(), threads=threads, seed=seed),
        time_limit=time_limit,
        start=start,
        on_improvement=on_improvement,
    )
