"""Problems of networks whose inputs are not in [0, 1]."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import attack
from signflip.errors import NetworkError, ProblemError
from signflip.methods import Exact, Fgsm, IProp, Milp
from signflip.min_epsilon import min_epsilon
from signflip.network import BinaryNetwork, InputRange, SignLayer
from signflip.problem import Box, GridName, L1Ball, Problem
from signflip.result import Stop, Verdict
from tests.support.problems import two_steps
from tests.support.strategies import problems

WIDE = InputRange(lower=-2.0, upper=6.0)


def widened(problem: Problem) -> Problem:
    """The same problem with every input x as 8 x - 2, which is exact for multiples of 1/16."""
    first = problem.network.hidden[0]
    rows = first.map.rows(slice(None)).sum(axis=1)
    network = BinaryNetwork(
        (SignLayer(first.map, 8 * first.threshold - 2 * rows), *problem.network.hidden[1:]),
        problem.network.output,
        input_range=WIDE,
    )
    box = Box(lower=8 * problem.box.lower - 2, upper=8 * problem.box.upper - 2, inputs=WIDE)
    return Problem(network, 8 * problem.image - 2, box, problem.goal)


@settings(max_examples=25)
@given(problem=problems(coarse=True))
def test_verdicts_do_not_depend_on_the_unit(problem: Problem) -> None:
    wide = widened(problem)
    assert wide.clean.standing == problem.clean.standing
    here, there = attack(problem, Exact()), attack(wide, Exact())
    if Stop.IMPRECISE not in (here.stop, there.stop):
        assert here.verdict is there.verdict
    for method in (Fgsm(), IProp(), Milp()):
        result = attack(wide, method)
        assert wide.replay(result.witness).inside
        assert not (result.verdict is Verdict.FLIPPED and there.verdict is Verdict.ROBUST)


@settings(max_examples=15)
@given(problem=problems(coarse=True), radius=st.sampled_from([1.0, 4.0, 16.0]))
def test_distances_are_in_the_networks_unit(problem: Problem, radius: float) -> None:
    wide = widened(problem)
    here, there = min_epsilon(problem, tolerance=1e-5), min_epsilon(wide, tolerance=8e-5)
    if here.stop is there.stop is Stop.DECIDED:
        assert here.verdict is there.verdict
        if here.distance is not None and there.distance is not None:
            assert there.distance == pytest.approx(8 * here.distance, abs=2e-4)
    ball = L1Ball(wide.region, wide.image, radius)
    assert ball.contains(ball.project(wide.box.upper))


def test_a_ball_ends_with_the_range() -> None:
    box = Box.ball([-1.5, 5.0], 4.0, inputs=WIDE)
    assert box.lower.tolist() == [-2, 1]
    assert box.upper.tolist() == [2.5, 6]
    assert box.around(np.array([0.0, 0.0]), 100.0).upper.tolist() == [6, 6]


def test_what_lies_outside_the_range_is_refused() -> None:
    with pytest.raises(
        ProblemError, match=r"the image is 7.0 at pixel 1; every value must be in \["
    ):
        Box.ball([0.0, 7.0], 1.0, inputs=WIDE)
    with pytest.raises(ProblemError, match=r"epsilon is 9; it must be from 0 to 8.*inputs are"):
        Box.ball([0.0, 0.0], 9, inputs=WIDE)
    network = two_steps().network
    with pytest.raises(ProblemError, match=r"the box's lower is -2.0 at pixel 0.*divide 8-bit"):
        Problem(network, np.array([0.0]), Box.ball([0.0], 2.5, inputs=WIDE))


@pytest.mark.parametrize("lower", ["a", None, True, 1j])
def test_ends_that_are_no_numbers_are_refused(lower: object) -> None:
    with pytest.raises(NetworkError, match=r"the input range's lower is .*; it must be a number"):
        InputRange(lower=lower)  # type: ignore[arg-type]


@pytest.mark.parametrize(("upper", "step"), [(1.0, 0.1), (1.0, 1 / 255), (0.8, 0.1), (2.0**60, 1)])
def test_steps_that_float64_does_not_hold_are_refused(upper: float, step: float) -> None:
    with pytest.raises(NetworkError, match=r"in steps of .*; both ends must be whole numbers of"):
        InputRange(lower=0.0, upper=upper, step=step)


@pytest.mark.parametrize(
    ("lower", "upper", "step"),
    [(0, 255, 1), (-1, 1, 2**-8), (-64, 63.5, 0.5), (0, 0.3, 0.3), (-6, 9, 3), (0, 4e-323, 5e-324)],
)
def test_all_of_the_steps_are_inputs(lower: float, upper: float, step: float) -> None:
    inputs = InputRange(lower=lower, upper=upper, step=step)
    grid = GridName.EIGHT_BIT.of(inputs)
    values = grid.nearest(np.linspace(lower, upper, 1001))
    assert inputs.on_grid(values).all()
    assert len(np.unique(values)) == round(inputs.width / inputs.step) + 1  # type: ignore[operator]
