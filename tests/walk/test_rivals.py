import numpy as np

from signflip.patterns.space import PatternSpace
from signflip.walk.rivals import Rival, next_rival, rivals_of
from tests.support.random_problems import flat_problem, random_problem


def _rival(index: int, best: float) -> Rival:
    return Rival(index, np.zeros(3, dtype=np.float32), 1.0, 0.0, best=best)


def test_each_has_its_turn_and_then_the_better_the_more_often() -> None:
    rivals = [_rival(index, best) for index, best in enumerate((-5.0, -1.0, -3.0))]
    turns = [next_rival(rivals, number).index for number in range(11)]
    assert turns[:3] == [0, 1, 2]
    assert turns[3:] == [1, 2, 1, 0, 1, 2, 1, 1]


def test_the_closest_in_the_middle_of_the_box_comes_first() -> None:
    problem = random_problem(
        np.random.default_rng(3), inputs=40, widths=(30, 25), classes=6, epsilon=0.3
    )
    rivals = rivals_of(PatternSpace.of(problem))
    assert {rival.index for rival in rivals} == set(problem.rivals)
    middle = (problem.box.lower + problem.box.upper) / 2
    values = problem.network.forward(middle[None])[0]
    in_turn = [values[rival.index] for rival in rivals]
    assert in_turn == sorted(in_turn, reverse=True)


def test_a_rival_that_can_gain_nothing_is_left_out() -> None:
    assert rivals_of(PatternSpace.of(flat_problem())) == []
