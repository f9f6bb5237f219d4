from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import attack
from signflip.errors import SettingError
from signflip.methods.exact import Exact
from signflip.methods.fgsm import Fgsm
from signflip.methods.search_goal import SearchGoal
from signflip.methods.walk import Walk
from signflip.problem import Problem, Untargeted
from signflip.result import Stop, Verdict
from tests.support.map_strategies import mapped_networks
from tests.support.oracle import exact_optimum
from tests.support.problems import two_steps
from tests.support.random_problems import random_problem, with_copies
from tests.support.strategies import problems
from tests.support.zoo import zoo_problems

OPTIMISE = SearchGoal.OPTIMISE


@settings(max_examples=100)
@given(problems() | problems(network=mapped_networks()), st.sampled_from(SearchGoal))
def test_it_ends_between_what_is_safe_and_the_optimum(problem: Problem, goal: SearchGoal) -> None:
    result = attack(problem, Walk(goal=goal, moves=400))
    replay = problem.replay(result.witness)
    assert replay.inside
    assert float(replay.value) == result.objective >= result.clean_objective
    optimum = exact_optimum(problem).value
    assert replay.value <= optimum
    assert result.verdict is (
        Verdict.FLIPPED
        if replay.flipped
        else Verdict.ROBUST
        if result.stop is Stop.OPTIMAL and replay.value <= 0
        else Verdict.UNKNOWN
    )
    if result.stop is Stop.OPTIMAL:
        assert replay.value == optimum


@pytest.mark.parametrize("widths", [(14,), (14, 12), (14, 12, 12), (12, 12, 12, 12, 30)])
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("copies", [True, False])
def test_it_comes_near_the_proved_optimum(
    widths: tuple[int, ...], plain: bool, copies: bool
) -> None:
    shares = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        problem = random_problem(rng, inputs=40, widths=widths, classes=3, plain=plain, epsilon=0.2)
        if copies:
            problem = with_copies(rng, problem, moved=False)
        best = attack(problem, Exact(goal=OPTIMISE))
        result = attack(problem, Walk(goal=OPTIMISE, moves=10_000))
        assert best.stop is Stop.OPTIMAL
        assert result.objective <= best.objective
        gain = best.objective - best.clean_objective
        shares.append((result.objective - result.clean_objective) / gain if gain else 1.0)
    # beside negations the optimum may stand at a threshold itself, where no walk looks
    assert np.mean(shares) >= (0.8 if copies else 0.85)


def test_it_flips_where_the_papers_attack_does_not() -> None:
    images = zoo_problems("fashion-3x100", epsilon=0.02, count=5)
    walked = [attack(problem, Walk(moves=60_000)) for problem in images]
    stepped = [attack(problem, Fgsm()) for problem in images]
    flips = [
        sum(result.verdict is Verdict.FLIPPED for result in results)
        for results in (walked, stepped)
    ]
    assert flips[0] > flips[1]
    assert all(
        result.stop is (Stop.DECIDED if result.objective > 0 else Stop.BUDGET) for result in walked
    )


def test_only_pixels_of_the_mask_change() -> None:
    whole = zoo_problems("mnist-3x100", epsilon=0.1, count=1)[0]
    mask = np.arange(784) % 3 == 0
    problem = Problem.ball(whole.network, whole.image, epsilon=0.1, mask=mask)
    result = attack(problem, Walk(goal=OPTIMISE, moves=5000))
    assert result.objective > result.clean_objective
    np.testing.assert_array_equal(result.witness[~mask], problem.image[~mask])


def test_untargeted_is_no_worse_than_the_second_class() -> None:
    (targeted,) = zoo_problems("mnist-3x100", epsilon=0.01, count=1)
    (any_class,) = zoo_problems("mnist-3x100", epsilon=0.01, count=1, goal=Untargeted())
    one = attack(targeted, Walk(goal=OPTIMISE, moves=4000))
    other = attack(any_class, Walk(goal=OPTIMISE, moves=30_000))
    assert other.objective >= one.objective > one.clean_objective


@pytest.mark.parametrize("goal", SearchGoal)
def test_the_same_seed_gives_the_same_answer(goal: SearchGoal) -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.01, count=2)[1]
    one, other = (attack(problem, Walk(goal=goal, moves=9000, seed=3)) for _ in range(2))
    np.testing.assert_array_equal(one.witness, other.witness)
    assert [value for _, value in one.trace] == [value for _, value in other.trace]


def test_it_goes_on_from_a_warm_start() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.01, count=1)[0]
    start = attack(problem, Fgsm(width=0.3, restarts=8)).witness
    at_start = problem.replay(start).value
    result = attack(problem, Walk(goal=OPTIMISE, moves=300), start=start)
    assert result.objective > at_start
    cold = attack(problem, Walk(goal=OPTIMISE, moves=300))
    assert not np.array_equal(result.witness, cold.witness)


def test_a_flip_to_start_from_decides() -> None:
    steps = two_steps()
    start = steps.box.upper
    assert steps.replay(start).flipped
    result = attack(steps, Walk(), start=start, time_limit=10)
    assert (result.stop, result.trace[-1][1]) == (Stop.DECIDED, result.objective)


def test_it_stops_when_the_time_is_out() -> None:
    problem = zoo_problems("mnist-2x500", epsilon=0.01, count=1)[0]
    Walk().prepare()
    for limit in (0.0, 0.2):
        result = attack(problem, Walk(goal=OPTIMISE), time_limit=limit)
        assert result.stop is Stop.TIME_LIMIT
        assert result.bound is None
        assert result.seconds < limit + 1  # for a machine that has other things to do


def test_a_search_without_an_end_is_refused() -> None:
    with pytest.raises(SettingError, match="the attack may never end: set one of the two"):
        attack(two_steps(), Walk())


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"moves": 0}, "moves is 0; it must be at least 1, or None"),
        ({"seed": -1}, "the seed is -1; it must be 0 or more"),
        ({"goal": "best"}, "goal is 'best'; it must be one of decide, optimise"),
    ],
)
def test_bad_settings_are_refused(bad: Mapping[str, int], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Walk(**bad)  # type: ignore[arg-type]
