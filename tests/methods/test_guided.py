import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.arrays import Floats
from signflip.attack import attack
from signflip.errors import ProblemError
from signflip.methods import guided
from signflip.methods.apgd import Apgd
from signflip.methods.guided import FEWEST, Guided, _children
from signflip.methods.rivals import Rivals, leads, nearest_rival
from signflip.problem import Distance, Norm, Problem, Untargeted
from signflip.result import Stop
from signflip.search import Search
from tests.support.random_problems import random_problem
from tests.support.strategies import problems
from tests.support.zoo import zoo_problems


def untargeted(rng: np.random.Generator, classes: int) -> Problem:
    """A small problem of several rivals."""
    made = random_problem(rng, inputs=9, widths=(20, 20), classes=classes)
    return Problem.ball(made.network, made.image, epsilon=0.1, goal=Untargeted())


@settings(max_examples=40)
@given(problems(), st.integers(0, 2**32))
def test_children_are_in_the_region(problem: Problem, seed: int) -> None:
    rng = np.random.default_rng(seed)
    slope = rng.standard_normal(len(problem.image))
    for each in _children(problem, problem.image, slope, 8, rng):
        assert problem.region.contains(each)


def test_children_go_where_the_slope_pulls() -> None:
    rng = np.random.default_rng(0)
    problem = random_problem(rng, inputs=400, widths=(9, 8), epsilon=0.1)
    slope = np.zeros(400)
    slope[:20] = 1.0
    children = _children(problem, problem.image, slope, 500, rng)
    moved = children != problem.image
    assert moved[:, :20].mean() > 5 * moved[:, 20:].mean() > 0  # some go where chance has it
    assert moved.sum(axis=1).mean() > FEWEST
    led = moved[:, :20]
    assert (children[:, :20] > problem.image[:20])[led].mean() > 0.8


def test_a_line_begins_at_the_warm_start_and_goes_beyond_it() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.02, count=1)[0]
    climbed = attack(problem, Apgd(restarts=4, iterations=20))
    evolved = attack(problem, Guided(restarts=1, iterations=1, patience=200), start=climbed.witness)
    assert evolved.objective > climbed.objective


def test_nothing_is_evolved_when_time_is_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass over a wide network takes long: what a climb found was offered by itself."""

    def late(run: Search, _surrogate: object, images: Floats, **_: object) -> Floats:
        while not run.clock.expired():
            time.sleep(0.01)
        return images

    monkeypatch.setattr(guided, "climb_narrowing", late)
    monkeypatch.setattr(Guided, "_evolve", lambda *_: pytest.fail("it evolves"))
    monkeypatch.setattr(guided, "leads", lambda *_: pytest.fail("it ranks"))
    result = attack(untargeted(np.random.default_rng(0), 3), Guided(), time_limit=0.2)
    assert result.stop is Stop.TIME_LIMIT


def test_it_minimises_no_norm() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.02, count=1)[0]
    distance = Problem.ball(problem.network, problem.image, epsilon=0.02, measure=Distance(Norm.L1))
    with pytest.raises(ProblemError, match="Guided looks for the largest objective"):
        attack(distance, Guided())


def test_rivals_take_turns_and_then_those_that_came_nearest() -> None:
    rng = np.random.default_rng(1)
    problem = untargeted(rng, classes=6)
    rivals = Rivals(problem)
    turns = rivals.next(6)
    first = turns[1:]
    assert turns.tolist() == [first[0], *problem.nearest_rivals]
    images = rng.random((5, 9))
    rivals.learn(first, images)
    came = leads(problem, images, first)
    ranked = first[np.argsort(-came, kind="stable")].tolist()
    expected = [ranked[place] for place in (0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0, 4)]
    assert rivals.next(16).tolist() == expected
    assert rivals.next(0).tolist() == []


def test_leads_are_those_of_the_network() -> None:
    rng = np.random.default_rng(2)
    problem = untargeted(rng, classes=4)
    images = rng.random((6, 9))
    every = [leads(problem, images, np.full(6, rival)) for rival in problem.nearest_rivals]
    np.testing.assert_allclose(np.max(every, axis=0), problem.objectives(images))
    for image, own in zip(images, np.array(every).T, strict=True):
        assert nearest_rival(problem, image) == problem.nearest_rivals[int(own.argmax())]
