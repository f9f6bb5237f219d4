"""The exact method against brute force, exact linear programs, other methods, and its promises."""

import sys
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numba.core.dispatcher import Dispatcher

from signflip.attack import attack
from signflip.errors import SettingError
from signflip.methods.exact import Exact
from signflip.methods.fgsm import Fgsm
from signflip.methods.milp import Milp
from signflip.methods.search_goal import SearchGoal
from signflip.network import BinaryNetwork, Floats, OutputLayer, SignLayer
from signflip.problem import Box, Problem, Target, Untargeted
from signflip.programs import Gurobi
from signflip.result import AttackResult, Stop, Verdict
from tests.support.absent import need_package
from tests.support.close_call import close_call
from tests.support.grouped import grouped_optima, grouped_problem
from tests.support.oracle import exact_optimum, safe_optimum
from tests.support.problems import two_steps
from tests.support.random_problems import random_problem
from tests.support.strategies import problems
from tests.support.weights import weights_of
from tests.support.zoo import zoo_problems

seeds = st.integers(0, 2**32)
settled = st.builds(
    Exact,
    goal=st.sampled_from(SearchGoal),
    threads=st.sampled_from([1, 2]),
    annealing=st.sampled_from([0.0, 0.3]),
    # geometry asked at every pattern, at none, and as by default
    ask=st.sampled_from([0.0, 0.6]),
    gate=st.sampled_from([0.65, 1.0]),
)


def check(problem: Problem, method: Exact, result: AttackResult, optimum: Fraction) -> None:
    """Whatever the verdict, it does not contradict the optimum over all real points of the box."""
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
        assert result.bound == result.objective
    if result.stop is Stop.DECIDED:
        assert method.goal is SearchGoal.DECIDE
        assert result.verdict is not Verdict.UNKNOWN


def check_open(
    method: Exact, result: AttackResult, optimum: Fraction, safe: Fraction | None
) -> None:
    """What was left open is a pattern of real points that no image was found for.

    Args:
        method: the method.
        result: its result.
        optimum: over all real points.
        safe: over those that have some margin to all thresholds; None if there are none.
    """
    floor = Fraction(0) if method.goal is SearchGoal.DECIDE else Fraction(result.objective)
    assert optimum > floor
    assert result.bound == float(optimum)
    assert (result.verdict is Verdict.ROBUST) == (optimum <= 0)
    assert safe is None or float(safe) <= floor


@settings(max_examples=200)
@given(problem=problems(), method=settled)
def test_no_verdict_contradicts_brute_force(problem: Problem, method: Exact) -> None:
    result = attack(problem, method)
    check(problem, method, result, exact_optimum(problem).value)
    if result.stop is Stop.IMPRECISE:
        safe = safe_optimum(problem, close_call(problem))
        check_open(
            method, result, exact_optimum(problem).value, None if safe is None else safe.value
        )
    else:
        assert result.stop in (Stop.DECIDED, Stop.OPTIMAL)


@settings(max_examples=150)
@given(problem=problems(coarse=True), method=settled)
def test_nothing_is_left_open_where_float64_holds_all_corners(
    problem: Problem, method: Exact
) -> None:
    result = attack(problem, method)
    check(problem, method, result, exact_optimum(problem).value)
    assert result.stop in (Stop.DECIDED, Stop.OPTIMAL)


@settings(max_examples=150)
@given(seed=seeds, depth=st.integers(1, 4), method=settled)
def test_no_verdict_contradicts_brute_force_over_several_blocks(
    seed: int, depth: int, method: Exact
) -> None:
    rng = np.random.default_rng(seed)
    problem = grouped_problem(rng, int(rng.integers(7, 15)), depth)
    optima = grouped_optima(problem)
    result = attack(problem, method)
    check(problem, method, result, optima.exact)
    if result.stop is Stop.IMPRECISE:
        check_open(method, result, optima.exact, optima.safe)


