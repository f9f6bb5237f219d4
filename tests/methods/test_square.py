import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import attack
from signflip.errors import SettingError
from signflip.methods import square
from signflip.methods.square import Square, picture_shape
from signflip.problem import Problem
from signflip.square.kernel import search, state_at, tables_of
from tests.support.random_problems import random_problem
from tests.support.tiny import tiny_network


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 9), min_size=1, max_size=4), st.booleans())
def test_what_changes_adds_up_to_a_forward_pass(seed: int, widths: list[int], plain: bool) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=18, widths=widths, classes=3, plain=plain)
    tables = tables_of(problem)
    state = state_at(problem, tables, rng.random(18) < 0.5)
    sides = rng.integers(1, 5, 50)
    shape = (2, 3, 3)
    best = state.values.max()
    for row in range(50):
        made = search(tables, state, shape, sides[row : row + 1], rng.random((1, 4)), np.inf)
        assert made == 1
        assert state.values.max() >= best
        best = state.values.max()
    anew = state_at(problem, tables, state.upper)
    np.testing.assert_allclose(state.sums, anew.sums, atol=1e-9)
    np.testing.assert_allclose(state.values, anew.values, atol=1e-9)
    image = np.where(state.upper, problem.box.upper, problem.box.lower)
    assert problem.objectives(image[None])[0] == pytest.approx(best)


def test_squares_are_squares() -> None:
    problem = Problem.ball(tiny_network(), np.full(16, 0.5), epsilon=0.0)
    tables = tables_of(Problem.ball(problem.network, problem.image, epsilon=0.25))
    tables = tables._replace(coefficients=np.zeros_like(tables.coefficients))  # all is kept
    state = state_at(problem, tables, np.zeros(16, dtype=bool))
    # the last place of a square of 2 in 4 x 4, upwards
    search(tables, state, (1, 4, 4), np.array([2]), np.array([[0.99, 0.99, 0.1]]), np.inf)
    np.testing.assert_array_equal(np.flatnonzero(state.upper), [10, 11, 14, 15])
    # pixels that cannot move are left alone
    still = tables._replace(spread=np.zeros(16))
    search(still, state, (1, 4, 4), np.array([4]), np.array([[0.0, 0.0, 0.9]]), np.inf)
    np.testing.assert_array_equal(np.flatnonzero(state.upper), [10, 11, 14, 15])


def test_sizes_follow_the_papers_schedule() -> None:
    sides = square._sides(0.8, 10_000, (1, 28, 28))
    assert sides[[0, 10, 11, 51, 201, 9_999]].tolist() == [25, 25, 18, 13, 9, 1]
    assert (np.diff(sides) <= 0).all()


def test_pictures_that_are_no_squares_are_one_row() -> None:
    problem = Problem.ball(tiny_network(inputs=15), np.full(15, 0.5), epsilon=0.1)
    assert picture_shape(problem) == (1, 1, 15)
    assert picture_shape(Problem.ball(tiny_network(), np.zeros(16), epsilon=0.1)) == (1, 4, 4)


def test_networks_too_large_for_tables_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(square, "MOST_WEIGHTS", 100)
    problem = Problem.ball(tiny_network(), np.full(16, 0.5), epsilon=0.1)
    with pytest.raises(SettingError, match=r"has 192 weights as matrices; square keeps at most 10"):
        attack(problem, Square())
