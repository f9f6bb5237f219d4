"""The search over sets of flips: it loses no pattern, and lets none through that falls short."""

from collections import Counter
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import attack
from signflip.exact import frontier as frontier_module
from signflip.exact.frames import Rules, fresh_sets
from signflip.exact.frontier import Frontier
from signflip.exact.geometry import geometry_of
from signflip.exact.rows import Rows, countable, rows_of
from signflip.exact.sets import advance_sets, split_sets
from signflip.exact.upper import set_incumbent, upper_of
from signflip.methods.exact import Exact
from signflip.methods.search_goal import SearchGoal
from signflip.network import BinaryNetwork, SignLayer
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem, Untargeted
from signflip.result import Stop, Verdict
from tests.exact.test_kernel import NO_GEOMETRY, Leaf, better
from tests.support.oracle import exact_optimum, patterns
from tests.support.random_problems import random_problem, toggles_seen, with_copies
from tests.support.strategies import networks, problems
from tests.support.weights import weights_of

# every frame bounded with curvatures of its own; blocks alone; blocks at the bottom; no blocks
ALL_JOINT = Rules(bottom=0, least=0, fresh=1, age=1, near=0.0)
RULES = (
    ALL_JOINT,
    Rules(),
    Rules(bottom=6, least=2, fresh=3, age=2, near=0.0),
    Rules(bottom=0, least=2, fresh=5, age=4, near=0.0),
)

seeds = st.integers(0, 2**32)
floors = st.sampled_from([-30, -10, -4, -2, 0, 2, 6]).map(Fraction)
rules = st.sampled_from(RULES)


def leaves_of(
    problem: Problem,
    floor: Fraction,
    rules: Rules,
    *,
    gate: float,
    workers: int = 1,
    halved: float = 1e9,
) -> Counter[Leaf]:
    """Every leaf that a search over sets with a fixed floor finds, with its number of times."""
    space = PatternSpace.of(problem)
    assert countable(space)
    upper = upper_of(problem)
    set_incumbent(upper, problem, floor)
    geometry = geometry_of(space, gate, gate)
    frontier = Frontier(space, geometry, upper, workers, patience=0, halved=halved, rules=rules)
    found: Counter[Leaf] = Counter()
    while not frontier.exhausted:
        found.update(map(tuple, frontier.advance(None, 3).tolist()))
    return found


def ternary(rng: np.random.Generator, problem: Problem) -> Problem:
    """The problem with some weights of the second layer at 0."""
    first, second = problem.network.hidden
    weight = weights_of(second) * (rng.random((second.neurons, second.inputs)) < 0.7)
    network = BinaryNetwork(
        (first, SignLayer.dense(weight, second.threshold)), problem.network.output
    )
    # the class that was second may be first now
    goal = Untargeted() if problem.target is None else None
    return Problem(network, problem.image, problem.region, goal)


def some_problem(rng: np.random.Generator, widths: tuple[int, ...]) -> Problem:
    """A problem of two hidden layers and two to four classes, with zeros in the second or none."""
    classes = int(rng.integers(2, 5))
    problem = random_problem(rng, inputs=30, widths=widths, classes=classes, epsilon=0.3)
    return ternary(rng, problem) if rng.random() < 0.4 else problem


@settings(max_examples=12)
@given(seeds, st.sampled_from([(9, 20), (8, 70), (9, 5), (6, 64)]), floors, rules)
def test_without_geometry_the_leaves_are_the_patterns_above_the_floor(
    seed: int, widths: tuple[int, ...], floor: Fraction, rules: Rules
) -> None:
    rng = np.random.default_rng(seed)
    problem = some_problem(rng, widths)
    if PatternSpace.of(problem).size:
        workers = int(rng.integers(1, 4))
        found = leaves_of(problem, floor, rules, gate=NO_GEOMETRY, workers=workers)
        assert found == Counter(better(problem, floor))


@settings(max_examples=8)
@given(seeds, floors, rules)
def test_with_real_scales_the_leaves_hold_all_patterns_above_the_floor(
    seed: int, floor: Fraction, rules: Rules
) -> None:
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 5))
    problem = random_problem(
        rng, inputs=30, widths=(9, 20), classes=classes, epsilon=0.3, plain=False
    )
    if PatternSpace.of(problem).size:
        found = leaves_of(problem, floor / 8, rules, gate=NO_GEOMETRY)
        assert max(found.values(), default=1) == 1
        assert set(found) >= set(better(problem, floor / 8))
        # worths are rounded to a thousandth of their mean
        largest = Fraction(problem.largest_conceivable + 10)
        assert set(found) <= set(better(problem, floor / 8 - largest / 50))


