from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import Outcome, attack
from signflip.errors import SettingError
from signflip.methods import auto as module
from signflip.methods import exact
from signflip.methods.auto import Auto
from signflip.methods.exact import Exact
from signflip.methods.fgsm import Fgsm
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem, Untargeted
from signflip.result import Stop, Verdict
from signflip.search import Search
from tests.support.map_strategies import mapped_networks
from tests.support.oracle import exact_optimum
from tests.support.random_problems import random_problem
from tests.support.strategies import problems
from tests.support.zoo import zoo_problems

PARTS = {"intervals", "walk", "gradient", "exact"}


@settings(max_examples=25)
@given(problems() | problems(network=mapped_networks()), st.sampled_from(SearchGoal))
def test_no_verdict_contradicts_brute_force(problem: Problem, goal: SearchGoal) -> None:
    result = attack(problem, Auto(goal=goal))
    optimum = exact_optimum(problem).value
    replay = problem.replay(result.witness)
    assert replay.inside
    assert replay.value <= optimum
    assert (result.verdict is Verdict.FLIPPED) == replay.flipped
    if result.verdict is Verdict.ROBUST:
        assert optimum <= 0
        assert result.found_by in {"intervals", "exact"}
    if result.verdict is Verdict.FLIPPED:
        assert result.found_by in PARTS
    if result.stop is Stop.OPTIMAL:
        assert replay.value == optimum


def test_intervals_prove_what_they_can_at_once() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=1e-4, count=1)[0]
    result = attack(problem, Auto())
    assert (result.verdict, result.found_by) == (Verdict.ROBUST, "intervals")
    assert result.bound is not None
    assert result.bound <= 0


