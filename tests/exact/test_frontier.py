import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

from signflip.exact.frontier import Frontier, split
from signflip.exact.geometry import geometry_of
from signflip.exact.kernel import State
from signflip.exact.tables import blocks_of, fresh_state
from signflip.exact.upper import set_incumbent, upper_of
from signflip.network import BinaryNetwork, OutputLayer
from signflip.patterns.space import Flips, PatternSpace
from signflip.problem import Problem
from tests.support.random_problems import random_problem


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield pool


def state(*words: int) -> State:
    """A state in the block that the last word belongs to, with these open patterns."""
    problem = random_problem(np.random.default_rng(0), inputs=30, widths=(24, 5), epsilon=0.3)
    space = PatternSpace.of(problem)
    blocks, sums = blocks_of(space)
    made = fresh_state(geometry_of(space, 0, 0), blocks, upper_of(problem), sums)
    made.open[: len(words)] = words
    made.level[0] = len(words) - 1
    return made


def test_half_of_the_highest_open_level_is_given_away() -> None:
    whole = state(0, 0b1, 0b1011, 0b111)
    half = split(whole)
    assert half is not None
    # a level with one open pattern stays whole
    assert whole.open[1] == 0b1
    assert whole.level[0] == 3
    assert whole.open[3] == 0b111
    assert half.level[0] == 2
    assert half.open[:2].tolist() == [0, 0]
    assert int(whole.open[2]) | int(half.open[2]) == 0b1011
    assert int(whole.open[2]) & int(half.open[2]) == 0
    assert int(whole.open[2]) != 0
    assert int(half.open[2]) != 0


def test_halves_share_no_array() -> None:
    whole = state(0b11)
    half = split(whole)
    assert half is not None
    before = whole.factor.height.copy()
    half.factor.height[:] += 1
    half.sums[:] += 1
    np.testing.assert_array_equal(whole.factor.height, before)
    assert np.all(whole.sums[0] != half.sums[0])


def test_nothing_can_be_given_where_each_level_has_one_open_pattern() -> None:
    assert split(state(0b100, 0, 0b1)) is None


def test_a_slice_ends_at_its_capacity_and_the_search_goes_on(pool: ThreadPoolExecutor) -> None:
    problem = random_problem(np.random.default_rng(3), inputs=30, widths=(9, 20), epsilon=0.3)
    space = PatternSpace.of(problem)
    upper = upper_of(problem)
    set_incumbent(upper, problem, Fraction(-1000))
    frontier = Frontier(space, geometry_of(space, np.inf, np.inf), upper, 2)
    sizes = []
    while not frontier.exhausted:
        sizes.append(len(frontier.advance(pool, capacity=3)))
    assert sum(sizes) == 2**space.size
    assert max(sizes) <= 6


def test_what_cannot_beat_the_incumbent_ends_at_once(pool: ThreadPoolExecutor) -> None:
    problem = random_problem(np.random.default_rng(3), inputs=30, widths=(9, 20), epsilon=0.3)
    space = PatternSpace.of(problem)
    upper = upper_of(problem)
    set_incumbent(upper, problem, Fraction(1000))
    frontier = Frontier(space, geometry_of(space, 0, 0), upper, 1)
    assert len(frontier.advance(pool, capacity=1)) == 0
    assert frontier.exhausted


@pytest.mark.parametrize("widths", [(11, 20), (11, 8, 8)])
def test_every_leaf_beats_the_incumbent_of_its_time(widths: tuple[int, ...]) -> None:
    problem = random_problem(np.random.default_rng(1), inputs=30, widths=widths, epsilon=0.3)
    space = PatternSpace.of(problem)
    upper = upper_of(problem)
    best = Fraction(-1000)
    set_incumbent(upper, problem, best)
    frontier = Frontier(space, geometry_of(space, np.inf, np.inf), upper, 1)
    rises = 0
    while not frontier.exhausted:
        for flips in frontier.advance(None, capacity=1):
            value = value_of(space, flips)
            assert value > best
            best, rises = value, rises + 1
            set_incumbent(upper, problem, best)
    assert rises > 1
    every = itertools.product([False, True], repeat=space.size)
    assert best == max(value_of(space, np.array(flips)) for flips in every)


def value_of(space: PatternSpace, flips: Flips) -> Fraction:
    problem = space.problem
    signs = problem.network.activations_of_pattern(space.pattern(flips)[None])[-1]
    return problem.exact_objective(signs[0])


def test_classes_that_no_neuron_tells_apart_end_the_search_at_once() -> None:
    problem = random_problem(np.random.default_rng(0), inputs=30, widths=(9, 5), epsilon=0.3)
    output = problem.network.output
    weight = np.repeat(output.weight[:1], 2, axis=0).astype(np.int8)
    same = OutputLayer(weight, np.ones(2), np.zeros(2))
    problem = Problem(BinaryNetwork(problem.network.hidden, same), problem.image, problem.region)
    space, upper = PatternSpace.of(problem), upper_of(problem)
    assert space.size
    set_incumbent(upper, problem, Fraction(0))
    frontier = Frontier(space, geometry_of(space, 0, 0), upper, 1)
    assert len(frontier.advance(None, capacity=1)) == 0
    assert frontier.exhausted
