"""Factors of bits of pixels: the bound (F) and its search against all patterns."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from signflip.arrays import Integers
from signflip.exact import factor_search as module
from signflip.exact.bits_bound import FOUND, OPEN, REFUTED, SCALE, Votes, room_for
from signflip.exact.factor_bound import FREE, Desk, average, desk_for, enter, settle
from signflip.exact.factor_search import ROUNDS, RivalSearch, grow, trunk, within
from signflip.exact.factors import MOST_BITS, Factors, factors_of
from tests.exact.test_bits_bound import best_lead, lead_at, random_votes

enter_once: Any = njit(lambda votes, factors, desk: enter(votes, factors, desk))
average_once: Any = njit(lambda votes, factors, desk, bit: average(votes, factors, desk, bit))
settle_once: Any = njit(lambda v, f, desk, bit, value: settle(v, f, desk, bit, value))


def made(votes: Votes, rng: np.random.Generator) -> tuple[Factors, Desk]:
    factors = factors_of(votes, rng.integers(0, SCALE, len(votes.bit)))
    desk = desk_for(factors, len(votes.first) - 1)
    desk.message[:] = factors.message
    return factors, desk


def levels_of(votes: Votes, values: Integers) -> list[Integers]:
    """All patterns of a node, as levels of the pixels."""
    ranges = []
    for first, end in itertools.pairwise(votes.first.tolist()):
        least = max([at + 1 for at, v in enumerate(values[first:end]) if v == 1], default=0)
        most = min([at for at, v in enumerate(values[first:end]) if v == 0], default=end - first)
        ranges.append(range(least, most + 1))
    return [np.array(level) for level in itertools.product(*ranges)]


def units(factors: Factors, lead: int) -> float:
    return lead * factors.unit / factors.coarse


@given(
    seed=st.integers(0, 2**32),
    pixels=st.integers(1, 5),
    neurons=st.integers(1, 9),
    scale=st.sampled_from([1, 1, 10**6, 10**10]),
)
def test_no_pattern_of_a_node_is_above_the_bound(
    seed: int, pixels: int, neurons: int, scale: int
) -> None:
    rng = np.random.default_rng(seed)
    votes = random_votes(rng, pixels, neurons)
    votes = votes._replace(worth=votes.worth * scale + rng.integers(0, scale, neurons))
    factors, desk = made(votes, rng)
    bits = int(votes.first[-1])
    bound = enter_once(votes, factors, desk)
    for _ in range(20):
        bit = int(rng.integers(bits))
        if desk.value[bit] == FREE and rng.random() < 0.2:
            bound += settle_once(votes, factors, desk, bit, int(rng.integers(2)))
        elif desk.value[bit] == FREE:
            change = average_once(votes, factors, desk, bit)
            assert change <= 0
            bound += change
        leads = [lead_at(votes, level) for level in levels_of(votes, desk.value.astype(np.int64))]
        if leads:  # settled against each other by chance: a node without patterns
            assert bound >= units(factors, max(leads))
        copy, values = desk.message.copy(), desk.value.copy()
        assert enter_once(votes, factors, desk) == bound
        assert np.array_equal(copy, desk.message)
        assert np.array_equal(values, desk.value)


@given(seed=st.integers(0, 2**32), pixels=st.integers(1, 6), neurons=st.integers(1, 12))
def test_the_other_way_of_a_bit_is_lower_by_its_force(seed: int, pixels: int, neurons: int) -> None:
    rng = np.random.default_rng(seed)
    votes = random_votes(rng, pixels, neurons)
    factors, desk = made(votes, rng)
    bit = int(rng.integers(votes.first[-1]))
    bound = enter_once(votes, factors, desk) + average_once(votes, factors, desk, bit)
    force = int(desk.force[bit])
    change = settle_once(votes, factors, desk, bit, 0 if force > 0 else 1)
    assert bound + change == bound - abs(force)


@pytest.mark.parametrize("most", [1, 3, MOST_BITS])
def test_the_search_knows_the_best_pattern(most: int) -> None:
    rng = np.random.default_rng(7)
    lone = 0
    for _ in range(150):
        votes = random_votes(rng, 5, 9)
        best = best_lead(votes, room_for(votes))
        for least, answer in ((best, FOUND), (best + 1, REFUTED)):
            asked = votes._replace(least=least)
            factors = factors_of(asked, rng.integers(0, SCALE, len(votes.bit)), most)
            lone += int((factors.lone >= 0).sum())
            desk = desk_for(factors, 5)
            branches = trunk(factors, desk.value)
            found = OPEN
            while found == OPEN:
                found = grow(asked, factors, desk, branches, ROUNDS, 1)
            assert found == answer
            if found == FOUND:
                assert lead_at(asked, desk.level) == best
    assert (lone > 0) == (most < MOST_BITS)


@pytest.mark.parametrize("nodes", [1, 2, 100])
def test_nodes_that_are_begun_anew_lose_nothing(
    nodes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NODES", nodes)
    rng = np.random.default_rng(3)
    anew = 0
    for _ in range(150):
        votes = random_votes(rng, 6, 12)
        best = best_lead(votes, room_for(votes))
        for least, answer in ((best, FOUND), (best + 1, REFUTED)):
            asked = votes._replace(least=least)
            search = RivalSearch(asked)
            calls, found = 0, OPEN
            while found == OPEN:
                found = search.go_on(asked)
                calls += 1
            anew += calls > 1
            assert found == answer
            if found == FOUND:
                assert lead_at(asked, search.level) == best
    assert (anew > 5) == (nodes < 100)


@given(seed=st.integers(0, 2**32), pixels=st.integers(1, 5), neurons=st.integers(1, 8))
def test_what_settled_bits_leave(seed: int, pixels: int, neurons: int) -> None:
    rng = np.random.default_rng(seed)
    votes = random_votes(rng, pixels, neurons)
    value = rng.integers(-1, 2, int(votes.first[-1])).astype(np.int8)
    part = within(votes, value)
    assert (part.need > 0).all()
    assert (value[part.bit] == FREE).all()
    for level in levels_of(votes, value.astype(np.int64)):
        assert lead_at(part, level) == lead_at(votes, level)


def test_neurons_of_a_window_share_a_pattern() -> None:
    """Each of three neurons wants two of three bits to differ: two of them are won at best."""
    pairs = [(0, 1), (1, 2), (0, 2)]
    votes = Votes(
        first=np.arange(4),
        pixel=np.arange(3),
        start=np.arange(0, 13, 2),
        bit=np.array([bit for pair in pairs for bit in pair * 2]),
        rises=np.array([True, False, False, True] * 3),
        need=np.full(6, 2),
        worth=np.full(6, 2),
        base=0,
        least=5,
    )
    factors, desk = made(votes, np.random.default_rng(0))
    assert (len(factors.lone), len(factors.bit)) == (1, 3)
    assert enter_once(votes, factors, desk) == 4 * factors.unit
