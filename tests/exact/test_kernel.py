"""The kernel's bounds: they lose no pattern, and let none through that falls short."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import combinations, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.arrays import Booleans, Signs
from signflip.exact.bits import BLOCK
from signflip.exact.frontier import Frontier
from signflip.exact.geometry import geometry_of
from signflip.exact.upper import set_incumbent, upper_of
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem
from tests.support.oracle import patterns
from tests.support.random_problems import random_problem, toggles_seen, with_copies
from tests.support.strategies import networks, problems
from tests.support.weights import weights_of

Leaf = tuple[bool, ...]
NO_GEOMETRY = float("inf")

seeds = st.integers(0, 2**32)
floors = st.sampled_from([-30, -10, -4, -2, 0, 2, 6]).map(Fraction)


def leaves_of(
    problem: Problem, floor: Fraction, *, gate: float, workers: int = 1, capacity: int = 200
) -> Counter[Leaf]:
    """Every leaf that a search with a fixed floor finds, with its number of times."""
    space = PatternSpace.of(problem)
    upper = upper_of(problem)
    set_incumbent(upper, problem, floor)
    geometry = geometry_of(space, gate, gate)
    frontier = Frontier(space, geometry, upper, workers, patience=np.inf)  # blocks alone
    found: Counter[Leaf] = Counter()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        while not frontier.exhausted:
            found.update(map(tuple, frontier.advance(pool, capacity).tolist()))
    return found


def better(problem: Problem, floor: Fraction, *, impossible: bool = False) -> Iterator[Leaf]:
    """Every set of flips whose objective is above the floor, whether a point has it or not.

    Without those, unless `impossible`, where one of two neurons with equal or opposite weights
    toggles and the other, which then must, does not.
    """
    space = PatternSpace.of(problem)
    every = np.array(list(product([False, True], repeat=space.size)), dtype=np.bool_)
    signs = np.array([space.pattern(flips) for flips in every])
    if not impossible:
        kept = without_impossible_pairs(space, signs)
        every, signs = every[kept], signs[kept]
    last = problem.network.activations_of_pattern(signs)[-1]
    values = {
        row: problem.exact_objective(np.array(row, dtype=np.int8))
        for row in set(map(tuple, last.tolist()))
    }
    for flips, row in zip(every.tolist(), map(tuple, last.tolist()), strict=True):
        if values[row] > floor:
            yield tuple(flips)


def has_opposites(problem: Problem) -> bool:
    """Whether two neurons have opposite weights."""
    weight = weights_of(problem.network.hidden[0])
    return any(np.array_equal(a, -b) for a, b in combinations(weight, 2))


def without_impossible_pairs(space: PatternSpace, signs: Signs) -> Booleans:
    """(N,) bool: whether for each such pair some value of its sum gives both their signs."""
    first = space.problem.network.hidden[0]
    toggled = signs != space.signs
    weight, kept = weights_of(first), np.ones(len(signs), dtype=np.bool_)
    for a, b in combinations(range(first.neurons), 2):
        for turn in (1, -1):
            if not np.array_equal(weight[a], turn * weight[b]):
                continue
            limits = [Fraction(first.threshold[a]), turn * Fraction(first.threshold[b])]
            middle = sum(limits) / 2
            values = [*limits, middle, min(limits) - 1, max(limits) + 1]
            seen = {(y >= limits[0], turn * y >= Fraction(first.threshold[b])) for y in values}
            pairs = zip(signs[:, a] > 0, signs[:, b] > 0, strict=True)
            kept &= toggled[:, a] & toggled[:, b] | [pair in seen for pair in pairs]
    return kept


@settings(max_examples=40)
@given(seeds, st.sampled_from([(9, 20), (12, 17, 9), (7, 1, 70, 3), (13,), (6, 64)]), floors)
def test_without_geometry_the_leaves_are_the_patterns_above_the_floor(
    seed: int, widths: tuple[int, ...], floor: Fraction
) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(
        rng, inputs=30, widths=widths, classes=int(rng.integers(2, 5)), epsilon=0.3
    )
    if PatternSpace.of(problem).size:
        assert leaves_of(problem, floor, gate=NO_GEOMETRY) == Counter(better(problem, floor))


@settings(max_examples=60)
@given(problems(network=networks(max_first=7, max_above=9)), floors)
def test_with_real_scales_the_leaves_hold_all_patterns_above_the_floor(
    problem: Problem, floor: Fraction
) -> None:
    if PatternSpace.of(problem).size:
        found = leaves_of(problem, floor, gate=NO_GEOMETRY)
        # blocks are searched again for images at a threshold
        assert max(found.values(), default=1) <= 1 + has_opposites(problem)
        assert set(found) >= set(better(problem, floor))
        # sums in floating point let through what is too close to call, not more
        assert set(found) <= set(better(problem, floor - Fraction(1, 10**9), impossible=True))


@settings(max_examples=60)
@given(problems(), floors)
def test_with_geometry_no_pattern_of_a_point_is_lost(problem: Problem, floor: Fraction) -> None:
    space = PatternSpace.of(problem)
    if space.size:
        found = leaves_of(problem, floor, gate=0.0)
        realisable = {
            tuple(bool(f) for f in (np.array(pattern) != space.signs)[space.unstable])
            for pattern, _ in patterns(problem.network, problem.box)
        }
        above = set(better(problem, floor))
        assert realisable & above <= set(found)
        plain = problem.network.output.plain
        assert set(found) <= set(better(problem, floor, impossible=True)) or not plain


@settings(max_examples=40)
@given(seeds, st.sampled_from([2, 3, 6, 20]), st.sampled_from([(14, 9), (13, 9, 8), (10,)]))
def test_with_geometry_no_pattern_of_many_points_is_lost(
    seed: int, inputs: int, widths: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=inputs, widths=widths, epsilon=0.3)
    space = PatternSpace.of(problem)
    if space.size:
        seen = toggles_seen(rng, space, above=-6)
        assert seen <= set(leaves_of(problem, Fraction(-6), gate=0.0))


@settings(max_examples=40)
@given(seeds, st.sampled_from([(9, 20), (9, 17, 9), (9,)]), floors)
def test_of_copies_and_negations_no_impossible_pattern_is_searched(
    seed: int, widths: tuple[int, ...], floor: Fraction
) -> None:
    rng = np.random.default_rng(seed)
    problem = with_copies(rng, random_problem(rng, inputs=30, widths=widths, epsilon=0.3))
    if PatternSpace.of(problem).size:
        found = leaves_of(problem, floor, gate=NO_GEOMETRY)
        possible = set(better(problem, floor))
        assert possible <= set(found)
        # chains that stand in two blocks are left to geometry
        assert found.keys() <= possible or PatternSpace.of(problem).size > BLOCK


@settings(max_examples=20)
@given(seeds, st.sampled_from([(9, 20), (12, 17, 9), (13,)]), st.sampled_from([2, 3, 7]))
def test_threads_that_share_a_search_lose_no_leaf_and_find_none_twice(
    seed: int, widths: tuple[int, ...], workers: int
) -> None:
    problem = random_problem(np.random.default_rng(seed), inputs=30, widths=widths, epsilon=0.3)
    if PatternSpace.of(problem).size:
        floor = Fraction(-4)
        alone = leaves_of(problem, floor, gate=NO_GEOMETRY)
        assert leaves_of(problem, floor, gate=NO_GEOMETRY, workers=workers, capacity=5) == alone
