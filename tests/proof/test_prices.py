"""Prices in the checker: against all signs of the free neurons, and what it refuses."""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.arrays import Integers
from signflip.errors import ProofError
from signflip.network import SignLayer
from signflip.proof.prices import MOST_TOGETHER, SCALE, Prices, together

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
    prices = Prices(
        (layer,),
        [(numbers, limit)],
        np.zeros(size, np.int64),
        [*range(size)],
        lambda: next(given_numbers),
    )
    held = sum(1 << 2 * at + (sign > 0) for at, sign in enumerate(signs.tolist()) if sign)
    return prices.bounded(signs, held, known, "case")


def holds(literals: int, signs: tuple[int, ...]) -> bool:
    """Whether all literals of a set have these signs, -1 or +1 each."""
    return all((signs[at // 2] > 0) == bool(at % 2) for at in range(2 * SIZE) if literals >> at & 1)


@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(1, 6),
    sets=st.lists(st.sets(st.integers(0, 2 * SIZE - 1), min_size=1, max_size=3), max_size=6),
    held=st.lists(st.integers(0, 1), max_size=3),
    kind=st.sampled_from(["any", "even", "ends"]),
)
def test_no_signs_exceed_what_prices_say(
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

    def is_bounded(limit: int) -> bool:
        drawn = {
            "any": lambda: int(rng.integers(0, SCALE + 1)),
            "even": lambda: SCALE // int(rng.integers(1, SIZE + 1)),
            "ends": lambda: int(rng.choice([0, SCALE])),
        }[kind]
        steps = itertools.chain([1, 0], iter(drawn, None))
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
    assert is_bounded(15 * int(np.abs(numbers).sum()))
    if leads:
        assert not is_bounded(max(leads) - 1)


ALL = SignLayer.dense(np.array([[1, 1, 1], [1, 1, 1], [-1, 0, 0]]), np.array([3.0, 3.0, 1.0]))
"""Two neurons that need all of three signs +1, and one that needs the first to be -1."""
BOTH = np.array([1, 1, 2])


def test_prices_of_one_sign_say_that_neurons_want_it_differently() -> None:
    none = np.zeros(3, np.int64)
    apart = [1, 0, *[SCALE, 0, 0] * 2, SCALE]
    assert bounded(ALL, BOTH, 0, none, apart) == {0}  # the first two or the third
    with pytest.raises(ProofError, match="do not bound rival no"):
        bounded(ALL, BOTH, -1, none, apart)
    alike = [1, 0, *[SCALE // 3] * 6, SCALE]
    with pytest.raises(ProofError, match="do not bound rival no"):
        bounded(ALL, BOTH, 0, none, alike)


def test_signs_that_exclude_each_other_are_not_paid_together() -> None:
    """The second and the third are never both +1."""
    none, one = np.zeros(3, np.int64), np.array([1, 0, 0])
    prices = [1, 0, 0, SCALE // 2, SCALE // 2]
    with pytest.raises(ProofError, match="do not bound"):
        bounded(ALL, one, 0, none, prices)
    assert bounded(ALL, one, 0, none, prices, [0b101000]) == {0}


def test_groups_are_kept_small() -> None:
    pairs = [1 << 2 * at + 1 | 1 << 2 * at + 3 for at in range(2 * MOST_TOGETHER)]
    groups = together([*range(2 * MOST_TOGETHER + 1)], pairs, 0)
    assert sorted(at for places, _ in groups for at in places) == [*range(2 * MOST_TOGETHER + 1)]
    assert max(len(places) for places, _ in groups) <= MOST_TOGETHER
    # of eight in a row no two beside each other are +1: a Fibonacci number of choices
    assert 55 in {len(choices) for _, choices in groups}


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([1, 0, SCALE + 1, *[0] * 5, SCALE], "a price is above 65536"),
        ([1, 1], "a rival of its prices is none"),
        ([2, 0, 0], "is there twice"),
    ],
)
def test_what_it_refuses(steps: list[int], why: str) -> None:
    with pytest.raises(ProofError, match=why):
        bounded(ALL, BOTH, 0, np.zeros(3, np.int64), steps)


def test_it_is_for_small_weights_and_leads_and_two_layers() -> None:
    none = np.zeros(2, np.int64)
    other = Prices((ALL,), [(BOTH, 0)], none, [0, 1], lambda: 0)
    other.__dict__["columns"] = np.array([0]), np.array([[2, 1]])  # no map has such weights
    with pytest.raises(ProofError, match="weights -1, 0 and"):
        other.bounded(none, 0, (), "case")
    plain = SignLayer.dense(np.array([[1, 1]]), np.array([1.0]))
    with pytest.raises(ProofError, match="leads below"):
        bounded(plain, np.array([2**41]), 0, none, [1, 0, 0, 0])
    with pytest.raises(ProofError, match="two hidden layers"):
        Prices((), [(BOTH, 0)], none, [0, 1], lambda: 0).bounded(none, 0, (), "case")
