import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from signflip import Problem, Stop, Untargeted, Verdict, attack
from signflip.errors import SettingError
from signflip.methods.milp import Milp
from signflip.methods.search_goal import SearchGoal
from signflip.milp import SOLVERS, Gurobi, Highs, Solver
from signflip.problem import Goal
from tests.support.oracle import exact_optimum, safe_optimum
from tests.support.strategies import problems
from tests.support.tiny import tiny_network

SAFE = 1e-5
"""Patterns that can be held this far from every threshold must be found by a solver."""

solvers = pytest.mark.parametrize("solver", [make() for make in SOLVERS.values()], ids=repr)


def tolerance(problem: Problem) -> float:
    """0 for integer objectives; a solver's accuracy for others."""
    if problem.network.output.plain:
        return 0.0
    return 1e-5 * max(1.0, *(float(abs(problem.coefficients(c)).sum()) for c in problem.rivals))


@solvers
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problem=problems())
def test_equals_brute_force(solver: Solver, problem: Problem) -> None:
    result = attack(problem, Milp(solver=solver))
    replay = problem.replay(result.witness)
    best = exact_optimum(problem).value
    assert replay.inside
    assert replay.value <= best
    assert result.bound is not None
    assert result.bound >= float(best) - tolerance(problem)
    safe = safe_optimum(problem, SAFE)
    if safe is not None:
        assert float(replay.value) >= float(safe.value) - tolerance(problem)


@solvers
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problem=problems())
def test_decides_as_brute_force_does(solver: Solver, problem: Problem) -> None:
    result = attack(problem, Milp(solver=solver, goal=SearchGoal.DECIDE))
    best = exact_optimum(problem).value
    if result.verdict is Verdict.FLIPPED:
        assert result.stop is Stop.DECIDED
        assert problem.replay(result.witness).flipped
        assert best > 0
        return
    assert result.verdict is Verdict.UNKNOWN  # a solver's word is no proof
    assert result.bound is not None
    if result.stop is Stop.CLAIMED_ROBUST:
        assert 0 <= result.bound <= tolerance(problem)
    # what a solver cannot tell from 0 need not be found
    safe = safe_optimum(problem, SAFE)
    if safe is not None:
        assert float(safe.value) <= tolerance(problem)


@pytest.mark.parametrize("goal", [None, Untargeted()], ids=["second", "untargeted"])
@pytest.mark.parametrize("solver", [Highs(), Gurobi()], ids=repr)
def test_a_decision_stops_at_the_first_flip(solver: Solver, goal: Goal | None) -> None:
    pytest.importorskip("gurobipy")
    image = np.random.default_rng(7).random(16)
    problem = Problem.ball(tiny_network(), image, epsilon=0.5, goal=goal)
    seen: list[float] = []
    decided = attack(
        problem,
        Milp(solver=solver, goal="decide"),  # type: ignore[arg-type]  # by name, as from a shell
        on_improvement=lambda _seconds, objective, _image: seen.append(objective),
    )
    assert (decided.verdict, decided.stop) == (Verdict.FLIPPED, Stop.DECIDED)
    assert sum(objective > 0 for objective in seen) == 1
    again = attack(problem, Milp(solver=solver, goal=SearchGoal.DECIDE), start=decided.witness)
    assert (again.stop, len(again.trace)) == (Stop.DECIDED, 2)


def test_an_unknown_goal() -> None:
    with pytest.raises(SettingError, match="goal is 'best'; it must be one of decide, optimise"):
        Milp(goal="best")  # type: ignore[arg-type]
