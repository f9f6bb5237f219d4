"""The search case by case: what it leaves out is what geometry or the incumbent refuses."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip import attack
from signflip.exact import case_search, frontier
from signflip.exact.case_search import CasePart
from signflip.exact.frontier import Frontier
from signflip.exact.geometry import geometry_of
from signflip.exact.upper import set_incumbent, upper_of
from signflip.methods import Exact
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.chains import chains_of
from signflip.patterns.realise import Answer, Realiser
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem, Ties
from tests.support.map_strategies import mapped_networks
from tests.support.random_problems import random_problem, with_copies
from tests.support.strategies import networks, problems

FLOOR = Fraction(-4)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=3) as pool:
        yield pool


def deep(seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    return random_problem(rng, inputs=12, widths=(12, 9, 8), epsilon=0.3)


def copied(seed: int) -> Problem:
    """One whose first layer has copies and negations, with other limits."""
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=12, widths=(5, 9, 8), epsilon=0.3)
    copies = with_copies(rng, problem, moved=True)
    chains = chains_of(PatternSpace.of(copies))
    return copies if chains.some and not (chains.level & ~chains.twin).any() else copied(seed + 100)


def better(problem: Problem) -> dict[tuple[bool, ...], bool]:
    """The patterns above the floor, and whether a point has each."""
    space = PatternSpace.of(problem)
    realiser, found = Realiser(space), {}
    for pattern in product([False, True], repeat=space.size):
        flips = np.array(pattern)
        if space.standing(flips).value > FLOOR:
            found[pattern] = realiser.solve(flips) is not Answer.REFUSED
    return found


def leaves(
    problem: Problem, pool: ThreadPoolExecutor | None, threads: int
) -> Counter[tuple[bool, ...]]:
    """What the frontier finds that goes case by case at once."""
    space, upper = PatternSpace.of(problem), upper_of(problem)
    set_incumbent(upper, problem, FLOOR)
    open_part = Frontier(space, geometry_of(space, 0.6, 0.65), upper, threads, patience=0)
    open_part._least_budget = 5
    found: Counter[tuple[bool, ...]] = Counter()
    while not open_part.exhausted:
        found.update(map(tuple, open_part.advance(pool, 2).tolist()))
        open_part._budget = 5
        assert all(isinstance(part, CasePart) for part in open_part._parts)
    return found


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_it_finds_every_pattern_that_a_point_has_once(
    seed: int, threads: int, pool: ThreadPoolExecutor
) -> None:
    problem = deep(seed)
    known = better(problem)
    found = leaves(problem, pool, threads)
    assert set(found.values()) <= {1}
    assert {pattern for pattern, real in known.items() if real} <= set(found) <= set(known)


@pytest.mark.parametrize("seed", range(3))
def test_copies_are_not_chosen_freely(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_search, "ASK", np.inf)  # so that nothing else refuses
    problem = copied(seed)
    known, found = better(problem), leaves(problem, None, 1)
    assert {pattern for pattern, real in known.items() if real} <= set(found) < set(known)
    chains = chains_of(PatternSpace.of(problem))
    pairs = [(j, w) for j, w in enumerate(chains.weaker.tolist()) if w >= 0]
    assert not any(pattern[j] and not pattern[w] for pattern in found for j, w in pairs)


def test_geometry_spares_most_of_what_no_point_has() -> None:
    known = better(deep(0))
    unreal = sum(not real for real in known.values())
    found = leaves(deep(0), None, 1)
    assert unreal > 50
    assert sum(not known[pattern] for pattern in found) < unreal / 4


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_learnt_may_be_forgotten(
    threads: int, monkeypatch: pytest.MonkeyPatch, pool: ThreadPoolExecutor
) -> None:
    whole = leaves(deep(1), pool, threads)
    monkeypatch.setattr(case_search, "ROOM", 3)
    monkeypatch.setattr(case_search, "MOST_SETS", 3)
    known = better(deep(1))
    found = leaves(deep(1), pool, threads)
    assert {pattern for pattern, real in known.items() if real} <= set(found)
    assert set(whole) <= set(known)


@settings(max_examples=60)
@given(
    problem=problems(network=st.one_of(networks(), mapped_networks()), ties=st.sampled_from(Ties)),
    goal=st.sampled_from(SearchGoal),
    threads=st.sampled_from([1, 2]),
)
def test_the_answer_is_that_of_blocks(problem: Problem, goal: SearchGoal, threads: int) -> None:
    by_blocks = attack(problem, Exact(goal=goal, annealing=0.0, joint=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frontier, "SHORT_PATIENCE", 0)
        by_cases = attack(problem, Exact(goal=goal, annealing=0.0, threads=threads))
    assert by_cases.verdict is by_blocks.verdict
    if goal is SearchGoal.OPTIMISE:
        assert (by_cases.objective, by_cases.bound) == (by_blocks.objective, by_blocks.bound)