def needle(
    rng: np.random.Generator, margin: float, neurons: int, inputs: int, depth: int
) -> tuple[Problem, Floats]:
    """A flip needs one pattern, which one corner of the box has by the margin; and that corner.

    With a margin below 0 no point has the pattern: the sum over the neurons says so.
    """
    image = np.where(rng.random(inputs) < 0.3, rng.integers(0, 2, inputs), rng.random(inputs))
    box = Box.ball(image, 0.1)
    weight = rng.choice([-1, 1], (neurons, inputs)).astype(np.int8)
    pattern = rng.choice([-1, 1], neurons)
    corner = np.where(pattern @ weight > 0, box.upper, box.lower)
    hidden = [SignLayer.dense(weight, weight @ corner - pattern * margin)]
    # the second layer's neuron is +1 iff all agree with the pattern
    hidden.append(SignLayer.dense(pattern[None], np.array([float(neurons)])))
    one = np.ones((1, 1), dtype=np.int8)
    hidden += [SignLayer.dense(one, np.array([0.5]))] * (depth - 2)
    output = OutputLayer(np.concatenate([-one, one]), np.ones(2), np.zeros(2))
    network = BinaryNetwork(tuple(hidden), output)
    if network.predict(image[None])[0] == 1:  # the image has the pattern: start from elsewhere
        image = np.where(corner == box.upper, box.lower, box.upper)
        assume(network.predict(image[None])[0] != 1)
    return Problem(network, image, box, Target(1)), corner


@settings(max_examples=60)
@given(
    seed=seeds,
    exponent=st.integers(-12, -3),
    neurons=st.integers(2, 5),
    inputs=st.sampled_from([2, 7, 50, 784]),
    depth=st.integers(2, 4),
)
def test_margins_of_both_signs(
    seed: int, exponent: int, neurons: int, inputs: int, depth: int
) -> None:
    for sign in (1, -1):
        rng = np.random.default_rng(seed)
        problem, corner = needle(rng, sign * 10.0**exponent, neurons, inputs, depth)
        result = attack(problem, Exact())
        if sign > 0:
            assert problem.replay(corner).flipped
            assert result.verdict is not Verdict.ROBUST
        else:
            assert result.verdict is not Verdict.FLIPPED
        if exponent >= -9:
            assert result.verdict is (Verdict.FLIPPED if sign > 0 else Verdict.ROBUST)


def one_neuron(threshold: float, *, image: float, epsilon: float) -> Problem:
    """A pixel whose flip needs it to reach the threshold."""
    first = SignLayer.dense(np.ones((1, 1), dtype=np.int8), np.array([threshold]))
    output = OutputLayer(np.array([[-1], [1]], dtype=np.int8), np.ones(2), np.zeros(2))
    return Problem.ball(BinaryNetwork((first,), output), [image], epsilon=epsilon)


@pytest.mark.parametrize("goal", SearchGoal)
@pytest.mark.parametrize(
    ("image", "epsilon", "top"), [(0.25, 0.25, 0.5), (0.5, 1.0, 1.0), (0.0, 5e-324, 5e-324)]
)
def test_a_threshold_at_the_end_of_the_box(
    goal: SearchGoal, image: float, epsilon: float, top: float
) -> None:
    at_end = attack(one_neuron(top, image=image, epsilon=epsilon), Exact(goal=goal))
    assert at_end.verdict is Verdict.FLIPPED
    beyond = one_neuron(np.nextafter(top, 2), image=image, epsilon=epsilon)
    assert attack(beyond, Exact(goal=goal)).verdict is Verdict.ROBUST


def twins(threshold: list[float], output: list[list[int]], *, opposite: bool) -> Problem:
    """Two pixels, and two neurons that read the same, or one of them the opposite."""
    weight = np.array([[1, 1], [-1, -1] if opposite else [1, 1]])
    network = BinaryNetwork(
        (SignLayer.dense(weight, np.array(threshold)),),
        OutputLayer(np.array(output), np.ones(2), np.array([2.0, 0.0])),
    )
    return Problem.ball(network, np.array([0.9, 0.9]), epsilon=1, goal=Untargeted())


@pytest.mark.parametrize("goal", SearchGoal)
def test_neurons_that_read_the_same(goal: SearchGoal) -> None:
    # a flip needs one to be +1 and the other -1
    same = attack(twins([1.0, 1.0], [[-1, 1], [1, -1]], opposite=False), Exact(goal=goal))
    assert same.verdict is Verdict.ROBUST
    # a flip needs the sum to be above 0.7 and below
    both = attack(twins([0.7, -0.7], [[1, 1], [-1, -1]], opposite=True), Exact(goal=goal))
    assert both.verdict is Verdict.ROBUST
    # a flip needs the sum to be exactly 0.7
    tight = attack(twins([0.7, -0.7], [[-1, -1], [1, 1]], opposite=True), Exact(goal=goal))
    assert tight.verdict is Verdict.FLIPPED
    assert sum(map(Fraction, tight.witness.tolist())) == Fraction(0.7)


