import time

import numpy as np
import pytest

from signflip.clock import Clock
from signflip.exact.tree import FAR, MANY, NEAR, SOME, ExactSearch
from signflip.methods import Exact
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem
from signflip.run import Run
from signflip.walk.walker import Walker
from tests.support.random_problems import random_problem
from tests.support.zoo import zoo_problems


def searched(problem: Problem, settings: Exact) -> tuple[ExactSearch, Walker]:
    """A search of the problem, not begun, beside a walk that is new."""
    run, space = Run(problem, Clock.start(None)), PatternSpace.of(problem)
    settle = settings.goal is SearchGoal.DECIDE
    walker = Walker(run, space, seed=0, settle=settle, share=settings.annealing)
    return ExactSearch(settings, run, space, walker), walker


def walk(walker: Walker, runs: int) -> None:
    """Go on to the end of the run of this number."""
    while walker.runs < runs or walker._left:
        walker.step(1_000)


def test_a_walk_near_a_flip_gets_more_time() -> None:
    problems = zoo_problems("fashion-3x100", epsilon=0.01, count=9)
    near, far = problems[7], problems[8]
    search, walker = searched(near, Exact())
    assert search._outlook() == 1.0
    while not walker.near:
        walk(walker, walker.runs + 1)
    assert not search.run.flipped
    assert search._outlook() == NEAR
    search, walker = searched(far, Exact())
    walk(walker, 4)
    assert not walker.near
    assert search._outlook() == 1.0


def test_a_walk_that_does_not_get_there_gets_less(monkeypatch: pytest.MonkeyPatch) -> None:
    search, walker = searched(zoo_problems("mnist-3x100", epsilon=0.02, count=4)[3], Exact())
    walk(walker, SOME + 1)
    assert search._outlook() == FAR
    monkeypatch.setattr(Walker, "near", True)
    assert search._outlook() == NEAR
    monkeypatch.setattr(Walker, "runs", MANY + 1)
    assert search._outlook() == FAR


def test_where_the_best_is_looked_for_the_share_stays() -> None:
    problem = zoo_problems("mnist-3x100", epsilon=0.02, count=1)[0]
    search, walker = searched(problem, Exact(goal=SearchGoal.OPTIMISE))
    walk(walker, SOME + 1)
    assert search._outlook() == 1.0


def test_a_walk_with_nothing_to_do_holds_nobody_up() -> None:
    problem = random_problem(np.random.default_rng(3), inputs=9, widths=(8, 7), epsilon=0.3)
    network = problem.network
    same = type(network.output)(
        np.ones_like(network.output.weight), np.ones(2), np.array([1.0, 0.0])
    )
    flat = Problem(type(network)(network.hidden, same), problem.image, problem.box)
    search, walker = searched(flat, Exact(annealing=1.0))
    time.sleep(0.01)
    search._walk()
    assert walker.moves == 0
