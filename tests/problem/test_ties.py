"""Each rule of ties, by every method, against brute force."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import attack
from signflip.closest import minimise_perturbation
from signflip.errors import ProblemError
from signflip.methods import Exact, Fgsm, IProp, Milp
from signflip.methods.search_goal import SearchGoal
from signflip.min_epsilon import min_epsilon
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.problem import Box, Norm, Problem, Standing, Target, Ties, Untargeted
from signflip.programs import Solver
from signflip.result import Stop, Verdict
from tests.support.oracle import patterns
from tests.support.problems import two_steps
from tests.support.reference import (
    reference_flips,
    reference_values,
    reference_values_of_pattern,
)
from tests.support.solvers import each_solver
from tests.support.strategies import images, networks, problems

goals = st.sampled_from(SearchGoal)
tied_problems = problems(
    network=networks(max_first=4, max_above=4, plain=True) | networks(max_first=4, coarse=True),
    ties=st.sampled_from([Ties.FLIP, Ties.PREDICT]),
)
coarse_problems = problems(
    network=networks(max_first=4, max_above=4, coarse=True, plain=True),
    coarse=True,
    ties=st.sampled_from(Ties),
)


def some_image_flips(problem: Problem) -> bool:
    """Whether a real point of the box flips, by going through all patterns."""
    return any(
        reference_flips(problem, reference_values_of_pattern(problem.network, pattern))
        for pattern, _ in patterns(problem.network, problem.box)
    )


@given(problems(ties=st.sampled_from(Ties)), st.data())
def test_a_replay_follows_the_rule(problem: Problem, data: st.DataObject) -> None:
    image = problem.box.clip(data.draw(images(problem.network.inputs)))
    values = reference_values(problem.network, image.tolist())
    replay = problem.replay(image)
    assert replay.flipped == reference_flips(problem, values)
    if problem.ties is Ties.PREDICT and problem.target is None:
        assert replay.flipped == (
            int(problem.network.predict(image[None])[0]) != problem.prediction
        )
    score = problem.scores(image[None])[0]
    if problem.network.output.plain:
        assert score == replay.standing.score


@settings(max_examples=100)
@given(problem=tied_problems, goal=goals)
def test_exact_agrees_with_brute_force(problem: Problem, goal: SearchGoal) -> None:
    result = attack(problem, Exact(goal=goal))
    replay = problem.replay(result.witness)
    flips = some_image_flips(problem)
    assert (result.verdict is Verdict.FLIPPED) == replay.flipped
    if result.stop is Stop.IMPRECISE:
        assert result.verdict is not Verdict.ROBUST or not flips
    else:
        assert result.verdict is (Verdict.FLIPPED if flips else Verdict.ROBUST)
    if replay.flipped:
        assert flips


@each_solver
@settings(max_examples=15)
@given(problem=coarse_problems, goal=goals)
def test_the_milp_agrees_with_exact(solver: Solver, problem: Problem, goal: SearchGoal) -> None:
    proved = attack(problem, Exact())
    result = attack(problem, Milp(goal=goal, solver=solver))
    assert (result.verdict is Verdict.FLIPPED) == problem.replay(result.witness).flipped
    if result.stop is not Stop.IMPRECISE and proved.stop is not Stop.IMPRECISE:
        assert result.verdict is (
            Verdict.FLIPPED if proved.verdict is Verdict.FLIPPED else Verdict.UNKNOWN
        )


@settings(max_examples=25)
@given(problem=coarse_problems, method=st.sampled_from([Fgsm(restarts=3), IProp()]))
def test_heuristics_find_only_flips(problem: Problem, method: Fgsm | IProp) -> None:
    result = attack(problem, method)
    values = reference_values(problem.network, result.witness.tolist())
    assert (result.verdict is Verdict.FLIPPED) == reference_flips(problem, values)
    if result.verdict is Verdict.FLIPPED:
        assert some_image_flips(problem)


@settings(max_examples=20, deadline=None)
@given(problem=coarse_problems)
def test_the_smallest_perturbation_flips_by_the_rule(problem: Problem) -> None:
    flips = some_image_flips(problem)
    enclosed = min_epsilon(problem, tolerance=0.01)
    if enclosed.flip is not None:
        assert problem.replay(enclosed.witness).flipped
    if enclosed.stop is Stop.DECIDED:
        assert enclosed.verdict is (Verdict.FLIPPED if flips else Verdict.ROBUST)
    nearest = minimise_perturbation(problem, norm=Norm.L1)
    if nearest.flip is not None:
        assert problem.replay(nearest.witness).flipped
    elif nearest.stop is Stop.CLAIMED_OPTIMAL:
        assert not flips


def test_a_tie_known_by_heart() -> None:
    # at 1.0 the classes swap places: halve the gain, so that they are level there
    hidden = SignLayer.dense(np.ones((2, 1), dtype=np.int8), np.array([0.5, -3.0]))
    for prediction in (0, 1):
        weight = np.array([[-1, 1], [1, 1]], dtype=np.int8)
        bias = np.array([0.0, -2.0])
        if prediction == 1:
            weight, bias = weight[::-1], bias[::-1]
        network = BinaryNetwork((hidden,), OutputLayer(weight, np.ones(2), bias))
        verdicts = {
            ties: attack(Problem.ball(network, [0.0], epsilon=1, ties=ties), Exact()).verdict
            for ties in Ties
        }
        assert verdicts[Ties.NONE] is Verdict.ROBUST
        assert verdicts[Ties.FLIP] is Verdict.FLIPPED
        # the lower class wins a tie
        assert verdicts[Ties.PREDICT] is (Verdict.ROBUST if prediction == 0 else Verdict.FLIPPED)


def test_an_image_that_is_tied_flips_unchanged_where_ties_do() -> None:
    hidden = SignLayer.dense(np.ones((1, 1), dtype=np.int8), np.array([-3.0]))
    weight = np.ones((2, 1), dtype=np.int8)
    network = BinaryNetwork((hidden,), OutputLayer(weight, np.ones(2), np.zeros(2)))
    problem = Problem.ball(network, [0.5], epsilon=0.1, ties="flip")
    assert problem.clean.standing == Standing(Fraction(0), flipped=True)
    for method in (Exact(), Milp(), Milp(goal=SearchGoal.DECIDE), Fgsm(), IProp()):
        assert attack(problem, method).verdict is Verdict.FLIPPED
    assert min_epsilon(problem).distance == 0
    assert minimise_perturbation(problem).distance == 0
    calm = Problem.ball(network, [0.5], epsilon=0.1, ties="predict")
    assert attack(calm, Exact()).verdict is Verdict.ROBUST


def test_a_rule_that_is_none_is_refused() -> None:
    with pytest.raises(ProblemError, match="ties is 'sometimes'; it must be one of 'none', 'flip'"):
        Problem.ball(two_steps().network, [0.0], epsilon=1, ties="sometimes")


def test_the_rivals_that_need_only_be_level() -> None:
    weight = np.array([[-1], [-1], [1], [-1]], dtype=np.int8)
    hidden = SignLayer.dense(np.ones((1, 1), dtype=np.int8), np.array([-3.0]))
    network = BinaryNetwork((hidden,), OutputLayer(weight, np.ones(4), np.zeros(4)))
    box = Box.ball([0.5], 0.1)

    def tied(ties: Ties, goal: Untargeted | Target) -> tuple[int, ...]:
        return Problem(network, np.array([0.5]), box, goal, ties).tied_rivals

    assert tied(Ties.NONE, Untargeted()) == ()
    assert tied(Ties.FLIP, Untargeted()) == (0, 1, 3)
    assert tied(Ties.PREDICT, Untargeted()) == (0, 1)
    assert tied(Ties.PREDICT, Target(3)) == ()
    assert tied(Ties.FLIP, Target(3)) == (3,)