def test_the_walk_flips_and_the_exact_search_proves(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the walk before the search, as where there are many unstable neurons."""
    monkeypatch.setattr(module, "SMALL", 0)
    found = [
        attack(problem, Auto(), time_limit=20)
        for problem in zoo_problems("fashion-2x100", epsilon=0.01, count=8)
    ]
    assert {result.verdict for result in found} == {Verdict.FLIPPED, Verdict.ROBUST}
    for result in found:
        if result.verdict is Verdict.FLIPPED:
            assert result.found_by in {"walk", "gradient", "exact"}
    parts = {result.found_by for result in found}
    assert {"walk", "exact"} <= parts


def test_the_optimum_is_that_of_the_exact_method() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.006, count=1)[0]
    method = Auto(goal=SearchGoal.OPTIMISE)
    result = attack(problem, method, time_limit=60)
    assert result.stop is Stop.OPTIMAL
    assert result.objective == attack(problem, Exact(goal=SearchGoal.OPTIMISE)).objective


def test_the_larger_the_problem_the_more_time_the_walk_gets() -> None:
    shares = [module._walk_share(size) for size in (1, 80, 81, 200, 201, 5000)]
    assert shares == sorted(shares)
    assert shares[0] < shares[2] < shares[-1] < 1


def test_a_vast_problem_is_guided_s_first_and_then_ends_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "VAST", 0)
    monkeypatch.setattr(module, "TREE_SIZES", ())  # as if all were hopeless
    granted = list[float]()
    guided = Auto._guided

    def noted(self: Auto, run: Search, seconds: float) -> None:
        granted.append(seconds)
        if np.isinf(seconds):
            guided(self, run, seconds)

    monkeypatch.setattr(Auto, "_guided", noted)
    problem = zoo_problems("mnist-2x500", epsilon=0.03, count=1)[0]
    assert attack(problem, Auto()).found_by == "gradient"
    asked = 0
    for robust in zoo_problems("fashion-2x100", epsilon=0.005, count=3):
        for limit in (None, 60.0):
            granted.clear()
            assert attack(robust, Auto(), time_limit=limit).verdict is Verdict.ROBUST
            share = np.inf if limit is None else module.VAST_SHARE * limit
            assert all(seconds == pytest.approx(share, rel=0.2) for seconds in granted)
            asked += len(granted)
    assert asked > 0


def test_wide_layers_behind_two_count_as_a_larger_problem() -> None:
    rng = np.random.default_rng(0)
    for upper, times in (([400], 1), ([1000], 1), ([200, 200], 1), ([400, 600], 2.5)):
        problem = random_problem(rng, inputs=12, widths=[30, *upper])
        space = PatternSpace.of(problem)
        assert space.size > 0
        assert module._tree_size(space) == times * space.size


def test_a_gradient_takes_the_first_steps_where_the_search_is_hopeless() -> None:
    wide = zoo_problems("mnist-2x500", epsilon=0.03, count=1)[0]
    small = zoo_problems("fashion-2x100", epsilon=0.03, count=3)[2]
    for problem, parts in ((wide, {"gradient"}), (small, {"walk", "exact"})):
        assert attack(problem, module.FIRST_STEPS).verdict is Verdict.FLIPPED
        result = attack(problem, Auto(), time_limit=60)
        assert result.verdict is Verdict.FLIPPED
        assert result.found_by in parts


def test_the_exact_method_has_two_parts_and_others_none() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.01, count=1)[0]
    assert attack(problem, Exact()).found_by in {"walk", "exact"}
    assert attack(problem, Fgsm()).found_by is None


def test_it_stops_when_the_time_is_out() -> None:
    problem = zoo_problems("mnist-2x500", epsilon=0.01, count=1)[0]
    Auto().prepare()
    for limit in (0.0, 0.3):
        result = attack(problem, Auto(goal=SearchGoal.OPTIMISE), time_limit=limit)
        assert result.stop is Stop.TIME_LIMIT
        assert result.bound is not None
        assert result.seconds >= limit


def test_it_walks_on_where_the_search_has_no_time_to_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on wide networks, whose tables take longer than there is time."""
    problem = zoo_problems("mnist-2x500", epsilon=0.01, count=1)[0]
    late = Outcome(Stop.TIME_LIMIT, remark="Writing tables takes longer than there is time.")
    monkeypatch.setattr(Exact, "settle", lambda *_: late)
    Auto().prepare()
    result = attack(problem, Auto(goal=SearchGoal.OPTIMISE), time_limit=0.3)
    assert (result.stop, result.remark) == (late.stop, late.remark)
    assert result.seconds >= 0.3
    assert result.found_by in {"walk", "gradient"}


def test_what_is_too_wide_for_the_search_is_attacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "MOST_DEEP", 50)
    problems = zoo_problems("mnist-3x100", epsilon=0.03, count=4)
    assert all(Exact().refuses(problem) is not None for problem in problems)
    found = [attack(problem, Auto(), time_limit=2) for problem in problems]
    flips = [result for result in found if result.verdict is Verdict.FLIPPED]
    assert len(flips) > 0
    assert {result.found_by for result in flips} == {"gradient"}
    for result in found:
        assert result.verdict is not Verdict.ROBUST
        assert result.bound is not None
        assert result.bound >= result.objective
    without_limit = attack(problems[0], Auto(goal=SearchGoal.OPTIMISE))
    assert without_limit.stop is Stop.BUDGET
    still = zoo_problems("mnist-3x100", epsilon=1e-4, count=1)[0]
    assert attack(still, Auto()).verdict is Verdict.ROBUST  # by intervals


def test_without_unstable_neurons_there_is_one_pattern() -> None:
    point = random_problem(np.random.default_rng(0), inputs=9, widths=(9, 8), epsilon=0.0)
    result = attack(point, Auto())
    assert (result.verdict, result.stop) == (Verdict.ROBUST, Stop.OPTIMAL)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"threads": 0}, "threads is 0; it must be at least 1"),
        ({"seed": -1}, "the seed is -1; it must be 0 or more"),
        ({"goal": "best"}, "goal is 'best'; it must be one of decide, optimise"),
    ],
)
def test_bad_settings_are_refused(bad: Mapping[str, int], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Auto(**bad)  # type: ignore[arg-type]


def test_bits_of_pixels_are_searched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their search takes any number of them: nothing else is tried before it."""

    def fails(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Auto, "_walk", fails)
    monkeypatch.setattr(Auto, "_gradient", fails)
    goal = Untargeted()
    most = 0
    for problem in zoo_problems("fashion-vote-0.1", epsilon=0.1, count=6, goal=goal):
        space = PatternSpace.of(problem)
        result = attack(problem, Auto(), time_limit=0.5)
        most = max(most, space.size if result.verdict is Verdict.ROBUST else 0)
    assert most > module.SMALL
