import numpy as np

from signflip.methods.steps import AutoSteps, SignSteps, checkpoints
from signflip.problem import Problem
from tests.support.tiny import tiny_network


def problem() -> Problem:
    return Problem.ball(tiny_network(), np.full(16, 0.5), epsilon=0.25)


def test_sign_steps_shrink_and_stay_inside() -> None:
    steps = SignSteps(problem(), 0.2, shrink=4)
    images = np.full((1, 16), 0.5)
    gradient = np.ones((1, 16))
    gradient[0, 1:3] = [0, -7]
    seen = []
    for _ in range(4):
        images = steps.next(images, np.zeros(1), gradient)
        seen.append(images[0, :3])
    np.testing.assert_allclose(seen, [[0.7, 0.5, 0.3], *[[0.75, 0.5, 0.25]] * 3])


def test_momentum_outlasts_a_gradient() -> None:
    steps = SignSteps(problem(), 0.01, momentum=0.5)
    images = np.full((1, 16), 0.5)
    images = steps.next(images, np.zeros(1), np.full((1, 16), 1e-9))  # of mean magnitude 1 then
    back = steps.next(images, np.zeros(1), np.where(np.arange(16) == 0, -1.0, -0.1)[None])
    # the mean magnitude is 2.5 / 16, so the others count -0.64, and 0.5 is left of before
    np.testing.assert_allclose(back - images, -0.01)
    forth = SignSteps(problem(), 0.01, momentum=0.9)
    images = forth.next(np.full((1, 16), 0.5), np.zeros(1), np.full((1, 16), 3.0))
    on = forth.next(images, np.zeros(1), np.where(np.arange(16) == 0, -1.0, -0.1)[None])
    np.testing.assert_allclose((on - images)[0, :2], [-0.01, 0.01])


def test_the_papers_checkpoints() -> None:
    assert checkpoints(100) == {22, 41, 57, 70, 80, 87, 93, 99}


def test_auto_steps_start_long_and_halve_where_nothing_rises() -> None:
    steps = AutoSteps(problem(), 0.5, iterations=14)  # the first checkpoint is at 3
    images = np.full((2, 16), 0.5)
    gradient = np.vstack([np.ones(16), -np.ones(16)])
    start = images
    heights = np.array([1.0, 1.0])
    images = steps.next(images, heights, gradient)
    np.testing.assert_array_equal(images, [[0.75] * 16, [0.25] * 16])
    for step in range(1, 4):
        # the first rises all the time, the second falls
        heights = np.array([1.0 + step, 1.0 - step])
        images = steps.next(images, heights, gradient)
    np.testing.assert_array_equal(steps._lengths, [0.5, 0.25])
    # back at the start, from where 0.75 of a step of 0.25 leads on, and 0.25 of the way back
    np.testing.assert_allclose(images[1], start[1] - 0.75 * 0.25 + 0.25 * (0.5 - 0.25))


def test_auto_steps_stay_inside() -> None:
    rng = np.random.default_rng(0)
    case = problem()
    steps = AutoSteps(case, 0.5, iterations=30)
    images = case.box.clip(rng.random((5, 16)))
    for _ in range(30):
        images = steps.next(images, rng.random(5), rng.normal(size=(5, 16)))
        assert all(case.box.contains(image) for image in images)
