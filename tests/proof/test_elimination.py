"""Elimination in the checker: against all assignments, and what it refuses."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.errors import ProofError
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.problem import Problem
from signflip.proof import elimination
from signflip.proof.check import BRANCH, ELIMINATED, NOTED, check
from signflip.proof.container import packed, steps_of
from signflip.proof.elimination import RULED_OUT, Tables, add, excluding, greatest
from tests.support.proofs import content_of

SIZE = 6


def some_tables(seed: int, scopes: list[set[int]]) -> Tables:
    rng = np.random.default_rng(seed)
    tables: Tables = {}
    for scope in scopes:
        add(tables, tuple(sorted(scope)), rng.integers(-9, 10, (2,) * len(scope)))
    return tables


@given(
    seed=st.integers(0, 2**32 - 1),
    scopes=st.lists(st.sets(st.integers(0, SIZE - 1), max_size=3), max_size=8),
    sets=st.lists(st.sets(st.integers(0, 2 * SIZE - 1), min_size=1, max_size=4), max_size=4),
    held=st.sets(st.integers(0, SIZE - 1), max_size=2),
    order=st.permutations(range(SIZE)),
    width=st.integers(3, SIZE),
)
def test_no_assignment_exceeds_what_it_says(
    seed: int,
    scopes: list[set[int]],
    sets: list[set[int]],
    held: set[int],
    order: list[int],
    width: int,
) -> None:
    known = [sum(1 << literal for literal in each) for each in sets]
    case = sum(1 << 2 * j + 1 for j in held)  # these are +1
    tables = some_tables(seed, scopes)
    best = RULED_OUT
    for signs in product((0, 1), repeat=SIZE):
        literals = sum(1 << 2 * j + sign for j, sign in enumerate(signs))
        if literals & case == case and not any(each & ~literals == 0 for each in known):
            values = (int(t[tuple(signs[j] for j in scope)]) for scope, t in tables.items())
            best = max(best, sum(values))
    apart = excluding(known, case, width)
    together = {**apart}
    for scope, table in tables.items():
        chosen = table[tuple(1 if j in held else slice(None) for j in scope)]
        add(together, tuple(j for j in scope if j not in held), chosen)
    free = [j for j in order if j not in held]
    found = greatest(together, free, width)
    # where all is ruled out there is nothing to exceed
    assert best == RULED_OUT or found >= best
    if width == SIZE and best > RULED_OUT:
        assert found == best or any(each & ~case == 0 for each in known)


def test_tables_have_no_more_entries_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sets = [sum(1 << 2 * j for j in scope) for scope in ({0, 1, 2}, {1, 2, 3}, {2, 3, 4})]
    tables = some_tables(0, [{0, 1, 2}, {2, 3, 4}, {0, 3, 5}])
    monkeypatch.setattr(elimination, "MOST_ENTRIES", 24)
    monkeypatch.setattr(elimination, "MOST_AT_ONCE", 40)
    assert len(excluding([*sets, *sets], 0, 3)) == 3
    assert greatest(tables, [*range(SIZE)], SIZE) <= 27
    with pytest.raises(ProofError, match="over 24 entries"):
        excluding([*sets, 1 << 2 * 5], 0, 3)
    monkeypatch.setattr(elimination, "MOST_AT_ONCE", 39)
    with pytest.raises(ProofError, match="over 39 entries"):
        greatest(tables, [*range(SIZE)], SIZE)


def three() -> Problem:
    """Two neurons that read the same pixel, of which one that is +1 has the other so, and a third.

    The lead of class 1 is twice the sum of their signs.
    """
    first = SignLayer.dense([[1, 0], [1, 0], [0, 1]], [0.4, 0.6, 0.5])
    output = OutputLayer(np.array([[-1, -1, -1], [1, 1, 1]], np.int8), np.ones(2), np.zeros(2))
    return Problem.ball(BinaryNetwork((first,), output), [0.45, 0.4], epsilon=0.2)


ALL = [ELIMINATED, 16, 0, 2, 0, 1]
"""Elimination of the three neurons, the last first."""


def test_steps_are_accepted_that_say_what_is_true() -> None:
    problem = three()
    # number 1 is +1 only where number 0 is: its literal 3 and the literal 0 exclude each other
    note = [NOTED, 2, 0, 1, 3, 1]
    for steps in (ALL, [*note, *ALL], [BRANCH, *[ELIMINATED, 16, 0, 1, 2] * 2]):
        content = content_of(problem, Fraction(6), steps)
        assert check(packed(content), problem.network).cases >= 1
        with pytest.raises(ProofError, match=r"elimination does not bound rival no\. 0"):
            check(packed(replace(content, bound=Fraction(5))), problem.network)


def only_apart() -> Problem:
    """Two neurons that are never +1 together; the lead is twice the sum of their signs."""
    first = SignLayer.dense([[1], [-1]], [0.6, -0.4])
    output = OutputLayer(np.array([[-1, -1], [1, 1]], np.int8), np.ones(2), np.zeros(2))
    return Problem.ball(BinaryNetwork((first,), output), [0.5], epsilon=0.2)


def test_what_excludes_each_other_is_left_out() -> None:
    problem = only_apart()
    content = content_of(problem, Fraction(0), [NOTED, 2, 1, 1, 3, 1, ELIMINATED, 16, 0, 0, 1])
    assert check(packed(content), problem.network).cases == 1
    without = replace(content, steps=steps_of([ELIMINATED, 16, 0, 0, 1]))
    with pytest.raises(ProofError, match="does not bound"):
        check(packed(without), problem.network)
    # they are both -1 in the middle: that is no exclusion
    wrong = replace(content, steps=steps_of([NOTED, 2, 0, 1, 2, 1, ELIMINATED, 16, 0, 0, 1]))
    with pytest.raises(ProofError, match="a point may have literals"):
        check(packed(replace(wrong, bound=Fraction(4))), problem.network)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([ELIMINATED, 15, 0, 2, 0, 1], "tables of 15 neurons"),
        ([ELIMINATED, 23, 0, 2, 0, 1], "tables of 23 neurons"),
        ([ELIMINATED, 16, 17, 0, 1, 2, 0, 1, 2], "or for 17 that are kept"),
        ([ELIMINATED, 16, 0, 2, 0, 0], "has not each of them once"),
        ([ELIMINATED, 16, 0, 2, 0, 3], "has not each of them once"),
        ([ELIMINATED, 16, 2, 2, 0, 2, 0, 1, 2], "has not each of them once"),
        ([ELIMINATED, 16, 0, 2, 0], "end before all cases"),
        ([*ALL, 0], "go on after"),
        ([NOTED, 4, 0, 1, 2, 1, 4, 1, 5, 1, *ALL], "4 literals cannot exclude"),
    ],
)
def test_what_is_refused(steps: list[int], message: str) -> None:
    problem = three()
    with pytest.raises(ProofError, match=message):
        check(packed(content_of(problem, Fraction(9), steps)), problem.network)


def test_deeper_networks_are_refused() -> None:
    problem = three()
    same = SignLayer.dense(np.eye(3, dtype=np.int8), np.zeros(3))
    first = problem.network.hidden[0]
    deep = BinaryNetwork((first, same, same), problem.network.output)
    again = Problem.ball(deep, problem.image, epsilon=0.2)
    with pytest.raises(ProofError, match="two hidden layers at most"):
        check(packed(content_of(again, Fraction(9), ALL)), deep)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1))
def test_of_many_inputs_only_the_last_are_kept(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = 18
    first = SignLayer.dense(np.eye(size, dtype=np.int8), np.full(size, 0.5))
    second = SignLayer.dense(rng.choice([-1, 1], (3, size)), rng.integers(-9, 10, 3).astype(float))
    output = OutputLayer(rng.choice([-1, 1], (2, 3)).astype(np.int8), np.ones(2), np.zeros(2))
    network = BinaryNetwork((first, second), output)
    problem = Problem.ball(network, np.full(size, 0.5), epsilon=0.25)
    order = list(range(size))
    last = rng.permutation(size).tolist()
    sums = np.array(list(product((-1, 1), repeat=size))) @ second.map.rows(slice(0, 3)).T
    h = np.where(sums >= second.threshold, 1, -1)
    values = h @ output.weight.T.astype(int)
    lead = values[:, problem.rivals[0]] - values[:, problem.prediction]
    for keep in (0, 5, 16):
        numbers = [16, keep, *(last if keep else []), *order]
        content = content_of(problem, Fraction(6), [ELIMINATED, *numbers])
        assert check(packed(content), network).cases == 1
        below = replace(content, bound=Fraction(int(lead.max())) - 1)
        with pytest.raises(ProofError, match="does not bound"):
            check(packed(below), network)
