from fractions import Fraction
from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.problem import Problem, Untargeted
from tests.support.oracle import exact_optimum, patterns, safe_optimum
from tests.support.problems import two_steps
from tests.support.reference import reference_layer, reference_objective, reference_values
from tests.support.strategies import problems


@given(problems())
def test_each_pattern_comes_once_and_its_point_has_it(problem: Problem) -> None:
    found = list(patterns(problem.network, problem.box))
    assert len({pattern for pattern, _ in found}) == len(found)
    for pattern, point in found:
        assert reference_layer(problem.network.hidden[0], point) == list(pattern)
        for low, value, high in zip(
            problem.box.lower.tolist(), point, problem.box.upper.tolist(), strict=True
        ):
            assert Fraction(low) <= value <= Fraction(high)


@given(problems(), st.data())
def test_no_point_of_the_box_has_a_pattern_that_is_missing(
    problem: Problem, data: st.DataObject
) -> None:
    known = {pattern for pattern, _ in patterns(problem.network, problem.box)}
    ends = list(zip(problem.box.lower.tolist(), problem.box.upper.tolist(), strict=True))
    shares = st.fractions(0, 1, max_denominator=12)
    inner = [
        [Fraction(low) + (Fraction(high) - Fraction(low)) * data.draw(shares) for low, high in ends]
        for _ in range(4)
    ]
    for point in [*product(*ends), *inner]:
        assert tuple(reference_layer(problem.network.hidden[0], point)) in known


@given(problems())
def test_the_optimum_is_reached_at_its_point(problem: Problem) -> None:
    optimum = exact_optimum(problem)
    values = reference_values(problem.network, optimum.point)
    assert reference_objective(problem, values) == optimum.value
    assert optimum.value >= problem.clean.value


@given(problems(), st.sampled_from([1e-9, 1e-3, 0.1]))
def test_a_margin_only_lowers_the_optimum(problem: Problem, margin: float) -> None:
    safe = safe_optimum(problem, margin)
    wider = safe_optimum(problem, margin / 2)
    if safe is not None:
        assert wider is not None
        assert safe.value <= wider.value <= exact_optimum(problem).value


def test_known_optima() -> None:
    problem = two_steps()
    assert exact_optimum(problem).value == 2
    # 0.5 + 0.25 is the most that the box allows
    assert safe_optimum(problem, 0.25) is not None
    at_most = Problem.ball(problem.network, [0.0], epsilon=0.5)
    assert exact_optimum(at_most).value == 2
    safe = safe_optimum(at_most, 1e-9)
    assert safe is not None
    assert safe.value == 0
    assert exact_optimum(Problem.ball(problem.network, [0.0], epsilon=0.49)).value == 0
    assert exact_optimum(Problem.ball(problem.network, [0.0], epsilon=0.0)).value == -2


def test_minus_one_needs_a_strictly_negative_sum() -> None:
    # x0 + x1 >= 1 and -x0 - x1 >= -1 fail together nowhere, and hold together where x0 + x1 = 1
    hidden = SignLayer.dense(np.array([[1, 1], [-1, -1]], dtype=np.int8), np.array([1.0, -1.0]))
    weight = np.array([[1, -1], [1, 1], [-1, -1]], dtype=np.int8)
    network = BinaryNetwork((hidden,), OutputLayer(weight, np.ones(3), np.zeros(3)))
    problem = Problem.ball(network, [1.0, 1.0], epsilon=1, goal=Untargeted())
    found = {pattern for pattern, _ in patterns(network, problem.box)}
    assert found == {(1, 1), (1, -1), (-1, 1)}
    assert exact_optimum(problem).value == 2
