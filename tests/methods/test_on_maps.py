"""Every method on networks over every kind of map, against brute force."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import attack
from signflip.methods import Exact, Fgsm, IProp, Milp
from signflip.methods.search_goal import SearchGoal
from signflip.problem import Problem
from signflip.programs import Solver
from signflip.result import Stop, Verdict
from tests.support.map_strategies import mapped_networks
from tests.support.oracle import exact_optimum, safe_optimum
from tests.support.solvers import each_solver
from tests.support.strategies import problems

on_maps = problems(network=mapped_networks())
coarse_on_maps = problems(network=mapped_networks(coarse=True), coarse=True)
ACCURACY = 1e-5


@settings(max_examples=100)
@given(problem=on_maps, goal=st.sampled_from(SearchGoal), threads=st.sampled_from([1, 2]))
def test_exact_never_contradicts_brute_force(
    problem: Problem, goal: SearchGoal, threads: int
) -> None:
    optimum = exact_optimum(problem).value
    result = attack(problem, Exact(goal=goal, threads=threads))
    replay = problem.replay(result.witness)
    assert replay.inside
    assert replay.value <= optimum
    assert result.bound is not None
    assert result.bound >= float(optimum)
    assert (result.verdict is Verdict.FLIPPED) == replay.flipped
    if result.verdict is Verdict.ROBUST:
        assert optimum <= 0
    if result.stop is Stop.OPTIMAL:
        assert replay.value == optimum


@settings(max_examples=60)
@given(problem=coarse_on_maps)
def test_exact_reaches_what_is_safely_there(problem: Problem) -> None:
    safe = safe_optimum(problem, 1e-6)
    result = attack(problem, Exact(goal=SearchGoal.OPTIMISE))
    if safe is not None:
        assert problem.replay(result.witness).value >= safe.value


@each_solver
@settings(max_examples=25)
@given(problem=on_maps)
def test_the_milp_is_that_of_brute_force(solver: Solver, problem: Problem) -> None:
    result = attack(problem, Milp(solver=solver))
    optimum = exact_optimum(problem).value
    replay = problem.replay(result.witness)
    assert replay.inside
    assert replay.value <= optimum
    assert result.bound is not None
    assert result.bound >= float(optimum) - ACCURACY
    safe = safe_optimum(problem, 1e-4)
    if safe is not None:
        assert float(replay.value) >= float(safe.value) - ACCURACY


@pytest.mark.parametrize(
    "method", [Fgsm(width=0.3, restarts=4, iterations=10), IProp()], ids=["fgsm", "iprop"]
)
@settings(max_examples=25)
@given(problem=on_maps)
def test_no_heuristic_exceeds_brute_force(method: Fgsm | IProp, problem: Problem) -> None:
    result = attack(problem, method)
    replay = problem.replay(result.witness)
    assert replay.inside
    assert problem.clean.value <= replay.value <= exact_optimum(problem).value