@settings(max_examples=8)
@given(problems(network=networks(max_depth=2).filter(lambda n: len(n.hidden) == 2)), floors, rules)
def test_with_geometry_no_pattern_of_a_point_is_lost(
    problem: Problem, floor: Fraction, rules: Rules
) -> None:
    space = PatternSpace.of(problem)
    if space.size:
        found = leaves_of(problem, floor, rules, gate=0.0)
        realisable = {
            tuple(bool(f) for f in (np.array(pattern) != space.signs)[space.unstable])
            for pattern, _ in patterns(problem.network, problem.box)
        }
        assert realisable & set(better(problem, floor)) <= set(found)


@settings(max_examples=8)
@given(seeds, st.sampled_from([2, 6, 20]), rules)
def test_with_geometry_no_pattern_of_many_points_is_lost(
    seed: int, inputs: int, rules: Rules
) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=inputs, widths=(11, 9), epsilon=0.3)
    space = PatternSpace.of(problem)
    if space.size:
        seen = toggles_seen(rng, space, above=-6)
        assert seen <= set(leaves_of(problem, Fraction(-6), rules, gate=0.0))


@settings(max_examples=25)
@given(seeds, floors, rules)
def test_of_copies_and_negations_no_impossible_pattern_is_searched(
    seed: int, floor: Fraction, rules: Rules
) -> None:
    rng = np.random.default_rng(seed)
    problem = with_copies(rng, random_problem(rng, inputs=30, widths=(10, 20), epsilon=0.3))
    if PatternSpace.of(problem).size:
        workers = int(rng.integers(1, 4))
        found = leaves_of(problem, floor, rules, gate=NO_GEOMETRY, workers=workers)
        possible = Counter(better(problem, floor))
        # chains that stand in two blocks are left to geometry
        assert found == possible or (found > possible and rules.bottom > 0)
        assert max(found.values(), default=1) == 1


@pytest.mark.parametrize("copies", [True, False])
@pytest.mark.parametrize("goal", SearchGoal)
@pytest.mark.parametrize("threads", [1, 2])
def test_the_whole_method_agrees_with_the_oracle(
    goal: SearchGoal, threads: int, copies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frontier_module, "PATIENCE", ((0, 0),))
    settled = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        classes = int(rng.integers(2, 4))
        problem = random_problem(
            rng, inputs=4, widths=(5, 9), classes=classes, epsilon=0.3, plain=seed % 3 > 0
        )
        if copies:
            problem = with_copies(rng, problem)
        result = attack(problem, Exact(goal=goal, threads=threads, annealing=0))
        optimum = exact_optimum(problem).value
        assert result.bound is not None
        assert result.bound >= float(optimum)
        assert problem.replay(result.witness).value <= optimum
        if result.verdict is Verdict.ROBUST:
            assert optimum <= 0
        if result.stop is Stop.OPTIMAL:
            assert result.objective == float(optimum)
        settled += result.verdict is not Verdict.UNKNOWN
    assert settled >= 5


def test_what_is_given_away_and_what_is_kept_are_the_whole() -> None:
    problem = random_problem(np.random.default_rng(2), inputs=30, widths=(11, 20), epsilon=0.3)
    space, upper = PatternSpace.of(problem), upper_of(problem)
    floor = Fraction(-6)
    set_incumbent(upper, problem, floor)
    geometry = geometry_of(space, NO_GEOMETRY, NO_GEOMETRY)
    rows, sums = rows_of(space)
    whole = fresh_sets(geometry, rows, sums, ALL_JOINT)
    states, found = [whole], Counter[Leaf]()
    given_away = 0
    while states:
        leaves = np.zeros((1, space.size), dtype=np.bool_)
        state = states.pop()
        count = advance_sets(geometry, rows, upper.need, ALL_JOINT, state, leaves, 3)
        found.update(map(tuple, leaves[:count].tolist()))
        if state.top[0] >= 0:
            half = split_sets(state)
            states += [state] if half is None else [state, half]
            given_away += half is not None
    assert given_away > 3
    assert found == Counter(better(problem, floor))


