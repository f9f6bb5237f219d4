from dataclasses import replace

import numpy as np
import pytest

from signflip.errors import DataError, ProblemError
from signflip.many.plan import Plan, cases_of
from signflip.problem import Problem, Target, Untargeted
from tests.support.fake_methods import Quick
from tests.support.sweeps import KEY, NETWORK, image_set, keys, series, tiny_plan
from tests.support.tiny import CLASSES, tiny_network

IMAGES = image_set(20)


def test_cases_know_what_the_network_says() -> None:
    cases = cases_of(NETWORK, IMAGES, [3, 1, 7], None, key=KEY, name="tiny")
    assert [case.index for case in cases] == [3, 1, 7]
    for case in cases:
        problem = Problem.ball(NETWORK, case.image, epsilon=0.1)
        assert case.goal == problem.goal  # the second-highest class
        assert case.prediction == problem.prediction
        assert case.label == IMAGES.labels[case.index]
        assert np.array_equal(case.image, IMAGES.images[case.index])


def test_cases_of_a_network_with_scales() -> None:
    network = tiny_network(scale=(0.5, -2.0, 1e-3))
    for case in cases_of(network, IMAGES, range(20), None, key="k", name="scaled"):
        assert case.goal == Problem.ball(network, case.image, epsilon=0.1).goal


def test_images_that_are_predicted_as_the_target_are_left_out() -> None:
    predictions = NETWORK.predict(IMAGES.images).tolist()
    target = predictions[0]
    cases = cases_of(NETWORK, IMAGES, range(20), Target(target), key=KEY, name="tiny")
    assert [case.index for case in cases] == [i for i in range(20) if predictions[i] != target]
    assert {case.target for case in cases} == {target}
    with pytest.raises(ProblemError, match="predicts for every chosen image of noise already"):
        cases_of(NETWORK, IMAGES, [0], Target(target), key=KEY, name="tiny")


def test_an_untargeted_case_has_no_target() -> None:
    (case,) = cases_of(NETWORK, IMAGES, [0], Untargeted(), key=KEY, name="tiny")
    assert case.target is None


def test_a_target_that_is_no_class() -> None:
    with pytest.raises(ProblemError, match=f"target is class {CLASSES}; tiny has classes 0 to"):
        cases_of(NETWORK, IMAGES, [0], Target(CLASSES), key=KEY, name="tiny")


def test_images_of_another_size() -> None:
    with pytest.raises(DataError, match="this network reads"):
        cases_of(tiny_network(inputs=5), IMAGES, [0], None, key=KEY, name="tiny")


def test_tasks_take_image_after_image_of_all_blocks() -> None:
    first = tiny_plan(series("a", Quick()), series("b", Quick(number=1)), epsilons=(0.1, 0.2))
    second = tiny_plan(series("c", Quick(number=2)), images=2)
    plan = Plan(
        title="", networks={KEY: NETWORK}, names={KEY: "tiny"}, blocks=first.blocks + second.blocks
    )
    found = [(each.case.index, each.epsilon, each.series.name) for each in plan.tasks()]
    cells = [(e, name) for e in (0.1, 0.2) for name in ("a", "b")]
    one = [(index, *cell) for index in range(3) for cell in cells]
    assert found == [*one[:4], (0, 0.25, "c"), *one[4:8], (1, 0.25, "c"), *one[8:]]
    assert len(keys(plan.tasks())) == len(found)


def test_a_task_that_two_blocks_name_is_made_once() -> None:
    (block,) = tiny_plan(series("a", Quick()), images=4).blocks
    shorter = replace(block, cases=block.cases[1:3], skipped=(7, 9))
    plan = Plan(
        title="", networks={KEY: NETWORK}, names={KEY: "tiny"}, blocks=(shorter, block, shorter)
    )
    assert sorted(each.case.index for each in plan.tasks()) == [0, 1, 2, 3]
    assert plan.skipped == (7, 9, 7, 9)
