from fractions import Fraction
from math import lcm

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from signflip.attack import attack
from signflip.errors import ProblemError
from signflip.methods import Exact, Fgsm, Milp
from signflip.methods.search_goal import SearchGoal
from signflip.milp.smallest import ACCURACY
from signflip.network import Floats
from signflip.problem import Box, L1Ball, Norm, Problem, exact_distance
from signflip.result import Stop, Verdict
from tests.support.nearest import least_distance
from tests.support.problems import two_steps
from tests.support.rational_lp import maximise
from tests.support.strategies import epsilons, images, networks, problems

radii = st.sampled_from([0.25, 0.5, 1.0, 1.5, 3.0]) | st.floats(1e-6, 4)
slopes = st.sampled_from([0.0, 1.0, -1.0, 0.5]) | st.floats(-4, 4)
directions = arrays(np.float64, 3, elements=slopes, fill=st.nothing())


@st.composite
def balls(draw: st.DrawFn) -> L1Ball:
    image = draw(images(3))
    return L1Ball(Box.ball(image, draw(epsilons())), image, draw(radii))


def furthest(ball: L1Ball, direction: Floats) -> Fraction:
    """The exact maximum of direction . (x - image), by a linear program over both ways to move."""
    slopes = [Fraction(slope) for slope in direction.tolist()]
    image = [Fraction(value) for value in ball.image.tolist()]
    up = [Fraction(most) - x for most, x in zip(ball.box.upper.tolist(), image, strict=True)]
    down = [x - Fraction(least) for least, x in zip(ball.box.lower.tolist(), image, strict=True)]
    rows = [[int(i == j) for j in range(6)] for i in range(6)] + [[1] * 6]
    scale = lcm(*(slope.denominator for slope in slopes))
    whole = [int(slope * scale) for slope in slopes]
    found = maximise(whole + [-s for s in whole], rows, [*up, *down, Fraction(ball.radius)])
    assert found is not None
    return found[0] / scale


@given(ball=balls(), direction=directions)
def test_the_support_covers_the_ball_and_little_more(ball: L1Ball, direction: Floats) -> None:
    offset = sum(
        Fraction(slope) * (Fraction(x) - Fraction(c))
        for slope, x, c in zip(
            direction.tolist(), ball.image.tolist(), ball.box.centre.tolist(), strict=True
        )
    )
    most = furthest(ball, direction) + offset
    support = Fraction(ball.support(direction))
    assert most <= support <= most + Fraction(1e-12)


@given(ball=balls(), points=arrays(np.float64, (4, 3), elements=st.floats(-2, 3)))
def test_projections_lie_in_the_ball(ball: L1Ball, points: Floats) -> None:
    for point, projected in zip(points, ball.project(points), strict=True):
        assert ball.contains(projected)
        if ball.contains(point):
            assert np.array_equal(projected, point)


@given(ball=balls(), other=images(3))
def test_an_image_lies_in_the_ball_if_its_exact_norm_does(ball: L1Ball, other: Floats) -> None:
    inside = ball.whole.contains(other)
    assert ball.contains(other) == (
        inside and exact_distance(ball.image, other, Norm.L1) <= ball.radius
    )


@settings(max_examples=30)
@given(problem=problems(network=networks(plain=True, max_first=4), coarse=True), radius=radii)
def test_methods_on_an_l1_ball(problem: Problem, radius: float) -> None:
    region = L1Ball(problem.region, problem.image, radius)
    ball = Problem(problem.network, problem.image, region, problem.goal)
    least = least_distance(problem, Norm.L1)
    decided = attack(ball, Milp(goal=SearchGoal.DECIDE))
    for result in (decided, attack(ball, Exact()), attack(ball, Fgsm(restarts=2))):
        if result.verdict is Verdict.FLIPPED:
            assert region.contains(result.witness)
            assert least is not None
            assert least <= Fraction(radius)
        if result.verdict is Verdict.ROBUST:
            assert least is None or least >= Fraction(radius)
    if least is not None and least * (1 + Fraction(ACCURACY)) + Fraction(1, 10**5) < radius:
        assert decided.stop in (Stop.DECIDED, Stop.IMPRECISE)


def test_an_image_on_the_surface_stays_there() -> None:
    image = np.full(3, 0.5)
    ball = L1Ball(Box.ball(image, 1.0), image, 0.5)
    on = np.array([0.75, 0.25, 0.5])
    beyond = np.array([np.nextafter(0.75, 1), 0.25, 0.5])
    projected = ball.project(np.array([on, beyond]))
    assert np.array_equal(projected[0], on)
    assert ball.contains(projected[1])
    assert np.array_equal(ball.project(on), on)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_in_no_ball(value: float) -> None:
    problem = two_steps()
    ball = L1Ball(problem.region, problem.image, 0.5)
    image = np.array([value])
    assert not ball.contains(image)
    with pytest.raises(ProblemError, match="the start lies outside the problem's box"):
        attack(Problem(problem.network, problem.image, ball), Fgsm(), start=image)
    with pytest.raises(ProblemError, match=r"the image is .* at pixel 0; every value must be in"):
        Problem(problem.network, image, ball)
