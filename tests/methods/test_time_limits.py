"""Wide networks: what is prepared for a search has the search's time limit."""

from itertools import pairwise

import numpy as np
import pytest

from signflip.attack import Method, attack
from signflip.methods import Exact, IProp, Milp
from signflip.methods.climb import BATCH, most_at_once
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
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
