"""Halves of a search over sets: together they find what the whole does, and each flip set once."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.exact.frames import Rules, fresh_sets
from signflip.exact.geometry import geometry_of
from signflip.exact.parity import excess, halves
from signflip.exact.rows import rows_of
from signflip.exact.sets import advance_sets
from signflip.exact.upper import set_incumbent, upper_of
from signflip.patterns.space import PatternSpace
from tests.exact.test_kernel import NO_GEOMETRY, better
from tests.exact.test_sets import floors, leaves_of, rules, seeds, some_problem, ternary
from tests.support.random_problems import random_problem, toggles_seen

moments = st.sampled_from([0, 1, 5, 30])
"""Visits after which a search is halved."""


@given(seeds, st.booleans())
def test_a_lowered_sum_is_useful_where_the_sum_is_and_no_other(seed: int, sparse: bool) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=30, widths=(9, 20), classes=3, epsilon=0.3)
    space = PatternSpace.of(ternary(rng, problem) if sparse else problem)
    if not space.size:
        return
    rows, sums = rows_of(space)
    flips = rng.random((40, space.size)) < 0.5
    for flip in flips:
        whole = sums + rows.effect[:, flip].sum(axis=1)
        parity = int(flip.sum()) % 2
        assert ((whole - excess(rows, sums, parity) >= 0) == (whole >= 0)).all()
        assert (whole - excess(rows, sums, 1 - parity) <= whole).all()


def test_rows_that_some_flip_leaves_alone_are_not_lowered() -> None:
    rng = np.random.default_rng(0)
    problem = ternary(rng, random_problem(rng, inputs=30, widths=(9, 20), epsilon=0.3))
    rows, sums = rows_of(PatternSpace.of(problem))
    full = (rows.effect != 0).all(axis=1)
    assert 0 < full.sum() < full.size
    both = excess(rows, sums, 0) + excess(rows, sums, 1)
    assert (both == full).all()


@settings(max_examples=20)
@given(seeds, st.sampled_from([(9, 20), (8, 70), (9, 5)]), floors, rules, moments)
def test_halves_find_each_pattern_above_the_floor_once(
    seed: int, widths: tuple[int, ...], floor: Fraction, rules: Rules, halved: int
) -> None:
    rng = np.random.default_rng(seed)
    problem = some_problem(rng, widths)
    if PatternSpace.of(problem).size:
        workers = int(rng.integers(1, 4))
        found = leaves_of(problem, floor, rules, gate=NO_GEOMETRY, workers=workers, halved=halved)
        assert found == Counter(better(problem, floor))


@settings(max_examples=8)
@given(seeds, st.sampled_from([2, 6, 20]), rules, moments)
def test_halves_with_geometry_lose_no_pattern_of_a_point(
    seed: int, inputs: int, rules: Rules, halved: int
) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=inputs, widths=(11, 9), epsilon=0.3)
    space = PatternSpace.of(problem)
    if space.size:
        seen = toggles_seen(rng, space, above=-6)
        assert seen <= set(leaves_of(problem, Fraction(-6), rules, gate=0.0, halved=halved))


@pytest.mark.parametrize("budget", [1, 3, 7, 20, 60])
def test_a_search_is_halved_where_it_stands_in_a_walk_over_blocks(budget: int) -> None:
    rng = np.random.default_rng(4)
    problem = random_problem(rng, inputs=40, widths=(14, 30), epsilon=0.4)
    space, floor = PatternSpace.of(problem), Fraction(-20)
    upper = upper_of(problem)
    set_incumbent(upper, problem, floor)
    geometry = geometry_of(space, NO_GEOMETRY, NO_GEOMETRY)
    rows, sums = rows_of(space)
    at_once = Rules(bottom=18)
    state = fresh_sets(geometry, rows, sums, at_once)
    leaves = np.zeros((1 << 14, space.size), dtype=np.bool_)
    found: Counter[tuple[bool, ...]] = Counter()
    count = advance_sets(geometry, rows, upper.need, at_once, state, leaves, budget)
    found.update(map(tuple, leaves[:count].tolist()))
    assert state.bottom.level[0] >= 0
    for parity, half in enumerate(halves(state, rows)):
        while half.top[0] >= 0:
            count = advance_sets(geometry, rows, upper.need, at_once, half, leaves, 1000)
            own = [tuple(leaf) for leaf in leaves[:count].tolist() if sum(leaf) % 2 == parity]
            found.update(own)
    assert found == Counter(better(problem, floor))
