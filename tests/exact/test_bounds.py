import numpy as np
from hypothesis import given, settings

from signflip.exact.bounds import interval_bound
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem
from tests.support.oracle import exact_optimum
from tests.support.random_problems import random_problem
from tests.support.strategies import networks, problems


@settings(max_examples=100)
@given(problems())
def test_no_image_of_the_box_is_above_the_bound(problem: Problem) -> None:
    assert interval_bound(PatternSpace.of(problem)) >= exact_optimum(problem).value


@settings(max_examples=50)
@given(problems(network=networks(max_first=1)))
def test_with_one_neuron_in_the_first_layer_nothing_is_lost_there(problem: Problem) -> None:
    # one tri-state input: a layer's neuron has both signs, or the one that it really has
    if len(problem.network.hidden) == 1:
        assert interval_bound(PatternSpace.of(problem)) == exact_optimum(problem).value


def test_where_all_is_stable_the_bound_is_the_objective() -> None:
    problem = random_problem(np.random.default_rng(0), inputs=9, widths=(9, 8, 7), epsilon=0.0)
    assert interval_bound(PatternSpace.of(problem)) == problem.clean.value
