"""Forms against brute force: none bounds a lead that is reached, whatever its numbers are."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.errors import ProofError
from signflip.proof.joint import POINT, Form, Rival, semidefinite


def least_pivot(matrix: np.ndarray) -> Fraction:
    """The least pivot of an elimination in fractions: below 0 iff an eigenvalue is."""
    rest = [[Fraction(x) for x in row] for row in matrix.tolist()]
    least = Fraction(1)
    while rest:
        pivot = rest[0][0]
        if pivot <= 0:
            return min(pivot, Fraction(0), -max(abs(x) for x in rest[0]))
        least = min(least, pivot)
        rest = [
            [x - row[0] * y / pivot for x, y in zip(row[1:], rest[0][1:], strict=True)]
            for row in rest[1:]
        ]
    return least


@given(data=st.data(), size=st.integers(1, 6))
def test_a_matrix_that_is_shown_semidefinite_is(data: st.DataObject, size: int) -> None:
    rows = data.draw(
        st.lists(st.lists(st.integers(-9, 9), min_size=size, max_size=size), min_size=1, max_size=7)
    )
    gram = np.array(rows, np.int64).T @ np.array(rows, np.int64)
    more = data.draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))
    scale = data.draw(st.sampled_from((1, 1000, 2**20)))
    matrix = scale * gram + np.diag(more)
    if semidefinite(matrix):
        assert least_pivot(matrix) >= 0


@given(data=st.data(), size=st.integers(1, 12))
def test_a_matrix_with_some_room_is_shown_semidefinite(data: st.DataObject, size: int) -> None:
    seed = data.draw(st.integers(0, 10**6))
    signs = np.random.default_rng(seed).choice([-1, 0, 1], (30, size))
    products = 1000 * signs.T @ signs
    lift = int(products.diagonal().max(initial=1)) // 1000 + 1
    assert semidefinite(products + lift * np.eye(size, dtype=np.int64))
    assert not semidefinite(
        products - (int(np.linalg.eigvalsh(products)[0]) + lift) * np.eye(size, dtype=np.int64)
    )


@st.composite
def leads(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Settled sums (K,), effects (K, m), numbers (K,) of a lead; rows with no zero, or some."""
    rows, size = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    numbers = rng.choice([-2, 2], rows) if draw(st.booleans()) else rng.integers(-50, 50, rows)
    effects = draw(st.sampled_from([[-1, 0, 1], [-1, 1]]))
    return rng.integers(-6, 6, rows), rng.choice(effects, (rows, size)), numbers


def best(
    lead: tuple[np.ndarray, np.ndarray, np.ndarray], signs: np.ndarray, parity: int = -1
) -> int:
    """The greatest value over all signs of the free neurons, or those of a parity."""
    settled, effect, numbers = lead
    choices = product(*([-1, 1] if sign == 0 else [int(sign)] for sign in signs))
    every = [chosen for chosen in choices if parity < 0 or chosen.count(1) % 2 == parity]
    sums = (settled + effect @ np.array(chosen) for chosen in every)
    values = (int(numbers @ np.where(total >= 0, 1, -1)) for total in sums)
    return max(values, default=-int(np.abs(numbers).sum()) - 1)


@given(lead=leads(), data=st.data())
def test_no_form_bounds_a_lead_that_is_reached(
    lead: tuple[np.ndarray, ...], data: st.DataObject
) -> None:
    settled, effect, numbers = lead
    size = effect.shape[1]
    signs = np.array(
        data.draw(st.lists(st.sampled_from((0, 0, 1, -1)), min_size=size, max_size=size))
    )
    parity = data.draw(st.sampled_from([-1, 0, 1]))
    reached = best((settled, effect, numbers), signs, parity)
    shift = data.draw(st.sampled_from((0, 12, 28)))
    worth = data.draw(st.sampled_from(((1, 4), (1, 1), (7, 100), (1000, 33))))
    rows = int((numbers != 0).sum())
    curves = data.draw(st.lists(st.integers(0, 16000), min_size=rows, max_size=rows))
    kept = effect[numbers != 0]
    across = np.abs((kept.T * np.array(curves, np.int64)) @ kept).sum(axis=1)
    diagonal = {
        j: int(across[j]) + data.draw(st.integers(1, 2000)) + int(across.max(initial=0)) // 1000
        for j in range(size)
    }
    point = data.draw(
        st.lists(st.integers(0, POINT), min_size=(n := int((signs == 0).sum())), max_size=n)
    )
    form = Form(Rival(settled, effect, (numbers, reached - 1)), worth, shift, curves, diagonal)
    assert not form.bounds(signs, point, parity) or reached < -int(np.abs(numbers).sum())
    total = int(np.abs(numbers).sum())
    if rows and shift == 28:
        sure = Form(
            Rival(settled, effect, (numbers, total)),
            (1, 1),
            shift,
            [0] * rows,
            dict.fromkeys(range(size), 1),
        )
        assert sure.bounds(signs, point)


def test_forms_bound_what_neurons_cannot_have_together() -> None:
    # neuron k is +1 only if 3 of 4 in its own corner agree: each alone can be, most together cannot
    effect = np.array(list(product((-1, 1), repeat=4)), np.int64)
    settled, numbers = np.full(16, -3), np.full(16, 2)
    signs, reached = np.zeros(4, np.int64), best((np.full(16, -3), effect, numbers), np.zeros(4))
    assert reached == -32 + 4  # one neuron
    curve, middle = 4096, [POINT // 2] * 4
    diagonal = dict.fromkeys(range(4), 16 * curve + 200)
    for limit, shown in ((reached - 1, False), (31, True)):
        form = Form(Rival(settled, effect, (numbers, limit)), (1, 4), 28, [curve] * 16, diagonal)
        assert form.bounds(signs, middle) is shown
    with pytest.raises(ProofError, match="dominate"):
        Form(
            Rival(settled, effect, (numbers, 0)),
            (1, 4),
            28,
            [curve] * 16,
            dict.fromkeys(range(4), 15 * curve),
        )


@pytest.mark.parametrize(
    ("worth", "reason"),
    [((1, 0), "divides by 0"), ((0, 1), "worth nothing"), ((2**60, 1), "worth too much")],
)
def test_numbers_out_of_range_are_refused(worth: tuple[int, int], reason: str) -> None:
    rival = Rival(np.zeros(1, np.int64), np.ones((1, 1), np.int64), (np.array([2]), 0))
    with pytest.raises(ProofError, match=reason):
        Form(rival, worth, 28, [0], {0: 1})
