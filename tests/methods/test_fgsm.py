import re
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import Method, attack
from signflip.errors import SettingError
from signflip.methods.apgd import Apgd
from signflip.methods.climb import BATCH
from signflip.methods.fgsm import Fgsm
from signflip.methods.pgd import Pgd
from signflip.methods.surrogate import Slope
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.problem import Box, Problem, Target, Untargeted
from signflip.result import Stop, Verdict
from tests.support.oracle import exact_optimum
from tests.support.strategies import problems
from tests.support.zoo import zoo_problems


def steep_problem() -> Problem:
    """Ten neurons that all answer +1 once the one pixel has gone from 0 to 0.5."""
    first = SignLayer.dense(np.ones((10, 1), dtype=np.int8), np.linspace(0.05, 0.5, 10))
    output = OutputLayer(np.array([[-1] * 10, [1] * 10]), np.ones(2), np.zeros(2))
    return Problem.ball(BinaryNetwork((first,), output), [0.0], epsilon=0.6)


def test_it_climbs_to_the_optimum_of_a_monotone_problem() -> None:
    result = attack(steep_problem(), Fgsm())
    assert result.objective == 20
    assert result.verdict is Verdict.FLIPPED
    # a step is a tenth of the half-width 0.3, so the first one reaches no neuron
    assert len(result.trace) > 5


def test_it_ends_where_no_step_moves_any_point() -> None:
    result = attack(steep_problem(), Fgsm(iterations=10**9))
    assert result.stop is Stop.BUDGET


@settings(max_examples=60)
@given(problems(), st.sampled_from([1, 5]), st.sampled_from([0.3, 1.0]))
def test_it_never_exceeds_the_optimum(problem: Problem, restarts: int, width: float) -> None:
    result = attack(problem, Fgsm(iterations=10, restarts=restarts, width=width))
    replay = problem.replay(result.witness)
    assert replay.inside
    assert float(replay.value) == result.objective >= result.clean_objective
    assert replay.value <= exact_optimum(problem).value
    assert result.bound is None


@pytest.mark.parametrize("goal", [None, Target(0), Untargeted()])
def test_it_improves_on_a_real_image(goal: Target | Untargeted | None) -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.02, count=1, goal=goal)[0]
    result = attack(problem, Fgsm(width=0.3))
    assert result.objective > result.clean_objective


def test_restarts_help_and_are_reproducible() -> None:
    problems = zoo_problems("mnist-2x100", epsilon=0.02, count=4)
    single = [attack(problem, Fgsm(width=0.3)).objective for problem in problems]
    many = [attack(p, Fgsm(width=0.3, restarts=20)) for p in problems]
    again = [attack(p, Fgsm(width=0.3, restarts=20)) for p in problems]
    assert sum(result.objective for result in many) > sum(single)
    for one, other in zip(many, again, strict=True):
        np.testing.assert_array_equal(one.witness, other.witness)


def test_it_starts_from_the_warm_start() -> None:
    problem = steep_problem()
    start = problem.box.clip(np.array([0.44]))
    result = attack(problem, Fgsm(iterations=1), start=start)
    assert result.trace[1][1] == problem.objectives(start[None])[0]
    assert result.witness[0] > start[0]


def test_a_local_attack_leaves_the_other_pixels_alone() -> None:
    whole = zoo_problems("mnist-2x100", epsilon=0.1, count=1)[0]
    mask = np.arange(len(whole.image)) % 2 == 0
    problem = Problem(
        whole.network, whole.image, Box.ball(whole.image, 0.1, mask), Target(whole.rivals[0])
    )
    result = attack(problem, Fgsm(width=0.3))
    np.testing.assert_array_equal(result.witness[~mask], whole.image[~mask])
    assert result.objective > result.clean_objective


def test_it_stops_when_the_time_is_out() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.01, count=1)[0]
    result = attack(problem, Fgsm(restarts=None), time_limit=0.3)
    assert result.stop is Stop.TIME_LIMIT


def test_more_restarts_than_a_batch_are_all_made() -> None:
    seen: list[int] = []

    class Watched(Problem):
        def scores(self, images: np.ndarray) -> np.ndarray:
            seen.append(len(images))
            return super().scores(images)

    plain = steep_problem()
    problem = Watched(plain.network, plain.image, plain.box, plain.goal)
    attack(problem, Fgsm(iterations=1, restarts=BATCH + 3))
    assert seen == [BATCH, BATCH, 3, 3]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"step": 0.0}, "the step is 0.0; it must be above 0"),
        ({"step": float("nan")}, "the step is nan; it must be above 0"),
        ({"iterations": 0}, "iterations is 0; it must be at least 1"),
        ({"restarts": 0}, "restarts is 0; it must be at least 1, or None"),
        ({"width": 0.0}, "the surrogate's width is 0.0; it must be from 1e-6 to 1e6"),
        ({"width": float("inf")}, "the surrogate's width is inf; it must be from 1e-6 to 1e6"),
        ({"seed": -1}, "the seed is -1; it must be 0 or more"),
    ],
)
def test_bad_settings_are_refused(bad: Mapping[str, float], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Fgsm(**bad)  # type: ignore[arg-type]


def test_endless_restarts_need_a_time_limit() -> None:
    with pytest.raises(SettingError, match="restarts is None and there is no time limit"):
        attack(steep_problem(), Fgsm(restarts=None))


def flat_problem() -> Problem:
    """One neuron over many that agree: beyond its ramp wherever the box is, but for the corner."""
    first = SignLayer.dense(np.ones((64, 4), dtype=np.int8), np.linspace(2.4, 2.6, 64))
    narrow = SignLayer.dense(np.ones((1, 64), dtype=np.int8), np.array([0.0]))
    output = OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2))
    return Problem.ball(BinaryNetwork((first, narrow), output), np.full(4, 0.5), epsilon=0.2)


@pytest.mark.parametrize(
    "method",
    [
        Fgsm(width=0.01),
        Pgd(width=0.01, last_width=0.01),
        Apgd(width=0.01, last_width=0.01, slope=Slope.RAMP),
    ],
)
def test_a_result_says_that_the_gradient_was_0(method: Method) -> None:
    result = attack(flat_problem(), method)
    assert result.verdict is Verdict.FLIPPED
    assert re.fullmatch(
        r"The surrogate's gradient was 0 at \d+ of \d+ points; there it was taken of wider ramps.",
        result.remark,
    )


def test_a_result_without_flat_points_has_no_remark() -> None:
    assert attack(zoo_problems("mnist-2x100", epsilon=0.02, count=1)[0], Fgsm()).remark == ""


def test_where_no_ramp_has_a_slope_it_ends() -> None:
    # both classes read the same: nothing changes the objective
    problem = flat_problem()
    output = OutputLayer(np.array([[1], [1]]), np.ones(2), np.zeros(2))
    same = Problem(BinaryNetwork(problem.network.hidden, output), problem.image, problem.box)
    result = attack(same, Fgsm(iterations=10**9))
    assert result.stop is Stop.BUDGET
    assert "gradient was 0 at" in result.remark