@pytest.mark.parametrize("goal", SearchGoal)
@pytest.mark.parametrize("best", [2, 0, -2])
def test_an_open_leaf_is_the_bound(goal: SearchGoal, best: int) -> None:
    # both are -1 strictly between 0.75 and the next float, where no image is; else one of them is
    layer = SignLayer.dense(np.array([[-1], [1]]), np.array([-0.75, np.nextafter(0.75, 1)]))
    output = OutputLayer(np.array([[1, 1], [-1, -1]]), np.ones(2), np.array([4.0 - best, 0.0]))
    problem = Problem.ball(BinaryNetwork((layer,), output), [0.5], epsilon=0.4)
    result = attack(problem, Exact(goal=goal))
    check(problem, Exact(goal=goal), result, Fraction(best))
    assert result.objective == best - 4
    assert result.verdict is (Verdict.UNKNOWN if best > 0 else Verdict.ROBUST)
    settled = goal is SearchGoal.DECIDE and best <= 0
    assert result.stop is (Stop.DECIDED if settled else Stop.IMPRECISE)
    assert result.bound == (0 if settled else best)


def test_a_tie_is_no_flip() -> None:
    # up to 0.4 the objective of two_steps reaches 0
    steps = two_steps()
    problem = Problem.ball(steps.network, steps.image, epsilon=0.4)
    assert attack(problem, Exact()).verdict is Verdict.ROBUST
    result = attack(problem, Exact(goal=SearchGoal.OPTIMISE))
    assert (result.verdict, result.objective, result.bound) == (Verdict.ROBUST, 0.0, 0.0)


@pytest.mark.parametrize("goal", SearchGoal)
def test_nothing_to_change(goal: SearchGoal) -> None:
    rng = np.random.default_rng(0)
    point = random_problem(rng, inputs=9, widths=(9, 8, 7), classes=3, epsilon=0.0)
    masked = Problem.ball(point.network, point.image, epsilon=0.5, mask=np.zeros(9, dtype=np.bool_))
    first = point.network.hidden[0]
    constant = SignLayer.dense(weights_of(first), np.where(np.arange(9) % 2, 20.0, -20.0))
    network = BinaryNetwork((constant, *point.network.hidden[1:]), point.network.output)
    for problem in (point, masked, Problem.ball(network, point.image, epsilon=0.5)):
        result = attack(problem, Exact(goal=goal))
        assert result.verdict is Verdict.ROBUST
        assert result.bound == result.objective == result.clean_objective


def test_output_scales_of_any_size() -> None:
    base = random_problem(np.random.default_rng(4), inputs=12, widths=(8, 9), epsilon=0.3)
    optimum = attack(base, Exact(goal=SearchGoal.OPTIMISE)).objective
    assert optimum > base.clean.value
    for scale in (1e100, 1e-300, 2.0**-1074):
        output = OutputLayer(base.network.output.weight, np.full(2, scale), np.zeros(2))
        network = BinaryNetwork(base.network.hidden, output)
        problem = Problem(network, base.image, base.box, base.goal)
        result = attack(problem, Exact(goal=SearchGoal.OPTIMISE))
        assert result.stop is Stop.OPTIMAL
        assert result.objective == optimum * scale


@pytest.mark.parametrize("name", ["mnist-2x100", "fashion-3x100"])
def test_untargeted_is_the_best_of_all_targets(name: str) -> None:
    method = Exact(goal=SearchGoal.OPTIMISE)
    problem = zoo_problems(name, epsilon=0.003, count=1, goal=Untargeted())[0]
    best = max(
        attack(Problem(problem.network, problem.image, problem.box, Target(c)), method).objective
        for c in problem.rivals
    )
    result = attack(problem, method)
    assert result.stop is Stop.OPTIMAL
    assert result.objective == best


@pytest.mark.parametrize("name", ["mnist-2x100", "fashion-2x100"])
def test_it_agrees_with_the_milp(name: str) -> None:
    need_package("gurobipy", "Gurobi")
    for problem in zoo_problems(name, epsilon=0.002, count=3):
        result = attack(problem, Exact(goal=SearchGoal.OPTIMISE))
        milp = attack(problem, Milp(solver=Gurobi()))
        assert milp.stop is Stop.CLAIMED_OPTIMAL
        assert result.stop is Stop.OPTIMAL
        assert result.objective == milp.objective == milp.bound


