from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given, settings

from signflip.attack import attack
from signflip.errors import SettingError
from signflip.methods import METHODS, make_method
from signflip.methods.milp import Milp
from signflip.methods.search_goal import SearchGoal
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.problem import Goal, L1Ball, Problem, Untargeted
from signflip.programs import Claim, Gurobi, Highs, Solution, Solver, SolverFailure
from signflip.result import Stop, Verdict
from tests.support.absent import need_package
from tests.support.oracle import exact_optimum, safe_optimum
from tests.support.problems import two_steps
from tests.support.solvers import each_solver
from tests.support.strategies import problems
from tests.support.tiny import tiny_network
from tests.support.zoo import zoo_problems

SAFE = 1e-5
"""Patterns that can be held this far from every threshold must be found by a solver."""


def tolerance(problem: Problem) -> float:
    """0 for integer objectives; a solver's accuracy for others."""
    if problem.network.output.plain:
        return 0.0
    output = problem.network.output
    return 1e-5 * float(np.max(np.abs(output.scale) * output.inputs + np.abs(output.bias)))


@each_solver
@settings(max_examples=60)
@given(problem=problems())
def test_the_optimum_is_that_of_brute_force(solver: Solver, problem: Problem) -> None:
    result = attack(problem, Milp(solver=solver))
    replay = problem.replay(result.witness)
    best = exact_optimum(problem).value
    assert replay.inside
    assert float(replay.value) == result.objective
    assert replay.value <= best
    assert result.bound is not None
    assert result.bound >= float(best) - tolerance(problem)
    assert result.verdict is (Verdict.FLIPPED if replay.value > 0 else Verdict.UNKNOWN)
    if result.stop is Stop.CLAIMED_OPTIMAL:
        assert result.bound <= result.objective + tolerance(problem)
    else:
        assert result.stop is Stop.IMPRECISE
    safe = safe_optimum(problem, SAFE)
    if safe is not None:
        assert result.objective >= float(safe.value) - tolerance(problem)


@each_solver
@settings(max_examples=40)
@given(problem=problems(coarse=True))
def test_ties_are_told_apart(solver: Solver, problem: Problem) -> None:
    """Coarse numbers tie often, and patterns that only meet on a threshold are no optimum."""
    result = attack(problem, Milp(solver=solver))
    best = exact_optimum(problem).value
    safe = safe_optimum(problem, SAFE)
    assert result.objective <= best
    if safe is not None and safe.value == best:
        assert result.objective == pytest.approx(float(best), abs=tolerance(problem))


@each_solver
@settings(max_examples=40)
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


@each_solver
@pytest.mark.parametrize("goal", [None, Untargeted()], ids=["second", "untargeted"])
def test_a_decision_stops_at_the_first_flip(solver: Solver, goal: Goal | None) -> None:
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


def test_a_pattern_that_no_image_has_is_cut_off() -> None:
    """x < 0.5 and x > 0.5 meet in 0.5, where a solver takes both; no image has more than one."""
    hidden = SignLayer.dense(np.array([[1], [-1]]), np.array([0.5, -0.5]))
    network = BinaryNetwork(
        (hidden,), OutputLayer(np.array([[1, 1], [-1, -1]]), np.ones(2), np.zeros(2))
    )
    result = attack(Problem.ball(network, [0.5], epsilon=0.25), Milp())
    # at 0.5 both neurons are +1; elsewhere one of them is -1, which is a tie of the classes
    assert (result.clean_objective, result.objective, result.bound) == (-4, 0, 0)
    assert result.stop is Stop.CLAIMED_OPTIMAL


@each_solver
def test_a_real_image(solver: Solver) -> None:
    """The optimum was found by three solvers and proved by the exact method."""
    problem = zoo_problems("mnist-2x100", epsilon=0.005, count=3)[2]
    result = attack(problem, Milp(solver=solver))
    assert (result.clean_objective, result.objective, result.bound) == (-88, -84, -84)
    assert result.stop is Stop.CLAIMED_OPTIMAL
    assert result.verdict is Verdict.UNKNOWN  # a solver's word is no proof
    assert [value for _, value in result.trace] == sorted({value for _, value in result.trace})


def test_an_untargeted_goal_is_at_least_as_good_as_the_second_class() -> None:
    settings = {"epsilon": 0.003, "count": 1}
    second = zoo_problems("mnist-2x100", **settings)[0]  # type: ignore[arg-type]
    any_class = zoo_problems("mnist-2x100", goal=Untargeted(), **settings)[0]  # type: ignore[arg-type]
    targeted, untargeted = (attack(problem, Milp()) for problem in (second, any_class))
    assert untargeted.stop is Stop.CLAIMED_OPTIMAL
    assert untargeted.objective >= targeted.objective


