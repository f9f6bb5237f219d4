import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.network import Floats
from signflip.patterns.ascent import MOST_WORK, SWEEPS, sweeps_of
from signflip.patterns.realise import Answer, Realiser
from signflip.patterns.space import Flips, PatternSpace
from tests.support.random_problems import EPSILONS, points_of, random_problem

seeds = st.integers(0, 2**32)


def has_pattern(space: PatternSpace, image: Floats, flips: Flips) -> bool:
    signs = space.problem.network.activations(image[None])[0][0]
    return bool(np.array_equal(signs, space.pattern(flips)))


@settings(max_examples=150)
@given(
    seed=seeds,
    epsilon=st.sampled_from(EPSILONS),
    inputs=st.sampled_from([1, 5, 30, 300]),
    changed=st.sampled_from([0.0, 0.1, 0.5]),
)
def test_it_answers_as_the_linear_program_does(
    seed: int, epsilon: float, inputs: int, changed: float
) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=inputs, widths=(30, 3), epsilon=epsilon)
    space = PatternSpace.of(problem)
    if space.size == 0:
        return
    realiser = Realiser(space)
    for image in points_of(rng, problem, 5):
        signs = problem.network.activations(image[None])[0][0]
        flips = (signs != space.signs)[space.unstable] ^ (rng.random(space.size) < changed)
        answer, reference = realiser.by_ascent(flips), realiser.by_program(flips)
        if answer is Answer.REFUSED:
            assert not has_pattern(space, image, flips)
            assert isinstance(reference, Answer) or not has_pattern(space, reference, flips)
        elif not isinstance(answer, Answer):
            assert problem.box.contains(answer)
            assert has_pattern(space, answer, flips)
            assert reference is not Answer.REFUSED


def test_it_settles_what_has_a_margin_without_a_program() -> None:
    rng = np.random.default_rng(0)
    found = refused = points = others = 0
    for _ in range(20):
        problem = random_problem(rng, inputs=60, widths=(30, 3), epsilon=0.05)
        space = PatternSpace.of(problem)
        realiser = Realiser(space)
        for image in points_of(rng, problem, 5):
            slack = np.abs(space.directions @ (image - space.centre) - space.distance)
            if slack.min() < 0.1 * space.radius.max():
                continue
            signs = problem.network.activations(image[None])[0][0]
            flips = (signs != space.signs)[space.unstable]
            points += 1
            found += not isinstance(realiser.by_ascent(flips), Answer)
        for _ in range(5):
            flips = rng.random(space.size) < 0.5
            if realiser.by_program(flips) is Answer.REFUSED:
                others += 1
                refused += realiser.by_ascent(flips) is Answer.REFUSED
    assert min(points, others) > 20
    assert found > 0.8 * points
    assert refused > 0.8 * others


def test_the_same_pattern_gets_the_same_point() -> None:
    problem = random_problem(np.random.default_rng(1), inputs=200, widths=(20, 3), epsilon=0.05)
    space = PatternSpace.of(problem)
    realiser = Realiser(space)
    centre = np.zeros(space.size, dtype=np.bool_)
    first = realiser.by_ascent(centre)
    realiser.by_ascent(~centre)
    np.testing.assert_array_equal(realiser.by_ascent(centre), first)


def test_wide_layers_get_fewer_sweeps() -> None:
    assert sweeps_of(40, 784) == SWEEPS
    assert sweeps_of(5000, 3072) * 5000 * 3072 <= MOST_WORK
    assert sweeps_of(10**6, 10**6) == 1