@pytest.mark.parametrize("name", ["mnist-2x100", "fashion-2x200", "mnist-4x100"])
def test_it_is_never_below_a_gradient_attack(name: str) -> None:
    for problem in zoo_problems(name, epsilon=0.008, count=3):
        gradient = attack(problem, Fgsm(width=0.3, restarts=20))
        result = attack(problem, Exact(goal=SearchGoal.OPTIMISE), time_limit=0.5)
        assert result.bound is not None
        assert result.bound >= gradient.objective
        if result.stop is Stop.OPTIMAL:
            assert result.objective >= gradient.objective
        # the search goes on from another method's witness
        warm = attack(problem, Exact(), start=gradient.witness, time_limit=0.5)
        assert warm.objective >= gradient.objective


def test_the_decision_is_that_of_the_optimum() -> None:
    for problem in zoo_problems("fashion-2x100", epsilon=0.01, count=8):
        optimum = attack(problem, Exact(goal=SearchGoal.OPTIMISE))
        decision = attack(problem, Exact())
        assert optimum.verdict is decision.verdict is not Verdict.UNKNOWN
        assert decision.bound is not None
        assert decision.bound >= optimum.objective


def test_the_time_limit_holds_and_a_bound_remains() -> None:
    problem = zoo_problems("mnist-2x500", epsilon=0.03, count=1)[0]
    Exact().prepare()
    for limit, threads in ((0.0, 1), (0.5, 1), (0.5, 2)):
        result = attack(problem, Exact(goal=SearchGoal.OPTIMISE, threads=threads), time_limit=limit)
        assert result.stop is Stop.TIME_LIMIT
        assert result.bound is not None
        assert result.bound >= result.objective
        # promised are 0.2 s; the rest is for a machine that has other things to do
        assert result.seconds < limit + 1


def compiled_functions(*rooms: str) -> dict[str, Any]:
    """What Python calls of the compiled functions of these rooms, as far as they are imported."""
    return {
        f"{module}.{name}": value
        for module, loaded in list(sys.modules.items())
        if module.startswith(tuple(f"signflip.{room}." for room in rooms))
        for name, value in vars(loaded).items()
        if isinstance(value, Dispatcher)
        and value.py_func.__module__ == module
        and not value.targetoptions["no_cpython_wrapper"]
    }


def test_no_problem_needs_code_that_is_not_prepared() -> None:
    Exact().prepare()
    kernels = compiled_functions("patterns", "walk", "exact")
    prepared = {name: len(kernel.signatures) for name, kernel in kernels.items()}
    rng = np.random.default_rng(0)
    for widths in ((1,), (9,), (9, 1), (9, 8), (9, 8, 7)):
        for plain in (True, False):
            problem = random_problem(
                rng, inputs=12, widths=widths, classes=3, plain=plain, epsilon=0.5
            )
            attack(problem, Exact())
    for name in ("mnist-2x100", "mnist-3x100", "mnist-2x500"):
        for problem in zoo_problems(name, epsilon=0.01, count=1):
            attack(problem, Exact(), time_limit=2)
    assert {name: len(kernel.signatures) for name, kernel in kernels.items()} == prepared
    assert sum(prepared.values()) > 10


def test_improvements_are_told_as_they_come() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.01, count=1)[0]
    told: list[tuple[float, float]] = []

    def tell(seconds: float, objective: float, image: Floats) -> None:
        assert problem.box.contains(image)
        assert problem.objectives(image[None])[0] == objective
        told.append((seconds, objective))

    result = attack(problem, Exact(goal=SearchGoal.OPTIMISE), on_improvement=tell)
    assert told == list(result.trace[1:])
    assert [objective for _, objective in told] == sorted({objective for _, objective in told})
    assert told[-1][1] == result.objective > result.clean_objective


def test_the_same_input_gives_the_same_answer() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.01, count=1)[0]
    method = Exact(goal=SearchGoal.OPTIMISE, annealing=0.0)
    one, other = attack(problem, method), attack(problem, method)
    np.testing.assert_array_equal(one.witness, other.witness)
    shared = attack(problem, Exact(goal=SearchGoal.OPTIMISE, threads=2))
    assert one.objective == other.objective == shared.objective
    assert one.bound == other.bound == shared.bound


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"threads": 0}, "threads is 0; it must be at least 1"),
        ({"joint": "no"}, "joint is 'no'; it must be True or False"),
        ({"annealing": 1.5}, "annealing is 1.5; it must be from 0 to 1"),
        ({"ask": float("nan")}, "ask is nan and gate 0.65; they must rise from 0 to 1"),
        ({"ask": 0.7}, "ask is 0.7 and gate 0.65; they must rise from 0 to 1"),
        ({"goal": "best"}, "goal is 'best'; it must be one of decide, optimise"),
    ],
)
def test_bad_settings_are_refused(bad: Mapping[str, float], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Exact(**bad)  # type: ignore[arg-type]
