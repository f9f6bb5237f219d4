"""The bound (B) over bits of pixels against all patterns, for any prices and any ranges."""

import itertools
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from signflip.arrays import Integers
from signflip.exact.bits_bound import SCALE, Room, Votes, descend, enter, lead, room_for, value


def _bound_of(votes: Votes, room: Room) -> int:
    return value(votes, room, enter(votes, room))


def _steps_of(votes: Votes, room: Room, steps: int, gap: float) -> list[tuple[int, int]]:
    """The bound and the pattern's lead after each step of the descent."""
    fixed = enter(votes, room)
    seen = []
    for _ in range(steps):
        bound = value(votes, room, fixed)
        seen.append((bound, lead(votes, room, fixed)))
        if not descend(votes, room, gap * SCALE):
            break
    return seen


bound_of: Any = njit(_bound_of)
steps_of: Any = njit(_steps_of)


def random_votes(rng: np.random.Generator, pixels: int, neurons: int) -> Votes:
    """Neurons that read some bits, a few of them more than once."""
    first = np.append(0, np.cumsum(rng.integers(1, 4, pixels)))
    bits = int(first[-1])
    reads = [np.sort(rng.integers(0, bits, rng.integers(1, 7))) for _ in range(neurons)]
    sizes = np.array([len(read) for read in reads])
    return Votes(
        first=first,
        pixel=np.repeat(np.arange(pixels), np.diff(first)),
        start=np.append(0, np.cumsum(sizes)),
        bit=np.concatenate(reads),
        rises=rng.random(int(sizes.sum())) < 0.5,
        need=rng.integers(1, sizes + 1),
        worth=rng.integers(1, 6, neurons) * 2,
        base=int(rng.integers(-9, 10)),
        least=0,
    )


def lead_at(votes: Votes, level: Integers) -> int:
    passed = np.concatenate(
        [np.arange(n) < at for n, at in zip(np.diff(votes.first), level, strict=True)]
    )
    on = passed[votes.bit] == votes.rises
    won = np.add.reduceat(on.astype(np.int64), votes.start[:-1]) >= votes.need
    return votes.base + int(votes.worth[won].sum())


def best_lead(votes: Votes, room: Room) -> int:
    ranges = [range(a, b + 1) for a, b in zip(room.low, room.high, strict=True)]
    return max(lead_at(votes, np.array(level)) for level in itertools.product(*ranges))


@given(seed=st.integers(0, 2**32), pixels=st.integers(1, 5), neurons=st.integers(1, 8))
def test_no_pattern_of_a_node_is_above_the_bound(seed: int, pixels: int, neurons: int) -> None:
    rng = np.random.default_rng(seed)
    votes = random_votes(rng, pixels, neurons)
    room = room_for(votes)
    room.price[:] = np.minimum(rng.exponential(SCALE / 2, len(room.price)), SCALE)
    room.low[:] = rng.integers(0, np.diff(votes.first) + 1)
    room.high[:] = rng.integers(room.low, np.diff(votes.first) + 1)
    assert bound_of(votes, room) >= SCALE * best_lead(votes, room)


@given(seed=st.integers(0, 2**32), pixels=st.integers(1, 5), neurons=st.integers(1, 8))
def test_each_step_keeps_a_bound_and_knows_its_pattern(
    seed: int, pixels: int, neurons: int
) -> None:
    votes = random_votes(np.random.default_rng(seed), pixels, neurons)
    room = room_for(votes)
    best = best_lead(votes, room)
    seen = steps_of(votes, room, 10, 3.0)
    assert min(bound for bound, _ in seen) >= SCALE * best
    assert max(found for _, found in seen) <= best
    assert ((room.price >= 0) & (room.price <= SCALE)).all()


def test_steps_go_far_below_one_price_for_each_neuron() -> None:
    """Three of three bits are needed, and one of them is never there with the others."""
    first = np.array([0, 1, 2, 3])
    neurons = 6
    # neurons 0 to 2 need bits 0, 1 and 2 passed, neurons 3 to 5 need bit 0 not passed
    votes = Votes(
        first=first,
        pixel=np.arange(3),
        start=np.array([0, 3, 6, 9, 10, 11, 12]),
        bit=np.array([0, 1, 2] * 3 + [0] * 3),
        rises=np.array([True] * 9 + [False] * 3),
        need=np.array([3, 3, 3, 1, 1, 1]),
        worth=np.full(neurons, 2),
        base=0,
        least=0,
    )
    room = room_for(votes)
    assert best_lead(votes, room) == 6
    # one price a neuron, p <= S / 3, pays two thirds of S too much for each of the first three
    seen = [bound for bound, _ in steps_of(votes, room, 200, 0.5)]
    assert min(seen) < 6.2 * SCALE
    assert seen[0] > 8 * SCALE


@given(seed=st.integers(0, 2**32))
def test_neurons_that_a_node_decides_are_counted_for_sure(seed: int) -> None:
    rng = np.random.default_rng(seed)
    votes = random_votes(rng, 4, 6)
    room = room_for(votes)
    room.low[:] = room.high[:] = rng.integers(0, np.diff(votes.first) + 1)
    assert bound_of(votes, room) == SCALE * lead_at(votes, room.low)
    assert room.size[0] == 0