def test_masked_pixels_stay() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.1, count=1)[0]
    mask = np.zeros(784, dtype=np.bool_)
    mask[400:420] = True
    masked = Problem.ball(problem.network, problem.image, epsilon=0.1, mask=mask)
    result = attack(masked, Milp())
    assert result.stop is Stop.CLAIMED_OPTIMAL
    assert result.objective > result.clean_objective
    assert np.array_equal(result.witness[~mask], problem.image[~mask])


def test_without_time_the_bound_is_that_of_interval_arithmetic() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.02, count=1)[0]
    result = attack(problem, Milp(), time_limit=0.0)
    assert result.stop is Stop.TIME_LIMIT
    assert result.bound is not None
    assert result.objective <= result.bound <= problem.largest_conceivable


@each_solver
def test_stopped_by_time_it_has_incumbents_and_a_bound(solver: Solver) -> None:
    problem = zoo_problems("mnist-2x200", epsilon=0.03, count=1)[0]
    start = attack(problem, METHODS["fgsm"](width=0.3), time_limit=0.5)
    result = attack(problem, Milp(solver=solver), time_limit=1.0, start=start.witness)
    assert result.stop is Stop.TIME_LIMIT
    assert result.objective >= start.objective > result.clean_objective
    assert result.bound is not None
    assert result.bound >= result.objective


class Liar:
    """A solver that answers what it is told to."""

    def __init__(self, answer: Solution) -> None:
        self.answer = answer

    def solve(self, *_args: object, **_settings: object) -> Solution:
        return self.answer


def test_a_solver_that_denies_the_clean_image_is_a_failure() -> None:
    with pytest.raises(SolverFailure, match="no image satisfies the program; the clean image does"):
        attack(two_steps(), Milp(solver=Liar(Solution(claim=Claim.INFEASIBLE))))


def test_a_solver_that_repeats_itself_is_a_failure() -> None:
    answer = Solution(claim=Claim.OPTIMAL, point=np.zeros(3), objective=0.0, bound=2.0)
    with pytest.raises(SolverFailure, match="its objective cannot be replayed"):
        attack(two_steps(), Milp(solver=Liar(answer)))


def test_an_optimum_without_a_bound_is_imprecise() -> None:
    answer = Solution(claim=Claim.OPTIMAL, point=np.zeros(3), objective=0.0)
    result = attack(two_steps(), Milp(solver=Liar(answer)))
    assert (result.verdict, result.stop) == (Verdict.UNKNOWN, Stop.IMPRECISE)
    assert result.bound == 2


@pytest.mark.parametrize("goal", list(SearchGoal))
def test_a_ball_below_the_solvers_tolerances_is_no_failure(goal: SearchGoal) -> None:
    image = np.array([0.27, 0.85])
    weight = np.array([[0, 1], [1, 1], [1, 0]], dtype=np.int8)
    hidden = SignLayer.dense(weight, weight @ image + np.array([4e-13, -1.4e-12, -7e-13]))
    output = OutputLayer(np.array([[1.0, -0.5, 0.25], [-1.0, 0.75, 0.5]]), np.ones(2), np.zeros(2))
    box = Problem.ball(BinaryNetwork((hidden,), output), image, epsilon=1e-12)
    problem = Problem(box.network, image, L1Ball(box.region, image, 1e-12), box.goal)
    result = attack(problem, Milp(goal=goal))
    assert result.bound is not None
    assert result.bound >= result.objective


def test_a_program_above_the_licence_is_refused() -> None:
    need_package("gurobipy", "Gurobi")
    rng = np.random.default_rng(0)
    hidden = SignLayer.dense(rng.choice([-1, 1], (5, 2100)), np.zeros(5))
    output = OutputLayer(rng.choice([-1, 1], (3, 5)), np.ones(3), np.zeros(3))
    problem = Problem.ball(
        BinaryNetwork((hidden,), output), rng.random(2100), epsilon=0.5, goal=Untargeted()
    )
    with pytest.raises(SettingError, match=r"more than Gurobi's licence allows .*another solver"):
        attack(problem, Milp(solver=Gurobi()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"goal": "best"}, "goal is 'best'; it must be one of decide, optimise"),
        ({"threads": 0}, "threads is 0; it must be at least 1"),
        ({"seed": -1}, "the seed is -1; it must be from 0 to 2000000000"),
        ({"seed": 2**31}, "the seed is 2147483648; it must be from 0 to 2000000000"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        make_method("milp", settings)


def test_settings_are_shown_and_frozen() -> None:
    method = Milp(threads=2)
    assert "solver=Highs(" in repr(method)
    assert replace(method, solver=Highs(tolerance=1e-9)) != method
    with pytest.raises(FrozenInstanceError):
        method.threads = 3  # type: ignore[misc]
