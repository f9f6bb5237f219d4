"""Factors in the checker: against all signs of the free neurons, and what it refuses."""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.arrays import Integers
from signflip.errors import ProofError
from signflip.network import SignLayer
from signflip.proof.factors import MOST_MESSAGE, MOST_READ, UNIT, Factors

SIZE = 6


def bounded(
    layer: SignLayer,
    numbers: Integers,
    limit: int,
    signs: Integers,
    steps: Iterable[int],
    known: Sequence[int] = (),
) -> set[int]:
    """The rivals that steps bound, of a single one; all neurons of the first layer are unstable."""
    given_numbers = iter(steps)
    size = len(signs)
    factors = Factors(
        (layer,),
        [(numbers, limit)],
        np.zeros(size, np.int64),
        [*range(size)],
        lambda: next(given_numbers),
    )
    held = sum(1 << 2 * at + (sign > 0) for at, sign in enumerate(signs.tolist()) if sign)
    factors.bound(signs, held, known, "case")
    return factors.settled(held)


def holds(literals: int, signs: tuple[int, ...]) -> bool:
    """Whether all literals of a set have these signs, -1 or +1 each."""
    return all((signs[at // 2] > 0) == bool(at % 2) for at in range(2 * SIZE) if literals >> at & 1)


@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(1, 6),
    sets=st.lists(st.sets(st.integers(0, 2 * SIZE - 1), min_size=1, max_size=3), max_size=6),
    held=st.lists(st.integers(0, 1), max_size=3),
    kind=st.sampled_from(["any", "small", "none"]),
)
def test_no_signs_exceed_what_factors_say(
    seed: int, width: int, sets: list[set[int]], held: list[int], kind: str
) -> None:
    rng = np.random.default_rng(seed)
    layer = SignLayer.dense(
        rng.choice([-1, 0, 1], (width, SIZE)), rng.integers(-2, 3, width).astype(float)
    )
    numbers = rng.integers(-4, 5, width)
    signs = np.zeros(SIZE, np.int64)
    signs[: len(held)] = np.array(held, np.int64) * 2 - 1
    known = [sum(1 << at for at in each) for each in sets]
    members = rng.permutation(width)[: rng.integers(1, width + 1)]
    groups = [part.tolist() for part in np.array_split(members, rng.integers(1, 4)) if len(part)]
    most = {"any": 20 * UNIT, "small": UNIT, "none": 1}[kind]

    def is_bounded(limit: int) -> bool:
        listed = [number for group in groups for number in (len(group), *group)]
        steps = itertools.chain(
            [1, 0, len(groups), *listed], iter(lambda: int(rng.integers(0, most)), None)
        )
        try:
            return bounded(layer, numbers, limit, signs, steps, known) == {0}
        except ProofError:
            return False

    leads = []
    for every in itertools.product((-1, 1), repeat=SIZE):
        has_case = all(every[at] == signs[at] for at in range(len(held)))
        if has_case and not any(holds(each, every) for each in known):
            last = np.where(layer.sums(np.array([every]))[0] >= layer.threshold, 1, -1)
            leads.append(int(numbers @ last))
    assert is_bounded(10**6)
    if leads:
        assert not is_bounded(max(leads) - 1)


DIFFER = SignLayer.dense(
    np.array([[1, -1, 0], [-1, 1, 0], [0, 1, -1], [0, -1, 1], [1, 0, -1], [-1, 0, 1]]),
    np.full(6, 2.0),
)
"""Of three signs each neuron wants two to differ, one way or the other: two neurons have it."""
ALL = np.ones(6, np.int64)
NONE = np.zeros(3, np.int64)


def test_neurons_of_a_factor_share_their_signs() -> None:
    together = [1, 0, 1, 6, *range(6), 0, 0, 0]
    assert bounded(DIFFER, ALL, -2, NONE, together) == {0}
    with pytest.raises(ProofError, match="do not bound rival no"):
        bounded(DIFFER, ALL, -3, NONE, together)
    apart = [1, 0, 6, *[number for u in range(6) for number in (1, u)], *[0] * 12]
    with pytest.raises(ProofError, match="do not bound rival no"):
        bounded(DIFFER, ALL, 5, NONE, apart)


def test_messages_make_factors_agree() -> None:
    """One wants a sign to be +1, the other wants it to be -1, and both are worth as much."""
    layer = SignLayer.dense(np.array([[1], [-1]]), np.array([1.0, 1.0]))
    two, one = np.ones(2, np.int64), np.zeros(1, np.int64)
    worth = 2 * UNIT
    asked = [1, 0, 2, 1, 0, 1, 1]
    with pytest.raises(ProofError, match="do not bound"):
        bounded(layer, two, 0, one, [*asked, 0, 0])
    # +worth to the first, -worth to the second: zigzag
    assert bounded(layer, two, 0, one, [*asked, 2 * worth, 2 * worth - 1]) == {0}


def test_messages_that_64_bits_do_not_hold_are_added_up() -> None:
    width, size = 600, 900
    layer = SignLayer.dense(np.ones((width, size)), np.zeros(width))
    groups = [number for u in range(width) for number in (1, u)]
    # the lead is reached; the messages add up to 1.03 * 2^63, and no factor gains by them
    steps = [1, 0, width, *groups, *[MOST_MESSAGE - 2] * (width * size)]
    with pytest.raises(ProofError, match="do not bound"):
        bounded(layer, np.ones(width, np.int64), width - 1, np.zeros(size, np.int64), steps)


def test_neurons_that_no_factor_has_count_as_won() -> None:
    some = [1, 0, 1, 4, 0, 1, 2, 3, 0, 0, 0]
    with pytest.raises(ProofError, match="do not bound rival no"):
        bounded(DIFFER, ALL, 0, NONE, some)
    assert bounded(DIFFER, ALL, 2, NONE, some) == {0}


def test_what_sets_leave_is_a_sign() -> None:
    """The first sign is held, and it excludes that the second and third differ from it."""
    signs = np.array([1, 0, 0])
    known = [0b000110, 0b010010]
    asked = [1, 0, 1, 6, *range(6)]
    assert bounded(DIFFER, ALL, -6, signs, asked, known) == {0}  # no message: no sign is free
    with pytest.raises(ProofError, match="do not bound"):
        bounded(DIFFER, ALL, -3, signs, [*asked, 0, 0])


def test_factors_are_told_once() -> None:
    steps = iter([1, 0, 1, 6, *range(6), 0, 0, 0, 1, 0, 0, 0, 0, 0])
    factors = Factors((DIFFER,), [(ALL, -2)], NONE, [0, 1, 2], lambda: next(steps))
    factors.bound(NONE, 0, (), "case")
    factors.bound(NONE, 0, (), "case")
    assert next(steps, None) is None


def test_what_is_bounded_in_a_case_is_so_in_those_that_split_it() -> None:
    steps = iter([1, 0, 1, 6, *range(6), 0, 0])
    factors = Factors((DIFFER,), [(ALL, -2)], NONE, [0, 1, 2], lambda: next(steps))
    factors.bound(np.array([1, 0, 0]), 0b10, (), "case")
    assert factors.settled(0b1010) == factors.settled(0b10) == {0}
    assert factors.settled(0b1) == set()  # another case, and what is below it has not the first
    assert factors.settled(0b10) == set()


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([1, 1], "a rival of its factors is none"),
        ([2, 0, 0], "its factors are of 2 rivals, and there are 1"),
        ([1, 0, 7], "7 factors are more than there are neurons"),
        ([1, 0, 1, 7], "a factor has 7 of 6 neurons"),
        ([1, 0, 2, 4, 0, 1, 2, 3, 3], "a factor has 3 of 2 neurons"),
        ([1, 0, 1, 1, 6], "a neuron of its factors is none"),
        ([1, 0, 2, 1, 3, 1, 3], "is there twice"),
        ([1, 0, 1, 6, *range(6), MOST_MESSAGE], "a message is not below"),
    ],
)
def test_what_it_refuses(steps: list[int], why: str) -> None:
    with pytest.raises(ProofError, match=why):
        bounded(DIFFER, ALL, 0, NONE, steps)


def test_it_is_for_small_factors_and_leads_and_two_layers() -> None:
    none = np.zeros(2, np.int64)
    other = Factors((DIFFER,), [(ALL, 0)], none, [0, 1], lambda: 0)
    other.__dict__["columns"] = np.array([0]), np.array([[2, 1]])  # no map has such weights
    with pytest.raises(ProofError, match="weights -1, 0 and"):
        other.bound(none, 0, (), "case")
    plain = SignLayer.dense(np.array([[1, 1]]), np.array([1.0]))
    with pytest.raises(ProofError, match="leads below"):
        bounded(plain, np.array([2**41]), 0, none, [1, 0, 0])
    with pytest.raises(ProofError, match="two hidden layers"):
        Factors((), [(ALL, 0)], none, [0, 1], lambda: 0).bound(none, 0, (), "case")
    many = MOST_READ + 1
    wide = SignLayer.dense(np.ones((2, many)), np.array([0.0, 1.0]))
    steps = [1, 0, 1, 2, 0, 1, *[0] * many]
    with pytest.raises(ProofError, match=f"read {many} free signs"):
        bounded(wide, np.ones(2, np.int64), 2, np.zeros(many, np.int64), steps)
