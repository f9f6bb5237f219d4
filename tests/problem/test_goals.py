import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from signflip.errors import ProblemError
from signflip.many.plan import cases_of
from signflip.problem import AnyOther, Problem, RunnerUp, Target, Untargeted
from tests.support.sweeps import KEY, NETWORK, image_set
from tests.support.tiny import tiny_network

IMAGES = image_set(3)
NO_GOALS = [3, 0, -1, 99, True, "second", "3", "untargeted", Target, Untargeted, 1.0, [1], (1,)]


@pytest.mark.parametrize("goal", NO_GOALS)
def test_what_is_no_goal_is_refused(goal: Any) -> None:
    with pytest.raises(ProblemError, match=r"the goal is .*Target\(3\), Untargeted\(\), or None"):
        Problem.ball(NETWORK, IMAGES.images[0], epsilon=0.1, goal=goal)
    with pytest.raises(ProblemError, match="the goal is"):
        cases_of(NETWORK, IMAGES, [0], goal, key=KEY, name="tiny")


@pytest.mark.parametrize(
    "index", [1.5, 1.0, np.float64(1), "1", None, True, np.True_, Target, [1], np.array([1, 2])]
)
def test_a_target_that_is_no_whole_number_is_refused(index: Any) -> None:
    with pytest.raises(ProblemError, match=r"the target is .*a whole number"):
        Target(index)


@pytest.mark.parametrize("kind", [int, np.int8, np.uint8, np.int64, np.array])
def test_whole_numbers_of_numpy_are_targets(kind: Any) -> None:
    goal = Target(kind(2))
    assert goal == Target(2)
    assert type(goal.class_index) is int
    assert repr(goal) == "Target(class_index=2)"
    assert pickle.loads(pickle.dumps(goal)) == goal


def test_a_target_below_0_is_refused_before_any_attack() -> None:
    with pytest.raises(ProblemError, match="the target is class -1; tiny has classes 0 to 2"):
        cases_of(NETWORK, IMAGES, [0], Target(-1), key=KEY, name="tiny")


def test_goals_name_their_rivals() -> None:
    ranking = (2, 0, 3, 1)
    assert RunnerUp().rivals(ranking) == (0,)
    assert RunnerUp().settled(ranking) == Target(0)
    assert AnyOther().rivals(ranking) == (0, 1, 3)
    assert AnyOther().settled(ranking) == Untargeted()
    assert Target(3).rivals(ranking) == (3,)
    assert [goal.target for goal in (RunnerUp(), AnyOther(), Target(1))] == [None, None, 1]


def test_a_goal_of_ones_own_is_taken() -> None:
    @dataclass(frozen=True)
    class Even:
        target: None = None

        def rivals(self, ranking: Sequence[int]) -> tuple[int, ...]:
            return tuple(c for c in ranking[1:] if c % 2 == 0)

        def settled(self, ranking: Sequence[int]) -> "Even":  # noqa: ARG002
            return self

    network = tiny_network()
    image = np.full(16, 0.5)
    prediction = int(network.predict(image[None])[0])
    problem = Problem.ball(network, image, epsilon=0.1, goal=Even())
    assert set(problem.rivals) == {0, 2} - {prediction}
