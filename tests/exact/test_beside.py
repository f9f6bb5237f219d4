import time

import pytest

from signflip.clock import Clock
from signflip.exact.beside import FAR, MANY, NEAR, SOME, WalkBeside
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem
from signflip.run import Run
from signflip.walk.walker import Walker
from tests.support.random_problems import flat_problem
from tests.support.zoo import zoo_problems


def walked_beside(problem: Problem, goal: SearchGoal) -> tuple[WalkBeside, Walker]:
    """A walk beside a search of the problem."""
    run, space = Run(problem, Clock.start(None)), PatternSpace.of(problem)
    walker = Walker(run, space, seed=0, settle=goal is SearchGoal.DECIDE, share=0.2)
    return WalkBeside(run, space, goal, 0.2, walker), walker


def walk(walker: Walker, runs: int) -> None:
    """Go on to the end of the run of this number."""
    while walker.runs < runs or walker._left:
        walker.step(1_000)


def test_a_walk_near_a_flip_gets_more_time() -> None:
    problems = zoo_problems("fashion-3x100", epsilon=0.01, count=9)
    near, far = problems[7], problems[8]
    beside, walker = walked_beside(near, SearchGoal.DECIDE)
    assert beside.outlook() == 1.0
    while not walker.near:
        walk(walker, walker.runs + 1)
    assert not walker._run.flipped
    assert beside.outlook() == NEAR
    beside, walker = walked_beside(far, SearchGoal.DECIDE)
    walk(walker, 4)
    assert not walker.near
    assert beside.outlook() == 1.0


def test_a_walk_that_does_not_get_there_gets_less(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = zoo_problems("mnist-3x100", epsilon=0.02, count=4)[3]
    beside, walker = walked_beside(problem, SearchGoal.DECIDE)
    walk(walker, SOME + 1)
    assert beside.outlook() == FAR
    monkeypatch.setattr(Walker, "near", True)
    assert beside.outlook() == NEAR
    monkeypatch.setattr(Walker, "runs", MANY + 1)
    assert beside.outlook() == FAR


def test_where_the_best_is_looked_for_the_share_stays() -> None:
    problem = zoo_problems("mnist-3x100", epsilon=0.02, count=1)[0]
    beside, walker = walked_beside(problem, SearchGoal.OPTIMISE)
    walk(walker, SOME + 1)
    assert beside.outlook() == 1.0


def test_a_walk_with_nothing_to_do_holds_nobody_up() -> None:
    beside, walker = walked_beside(flat_problem(), SearchGoal.DECIDE)
    time.sleep(0.01)
    beside.turn()
    assert walker.moves == 0