@pytest.mark.parametrize("wrong", [0.0, 0.5, 1e30, -1.0, np.nan, np.inf])
def test_what_was_chosen_wrong_changes_no_leaf(wrong: float) -> None:
    """Points, curvatures, vectors and the sizes that steer the search are planted at each visit."""
    problem = random_problem(np.random.default_rng(6), inputs=30, widths=(8, 30), epsilon=0.3)
    space, upper = PatternSpace.of(problem), upper_of(problem)
    floor = Fraction(-10)
    set_incumbent(upper, problem, floor)
    geometry = geometry_of(space, NO_GEOMETRY, NO_GEOMETRY)
    rows, sums = rows_of(space)
    state = fresh_sets(geometry, rows, sums, ALL_JOINT)
    rng = np.random.default_rng(0)
    leaf, found = np.zeros((1, space.size), dtype=np.bool_), Counter[Leaf]()
    while state.top[0] >= 0:
        if advance_sets(geometry, rows, upper.need, ALL_JOINT, state, leaf, 1):
            found[tuple(leaf[0].tolist())] += 1
        for steers in (state.point, state.mu, state.variance, state.vectors, state.excess):
            steers[rng.random(steers.shape) < 0.5] = wrong
        state.gap[rng.random(state.gap.shape) < 0.5] = wrong
    assert state.tally[6] > 20  # curvatures were chosen
    assert found == Counter(better(problem, floor))


def test_a_search_that_goes_on_begins_again_with_sets() -> None:
    problem = random_problem(np.random.default_rng(4), inputs=30, widths=(11, 40), epsilon=0.3)
    space, upper = PatternSpace.of(problem), upper_of(problem)
    set_incumbent(upper, problem, Fraction(-8))
    geometry = geometry_of(space, NO_GEOMETRY, NO_GEOMETRY)
    frontier = Frontier(space, geometry, upper, 1, patience=20)
    seen: set[Leaf] = set()
    while not frontier.exhausted:
        seen |= set(map(tuple, frontier.advance(None, 3).tolist()))
    assert seen == set(better(problem, Fraction(-8)))


@pytest.mark.parametrize("joint", [True, False])
def test_the_joint_bound_can_be_left_out(joint: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontier_module, "PATIENCE", ((0, 0),))
    problem = random_problem(np.random.default_rng(4), inputs=30, widths=(9, 20), epsilon=0.3)
    assert begins_sets(problem, Exact(joint=joint, annealing=0), monkeypatch) == joint


def test_the_fewer_rows_the_later_it_begins_with_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontier_module, "PATIENCE", ((20, 0), (10, 100), (5, 10_000)))
    problem = random_problem(np.random.default_rng(4), inputs=30, widths=(9, 20), epsilon=0.3)
    space, upper = PatternSpace.of(problem), upper_of(problem)
    geometry = geometry_of(space, NO_GEOMETRY, NO_GEOMETRY)
    counts, patience = upper.counts.copy(), {}
    for rows in (30, 20, 19, 10, 9, 5, 4):
        upper.counts[:] = counts + 30
        upper.counts[0] = rows  # of several rivals the one with the fewest
        patience[rows] = Frontier(space, geometry, upper, 1)._patience
    assert patience == {30: 0, 20: 0, 19: 100, 10: 100, 9: 10_000, 5: 10_000, 4: np.inf}


@pytest.mark.parametrize("plain", [True, False])
def test_few_rows_are_left_to_the_blocks_where_these_count(
    plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frontier_module, "PATIENCE", ((21, 0),))
    monkeypatch.setattr(frontier_module, "SHORT_PATIENCE", 0)
    rng = np.random.default_rng(4)
    problem = random_problem(rng, inputs=30, widths=(9, 20), epsilon=0.3, plain=plain)
    assert begins_sets(problem, Exact(annealing=0), monkeypatch) != plain


def begins_sets(problem: Problem, method: Exact, monkeypatch: pytest.MonkeyPatch) -> bool:
    begun: list[Rows] = []

    def rows_seen(space: PatternSpace) -> tuple[Rows, npt.NDArray[np.int16]]:
        rows, sums = rows_of(space)
        begun.append(rows)
        return rows, sums

    method.prepare()  # which begins sets, too
    monkeypatch.setattr(frontier_module, "rows_of", rows_seen)
    assert PatternSpace.of(problem).size
    attack(problem, method)
    return bool(begun)
