"""Neighbourhoods of the best image: all their patterns are searched, and what is found counts."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import attack
from signflip.clock import Clock
from signflip.exact import around as around_module
from signflip.exact.around import (
    NEAR_SHARE,
    OTHERS,
    PATIENCE,
    SHARE,
    TOGGLES,
    Around,
)
from signflip.exact.frames import Rules, begin, fresh_sets
from signflip.exact.geometry import geometry_of
from signflip.exact.planting import plant
from signflip.exact.rows import rows_of
from signflip.exact.sets import advance_sets
from signflip.exact.upper import set_incumbent, upper_of
from signflip.methods import Exact
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem
from signflip.run import Run
from tests.exact.test_kernel import NO_GEOMETRY, Leaf, better
from tests.support.random_problems import random_problem

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=15)
@given(seeds, st.sampled_from([-20, -4, 0, 4]).map(Fraction), st.integers(0, 4))
def test_a_neighbourhood_has_all_sets_with_its_flips(
    seed: int, floor: Fraction, flips: int
) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=30, widths=(10, 40), classes=3, epsilon=0.3)
    space = PatternSpace.of(problem)
    if space.size < 5:
        return
    upper, geometry = upper_of(problem), geometry_of(space, NO_GEOMETRY, NO_GEOMETRY)
    set_incumbent(upper, problem, floor)
    rows, sums = rows_of(space)
    rules = Rules()
    state = fresh_sets(geometry, rows, sums, rules)
    for _ in range(2):  # a state may be begun anew
        order = rng.permutation(space.size)
        fixed, loose = order[:flips], np.sort(order[flips : flips + 6])
        begin(state, rows, sums, np.concatenate([fixed, loose]))
        found: list[Leaf] = []
        if plant(geometry, rows, upper.need, rules, state, len(fixed)):
            while state.top[0] >= 0:
                leaves = np.zeros((4, space.size), dtype=np.bool_)
                count = advance_sets(geometry, rows, upper.need, rules, state, leaves, 50)
                found += map(tuple, leaves[:count].tolist())
        inside = set(order[: flips + 6].tolist())
        wanted = [
            leaf
            for leaf in better(problem, floor)
            if set(fixed.tolist()) <= (flipped := set(np.flatnonzero(leaf).tolist()))
            and flipped <= inside
        ]
        assert sorted(found) == sorted(wanted)


def large_problem() -> Problem:
    """One with more unstable neurons than a neighbourhood has."""
    rng = np.random.default_rng(3)
    return random_problem(rng, inputs=60, widths=(120, 60), classes=3, epsilon=0.1)


def test_better_images_are_found_around_the_best_one(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = large_problem()
    monkeypatch.setattr(around_module, "VISITS", 1_000)
    space = PatternSpace.of(problem)
    assert space.size > TOGGLES + OTHERS
    run = Run(problem, Clock.start(None))
    around = Around.of(run, SearchGoal.OPTIMISE, space, geometry_of(space, 0.6, 0.65))
    assert around is not None
    improved = 0
    for _ in range(40):
        before = run.standing
        found = around.search_one()
        assert found is (run.standing > before)
        improved += found
    assert improved > 1
    assert run.value == problem.replay(run.witness).value > problem.clean.value


def test_it_takes_its_share_of_the_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = large_problem()
    space = PatternSpace.of(problem)
    run = Run(problem, Clock.start(None))
    searched: list[int] = []

    def turned(share: float, begin: float) -> int:
        monkeypatch.setattr(around_module, "OPTIMISING", share)
        monkeypatch.setattr(around_module, "BEGIN", begin)
        around = Around.of(run, SearchGoal.OPTIMISE, space, geometry_of(space, 0.6, 0.65))
        assert around is not None
        monkeypatch.setattr(around, "search_one", lambda: searched.append(1))
        searched.clear()
        around.turn()
        return len(searched)

    assert turned(1.0, 1e9) == 0  # nothing is due before the search has gone on for a while
    assert turned(0.0, 0.0) == 0
    assert turned(1.0, 0.0) > 0


def test_without_a_better_image_for_long_nothing_is_near_to_a_flip(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = large_problem()
    space = PatternSpace.of(problem)
    run = Run(problem, Clock.start(None))
    around = Around.of(run, SearchGoal.DECIDE, space, geometry_of(space, 0.6, 0.65))
    assert around is not None
    monkeypatch.setattr(around_module, "NEAR", 1.0)  # the clean image is
    assert around._share() == NEAR_SHARE
    around._since -= PATIENCE
    assert around._share() == SHARE
    for _ in range(40):
        if around.search_one():
            break
    assert around._share() == NEAR_SHARE


def test_where_all_is_toggled_none_is_free_of_the_others() -> None:
    problem = large_problem()
    space = PatternSpace.of(problem)
    run = Run(problem, Clock.start(None))
    around = Around.of(run, SearchGoal.OPTIMISE, space, geometry_of(space, 0.6, 0.65))
    assert around is not None
    around._toggles = np.ones(space.size, dtype=np.bool_)
    fixed, loose = around._draw()
    assert sorted([*fixed, *loose]) == list(range(space.size))
    assert len(loose) == TOGGLES


def test_few_patterns_and_deep_networks_have_none() -> None:
    run_of = {}
    for widths in ((12, 20), (120, 60, 60)):
        problem = random_problem(
            np.random.default_rng(3), inputs=60, widths=widths, classes=3, epsilon=0.1
        )
        run_of[widths] = Run(problem, Clock.start(None))
        space = PatternSpace.of(problem)
        geometry = geometry_of(space, 0.6, 0.65)
        assert Around.of(run_of[widths], SearchGoal.DECIDE, space, geometry) is None


def test_the_exact_method_uses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flip that they find is one of the method, and says so."""
    problem = large_problem()
    monkeypatch.setattr("signflip.exact.tree.BEGIN", 0.0)
    monkeypatch.setattr(around_module, "BEGIN", 0.0)
    monkeypatch.setattr(around_module, "OPTIMISING", 100.0)
    found = attack(problem, Exact(goal=SearchGoal.OPTIMISE, annealing=1e-9), time_limit=2)
    assert found.found_by in ("around", "exact", "walk")
    assert problem.replay(found.witness).value == Fraction(found.objective)
