"""Wide networks: what is prepared for a search has the search's time limit."""

from itertools import pairwise

import numpy as np
import pytest

from signflip.attack import Method, attack
from signflip.clock import ENDLESS, UNNOTICED, Clock, OutOfTime
from signflip.methods import Auto, Exact, IProp, Milp, Square, Walk, table_time
from signflip.methods.climb import BATCH, most_at_once
from signflip.methods.search_goal import SearchGoal
from signflip.methods.table_time import allow_tables
from signflip.network import BinaryNetwork, OutputLayer, SignLayer, Sparse
from signflip.problem import Problem
from signflip.result import Stop, Verdict
from tests.support.tiny import tiny_network

WIDTH = 1500


@pytest.fixture(scope="module")
def wide() -> Problem:
    """Three hidden layers of 1,500 neurons, nearly all of which the ball can turn."""
    rng = np.random.default_rng(0)
    widths = (20, WIDTH, WIDTH, WIDTH)
    weights = [
        rng.choice(np.array([-1, 1], dtype=np.int8), (after, before))
        for before, after in pairwise(widths)
    ]
    thresholds = [0.5 * weights[0].sum(axis=1), np.zeros(WIDTH), np.zeros(WIDTH)]
    hidden = tuple(map(SignLayer.dense, weights, thresholds))
    output = OutputLayer(rng.choice([-1, 1], (3, WIDTH)), np.ones(3), np.zeros(3))
    return Problem.ball(BinaryNetwork(hidden, output), rng.random(20), epsilon=0.4)


def test_a_program_too_large_for_the_time_is_not_written(wide: Problem) -> None:
    result = attack(wide, Milp(), time_limit=1)
    assert (result.verdict, result.stop) == (Verdict.UNKNOWN, Stop.TIME_LIMIT)
    assert result.remark is not None
    assert result.remark.startswith("Writing down a program of ")


@pytest.mark.parametrize("method", [IProp(), Milp(), Exact()])
def test_no_time_at_all_is_an_answer(wide: Problem, method: Method) -> None:
    result = attack(wide, method, time_limit=0)
    assert (result.verdict, result.stop) == (Verdict.UNKNOWN, Stop.TIME_LIMIT)


def test_the_bound_of_intervals_is_said_where_the_search_has_no_time(wide: Problem) -> None:
    result = attack(wide, Exact(), time_limit=0)
    assert result.bound is not None
    assert result.bound <= 2 * WIDTH


def test_batches_of_a_wide_network_are_smaller(wide: Problem) -> None:
    assert most_at_once(tiny_network()) == BATCH
    assert 1 <= most_at_once(wide.network) < BATCH


@pytest.fixture(scope="module")
def vast() -> Problem:
    """A matrix of its 24,000 and 24,000 neurons takes more than a second."""
    rng = np.random.default_rng(0)
    weight = rng.choice(np.array([-1, 1], dtype=np.int8), (24_000, 20))
    hidden = (
        SignLayer.dense(weight, 0.5 * weight.sum(axis=1)),
        SignLayer(Sparse.selection(24_000, np.arange(24_000)), np.zeros(24_000)),
        SignLayer(Sparse.totals(np.arange(24_000) % 30, 30), np.zeros(30)),
    )
    output = OutputLayer(rng.choice([-1, 1], (3, 30)), np.ones(3), np.zeros(3))
    return Problem.ball(BinaryNetwork(hidden, output), np.full(20, 0.4), epsilon=0.01)


@pytest.mark.parametrize("method", [Walk(), IProp(), Square()])
@pytest.mark.parametrize("limit", [0.0, 0.2])
def test_tables_that_take_too_long_are_not_made(
    vast: Problem, method: Method, limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_time, "SPARSE", 10_000)
    result = attack(vast, method, time_limit=limit)
    assert (result.verdict, result.stop) == (Verdict.UNKNOWN, Stop.TIME_LIMIT)
    if limit:
        assert result.remark.startswith("Making tables of so wide a network takes longer than")


@pytest.mark.parametrize("method", [Auto(), Exact(), Auto(goal=SearchGoal.OPTIMISE)])
@pytest.mark.parametrize("epsilon", [0.0005, 0.01, 0.2])
def test_where_the_walk_has_no_time_for_its_tables_there_is_none(
    vast: Problem, method: Method, epsilon: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_time, "SPARSE", 10_000)
    made: list[BinaryNetwork] = []
    monkeypatch.setattr("signflip.walk.walker.tables_of", made.append)
    problem = Problem.ball(vast.network, vast.image, epsilon=epsilon)
    result = attack(problem, method, time_limit=0.3)
    assert result.stop in (Stop.TIME_LIMIT, Stop.DECIDED, Stop.OPTIMAL)
    assert result.found_by in (None, "gradient", "exact", "intervals")
    assert not made


def test_tables_of_sparse_maps_take_the_time_of_their_weights(vast: Problem) -> None:
    result = attack(vast, Walk(), time_limit=0.2)
    assert "Making tables" not in result.remark


def test_small_tables_are_made_without_a_look_at_the_clock() -> None:
    assert Clock.start(0.0).suffices(UNNOTICED)
    assert not Clock.start(0.0).suffices(1.0)
    assert ENDLESS.suffices(1e9)
    allow_tables(ENDLESS, 1e9)
    with pytest.raises(OutOfTime, match="Making tables"):
        allow_tables(Clock.start(0.0), 1.0)
