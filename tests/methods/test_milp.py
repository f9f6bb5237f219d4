
import pytest
from hypothesis import HealthCheck, given, settings

from signflip import Problem, attack
from signflip.methods.milp import Milp
from signflip.milp import SOLVERS, Solver
from tests.support.oracle import exact_optimum, safe_optimum
from tests.support.strategies import problems

SAFE = 1e-5
"""Patterns that can be held this far from every threshold must be found by a solver."""

solvers = pytest.mark.parametrize("solver", [make() for make in SOLVERS.values()], ids=repr)


def tolerance(problem: Problem) -> float:
    """0 for integer objectives; a solver's accuracy for others."""
    if problem.network.output.plain:
        return 0.0
    return 1e-5 * max(1.0, max(abs(problem.coefficients(c)).sum() for c in problem.rivals))


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
