"""What holds for every gradient attack, and for Square, which has the same settings of a search."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import Method, attack
from signflip.errors import SettingError
from signflip.methods import Apgd, Fgsm, Guided, Pgd, Square
from signflip.methods.losses import Scaling
from signflip.methods.search_goal import SearchGoal
from signflip.methods.surrogate import Slope
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.problem import Box, Goal, Problem, Target, Untargeted
from signflip.result import Stop, Verdict
from tests.support.map_strategies import mapped_networks
from tests.support.oracle import exact_optimum
from tests.support.problems import two_steps
from tests.support.strategies import problems
from tests.support.zoo import zoo_problems

FEW: Mapping[str, Method] = {
    "pgd": Pgd(iterations=8, restarts=6),
    "straight-through": Pgd(iterations=8, restarts=6, slope=Slope.STRAIGHT_THROUGH),
    "momentum": Pgd(iterations=8, restarts=6, momentum=0.75),
    "njs": Pgd(iterations=8, restarts=6, scaling=Scaling.JACOBIAN),
    "hns": Pgd(iterations=8, restarts=6, scaling=Scaling.HESSIAN),
    "apgd": Apgd(iterations=8, restarts=6),
    "apgd on ramps": Apgd(iterations=8, restarts=6, slope=Slope.RAMP),
    "square": Square(queries=40, restarts=2),
    "guided": Guided(iterations=8, restarts=6, patience=20),
}
KINDS = (Fgsm, Pgd, Apgd, Square, Guided)


@settings(max_examples=40)
@given(problems() | problems(network=mapped_networks()), st.sampled_from(list(FEW)))
def test_none_exceeds_the_optimum(problem: Problem, name: str) -> None:
    result = attack(problem, FEW[name])
    replay = problem.replay(result.witness)
    assert replay.inside
    assert float(replay.value) == result.objective >= result.clean_objective
    assert replay.value <= exact_optimum(problem).value
    assert result.bound is None


@settings(max_examples=20)
@given(problems() | problems(network=mapped_networks()), st.sampled_from(list(FEW)))
def test_the_same_seed_gives_the_same_answer(problem: Problem, name: str) -> None:
    one, other = attack(problem, FEW[name]), attack(problem, FEW[name])
    np.testing.assert_array_equal(one.witness, other.witness)
    assert [value for _, value in one.trace] == [value for _, value in other.trace]


@pytest.mark.parametrize(
    "method",
    [
        Pgd(iterations=40, restarts=4),
        Pgd(iterations=40, restarts=4, momentum=0.75),
        Pgd(iterations=40, restarts=4, scaling=Scaling.JACOBIAN),
        Pgd(iterations=40, restarts=4, scaling=Scaling.HESSIAN),
        Apgd(iterations=40, restarts=4),
        Guided(iterations=40, restarts=4, patience=40),
        Square(queries=4_000, restarts=1),  # each a small part of a step
    ],
    ids=repr,
)
def test_on_a_real_network_it_flips_as_much_as_fgsm_at_equal_steps(method: Method) -> None:
    cases = zoo_problems("fashion-3x100", epsilon=0.02, count=8)
    fgsm = [attack(case, Fgsm(iterations=40, restarts=4)) for case in cases]
    ours = [attack(case, method) for case in cases]
    flips = [sum(r.verdict is Verdict.FLIPPED for r in results) for results in (ours, fgsm)]
    assert flips[0] >= flips[1] > 0
    if not isinstance(method, Square):
        assert sum(r.objective for r in ours) > sum(r.objective for r in fgsm)


@pytest.mark.parametrize("goal", [None, Target(0), Untargeted()])
@pytest.mark.parametrize("name", FEW)
def test_goals_and_masks(name: str, goal: Goal | None) -> None:
    whole = zoo_problems("mnist-3x30", epsilon=0.05, count=1)[0]
    mask = np.arange(len(whole.image)) % 3 > 0
    box = Box.ball(whole.image, 0.05, mask)
    problem = Problem(whole.network, whole.image, box, goal)
    result = attack(problem, FEW[name])
    np.testing.assert_array_equal(result.witness[~mask], whole.image[~mask])
    assert result.objective > result.clean_objective


@pytest.mark.parametrize("kind", [Pgd, Apgd, Square, Guided])
def test_to_decide_ends_with_the_first_flip(kind: Any) -> None:
    result = attack(two_steps(), kind(goal="decide", restarts=None), time_limit=60)
    assert (result.verdict, result.stop) == (Verdict.FLIPPED, Stop.DECIDED)


@pytest.mark.parametrize("kind", [Pgd, Apgd, Square, Guided])
def test_it_starts_from_the_warm_start(kind: Any) -> None:
    problem = two_steps()
    start = np.array([0.75])  # of objective 2
    result = attack(problem, kind(restarts=1), start=start)
    assert result.trace[1][1] == 2
    # and a chain or climb that starts there ends there
    few = {"queries": 1} if kind is Square else {"iterations": 1}
    assert attack(problem, kind(restarts=1, **few), start=start).objective == 2


@pytest.mark.parametrize("kind", KINDS)
def test_it_stops_when_the_time_is_out(kind: Any) -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.01, count=1)[0]
    result = attack(problem, kind(restarts=None), time_limit=0.2)
    assert result.stop is Stop.TIME_LIMIT


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_when_its_budget_is_used(kind: Any) -> None:
    few = {"queries": 3} if kind is Square else {"iterations": 3}
    assert attack(two_steps(), kind(restarts=2, **few)).stop is Stop.BUDGET


@pytest.mark.parametrize("kind", KINDS)
def test_endless_restarts_need_a_time_limit(kind: Any) -> None:
    with pytest.raises(SettingError, match="restarts is None and there is no time limit"):
        attack(two_steps(), kind(restarts=None))


@pytest.mark.parametrize("kind", [Fgsm, Pgd])
def test_where_the_gradient_is_0_it_climbs_all_the_same(kind: Any) -> None:
    # one neuron, so far from its threshold that it is off every ramp of these widths
    hidden = SignLayer.dense(np.ones((1, 4), dtype=np.int8), np.array([3.9]))
    output = OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2))
    problem = Problem.ball(BinaryNetwork((hidden,), output), np.full(4, 0.5), epsilon=0.5)
    narrow = {} if kind is Fgsm else {"last_width": 0.01}
    result = attack(problem, kind(width=0.01, iterations=30, restarts=1, **narrow))
    assert result.verdict is Verdict.FLIPPED


@pytest.mark.parametrize(
    ("kind", "bad", "message"),
    [
        (Pgd, {"step": 0.0}, "the step is 0.0; it must be above 0"),
        (Pgd, {"momentum": 1.5}, "the momentum is 1.5; it must be from 0 to 1"),
        (Pgd, {"last_width": 0.0}, "the surrogate's width is 0.0; it must be from 1e-6"),
        (Pgd, {"scaling": "hsn"}, "the scaling is 'hsn'; it must be 'njs' or 'hns'"),
        (Pgd, {"slope": "soft"}, "the slope is 'soft'; it must be 'ramp' or"),
        (Apgd, {"iterations": 0}, "iterations is 0; it must be at least 1"),
        (Apgd, {"width": float("nan")}, "the surrogate's width is nan; it must be from 1e-6"),
        (Apgd, {"goal": "prove"}, "goal is 'prove'; it must be one of"),
        (Square, {"share": 0.0}, "the share is 0.0; it must be above 0 and at most 1"),
        (Square, {"queries": 0}, "queries is 0; it must be at least 1"),
        (Square, {"restarts": 0}, "restarts is 0; it must be at least 1, or None"),
        (Square, {"seed": -1}, "the seed is -1; it must be 0 or more"),
    ],
)
def test_bad_settings_are_refused(kind: Any, bad: Mapping[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        kind(**bad)


def test_goals_may_be_given_by_name() -> None:
    assert Pgd(goal="decide").goal is SearchGoal.DECIDE  # type: ignore[arg-type]
