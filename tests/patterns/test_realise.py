import math
import threading
from collections.abc import Callable
from fractions import Fraction
from itertools import product

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.arrays import Signs
from signflip.network import BinaryNetwork, Floats, OutputLayer, SignLayer
from signflip.patterns.realise import Answer, Realisation, Realiser
from signflip.patterns.refute import refutes
from signflip.patterns.space import Flips, PatternSpace
from signflip.problem import Box, Problem
from tests.support.close_call import close_call
from tests.support.oracle import patterns
from tests.support.random_problems import EPSILONS, points_of, random_problem
from tests.support.strategies import networks, problems
from tests.support.weights import weights_of

Realise = Callable[[Realiser, Flips], Floats | Answer]

seeds = st.integers(0, 2**32)


def flips_at(space: PatternSpace, image: Floats) -> Flips:
    """The flips of the pattern that an image has."""
    flips: Flips = space.problem.network.activations(image[None])[0][0] != space.signs
    return flips[space.unstable]


def sides(flips: Flips) -> Signs:
    return np.where(flips, np.int8(1), np.int8(-1))


@settings(max_examples=150)
@given(seeds, st.sampled_from(EPSILONS), st.sampled_from([1, 5, 30, 300]))
def test_no_multipliers_refute_the_pattern_of_a_point(
    seed: int, epsilon: float, inputs: int
) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=inputs, widths=(30, 3), epsilon=epsilon)
    space = PatternSpace.of(problem)
    images = points_of(rng, problem, 5)
    for image, signs in zip(images, problem.network.activations(images)[0], strict=True):
        flips = (signs != space.signs)[space.unstable]
        side = np.where(flips, 1.0, -1.0)
        # the multipliers that come nearest to a proof: those of the neurons that the point barely
        # keeps on their side, besides random ones of any size
        slack = side * (space.directions @ (image - space.centre)) - np.where(
            flips, space.distance, -space.reluctance
        )
        tight = slack <= np.sort(slack)[:3][-1:] if space.size else slack > 0
        for multipliers in (
            tight * side,
            rng.normal(size=space.size),
            side * rng.random(space.size) * 10.0 ** rng.uniform(-300, 300, space.size),
        ):
            assert not refutes(space, sides(flips), multipliers)


def corner_problem(inputs: int, margin: float) -> Problem:
    """Two neurons, both flipped at one corner of the box only, by a margin; else out of reach."""
    weight = np.ones((2, inputs), dtype=np.int8)
    weight[1, : inputs // 2] = -1
    image = np.full(inputs, 0.5)
    # the pixels on which they agree must all go up, the others share what is left
    free = inputs - inputs // 2
    reach = weight @ image + 0.1 * free
    hidden = SignLayer.dense(weight, reach - margin)
    output = OutputLayer(np.array([[-1, -1], [1, 1]], dtype=np.int8), np.ones(2), np.zeros(2))
    return Problem.ball(BinaryNetwork((hidden,), output), image, epsilon=0.1)


@pytest.mark.parametrize("realise", [Realiser.solve, Realiser.by_program])
@pytest.mark.parametrize("inputs", [4, 31, 784])
@pytest.mark.parametrize("margin", [1e-3, 1e-5, 1e-7, 1e-9])
def test_a_margin_on_either_side_is_told(realise: Realise, inputs: int, margin: float) -> None:
    for sign in (1, -1):
        problem = corner_problem(inputs, sign * margin)
        space = PatternSpace.of(problem)
        assert space.size == 2
        answer = realise(Realiser(space), np.ones(2, dtype=np.bool_))
        if sign < 0:
            assert answer is Answer.REFUSED
        else:
            assert not isinstance(answer, Answer)
            assert np.all(problem.network.activations(answer[None])[0] == 1)


def test_a_solver_of_the_users_in_the_same_thread_changes_no_answer() -> None:
    answers: list[Floats | Answer] = []

    def user() -> None:
        own = highspy.Highs()  # type: ignore[no-untyped-call]
        own.setOptionValue("output_flag", False)
        own.setOptionValue("threads", 2)  # from now on this thread's HiGHS has two
        own.addVariable(0, 1, obj=1)
        assert own.run() == highspy.HighsStatus.kOk
        for sign in (1, -1):
            space = PatternSpace.of(corner_problem(31, sign * 1e-3))
            answers.append(Realiser(space).by_program(np.ones(2, dtype=np.bool_)))

    thread = threading.Thread(target=user)
    thread.start()
    thread.join()
    assert not isinstance(answers[0], Answer)
    assert answers[1] is Answer.REFUSED


@pytest.mark.parametrize("realise", [Realiser.solve, Realiser.by_program])
@pytest.mark.parametrize("inputs", [4, 31, 784])
@pytest.mark.parametrize("margin", [1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 0.0])
def test_a_margin_near_0_is_told_exactly(realise: Realise, inputs: int, margin: float) -> None:
    for sign in (1, -1):
        problem = corner_problem(inputs, sign * margin)
        space = PatternSpace.of(problem)
        first = problem.network.hidden[0]
        top = np.where(
            weights_of(first)[0] == weights_of(first)[1], problem.box.upper, problem.image
        )
        slacks = [
            sum(
                (Fraction(int(w)) * Fraction(x) for w, x in zip(row, top, strict=True)), Fraction(0)
            )
            - Fraction(threshold)
            for row, threshold in zip(weights_of(first), first.threshold.tolist(), strict=True)
        ]
        realiser = Realiser(space)
        for flips in (np.ones(2, dtype=np.bool_), np.zeros(2, dtype=np.bool_)):
            answer = realise(realiser, flips[: space.size])
            possible = min(slacks) >= 0 or not flips.all()
            assert (answer is Answer.REFUSED) == (not possible)
            if possible:
                assert not isinstance(answer, Answer)
                np.testing.assert_array_equal(flips_at(space, answer), flips[: space.size])


@settings(max_examples=60)
@given(
    problem=problems(network=networks(max_depth=1)),
    realise=st.sampled_from([Realiser.solve, Realiser.by_program]),
)
def test_it_agrees_with_exact_programs(problem: Problem, realise: Realise) -> None:
    space = PatternSpace.of(problem)
    if space.size == 0:
        return
    margin = close_call(problem)
    safe, exact = (
        {pattern for pattern, _ in patterns(problem.network, problem.box, m)}
        for m in (margin, Fraction(0))
    )
    realiser = Realiser(space)
    for number in range(2**space.size):
        flips = np.array([bool(number >> bit & 1) for bit in range(space.size)])
        pattern = tuple(space.pattern(flips).tolist())
        answer = realise(realiser, flips)
        assert (answer is Answer.REFUSED) == (pattern not in exact)
        assert answer is not Answer.UNDECIDED
        if pattern in safe:
            assert not isinstance(answer, Answer)
        if not isinstance(answer, Answer):
            assert problem.box.contains(answer)
            assert tuple(problem.network.activations(answer[None])[0][0].tolist()) == pattern


@pytest.mark.parametrize("bad", [0.0, float("nan"), float("inf")])
def test_multipliers_that_say_nothing_refute_nothing(bad: float) -> None:
    space = PatternSpace.of(corner_problem(4, -1e-3))
    assert refutes(space, np.ones(2, dtype=np.int8), np.ones(2))
    assert not refutes(space, np.ones(2, dtype=np.int8), np.full(2, bad))


def test_denormal_products_refute_nothing() -> None:
    # twenty pixels have the weight 1 - 0.9, and a tenth of their radius is rounded to 0; the
    # corner where every pixel is at its top has the pattern
    tiny = 5e-324
    weight = np.ones((2, 21), dtype=np.int8)
    weight[1, 1:] = -1
    hidden = SignLayer.dense(weight, np.array([21 * 8 * tiny, -19 * 8 * tiny]))
    output = OutputLayer(np.array([[-1, -1], [1, 1]], dtype=np.int8), np.ones(2), np.zeros(2))
    problem = Problem.ball(BinaryNetwork((hidden,), output), np.zeros(21), epsilon=8 * tiny)
    space = PatternSpace.of(problem)
    flips = flips_at(space, problem.box.upper)
    assert sorted(flips) == [False, True]
    assert not refutes(space, sides(flips), np.where(flips, 1.0, -0.9))


@pytest.mark.parametrize("top", [0.1, 0.15, 0.2, 0.3, 0.6, 0.7, 0.9])
def test_rounding_refutes_no_pattern_that_just_one_corner_has(top: float) -> None:
    # many equal radii, whose sum in floating point is off by more than one roundoff
    inputs = 100_000
    reach = math.fsum([top] * inputs)
    hidden = SignLayer.dense(
        np.ones((1, inputs), dtype=np.int8), np.array([np.nextafter(reach, 0)])
    )
    output = OutputLayer(np.array([[-1], [1]], dtype=np.int8), np.ones(2), np.zeros(2))
    problem = Problem.ball(BinaryNetwork((hidden,), output), np.zeros(inputs), epsilon=top)
    space = PatternSpace.of(problem)
    assert flips_at(space, problem.box.upper).tolist() == [True]
    assert not refutes(space, np.ones(1, dtype=np.int8), np.ones(1))


@pytest.mark.parametrize("epsilon", [1e-12, 1e-10, 1e-8, 1e-4, 0.1])
def test_an_image_keeps_its_pattern_when_it_is_rounded(epsilon: float) -> None:
    rng = np.random.default_rng(0)
    tried = 0
    for _ in range(10):
        problem = random_problem(rng, inputs=100, widths=(8, 3), epsilon=epsilon)
        space = PatternSpace.of(problem)
        realiser = Realiser(space)
        for image in points_of(rng, problem, 10):
            gaps = np.abs(space.directions @ (image - space.centre) - space.distance)
            if gaps.min(initial=np.inf) > 0.1 * space.radius.max():
                tried += 1
                answer = realiser.solve(flips_at(space, image))
                assert not isinstance(answer, Answer)
                np.testing.assert_array_equal(flips_at(space, answer), flips_at(space, image))
    assert tried > 20


# --- some signs only ------------------------------------------------------------------------------


UNIT = Box(lower=np.zeros(2), upper=np.ones(2))


def realise(
    weight: list[list[int]], threshold: list[float], demand: list[int], seconds: float = np.inf
) -> Realisation:
    """Ask a first layer of two pixels for signs."""
    output = OutputLayer(np.array([[-1] * len(weight), [1] * len(weight)]), np.ones(2), np.zeros(2))
    network = BinaryNetwork((SignLayer.dense(np.array(weight), np.array(threshold)),), output)
    space = PatternSpace.of(Problem(network, UNIT.lower, UNIT))
    return Realiser(space).realise(np.array(demand, dtype=np.int8), seconds)


@settings(max_examples=40)
@given(problem=problems(network=networks(max_first=4, max_depth=1)), data=st.data())
def test_every_demand_against_exact_arithmetic(problem: Problem, data: st.DataObject) -> None:
    layer = problem.network.hidden[0]
    real = {pattern for pattern, _ in patterns(problem.network, problem.box)}
    safe = {pattern for pattern, _ in patterns(problem.network, problem.box, close_call(problem))}
    realiser = Realiser(PatternSpace.of(problem))
    kinds = data.draw(st.sampled_from([(-1, 1), (-1, 0, 1)]))
    for demand in product(kinds, repeat=layer.neurons):
        asked = np.array(demand, dtype=np.int8)

        def has(pattern: tuple[int, ...], asked: Signs = asked) -> bool:
            return bool(np.all((asked == 0) | (asked == pattern)))

        found = realiser.realise(asked)
        assert found.refused == (not any(map(has, real)))
        if found.refused:
            assert found.image is None
            clash = found.conflict
            assert np.all((clash == 0) | (clash == asked))
            assert not any(has(other, clash) for other in real)
            continue
        assert np.array_equal(found.conflict, asked)
        if any(map(has, safe)):
            assert found.image is not None
        if found.image is not None:
            assert problem.box.contains(found.image)
            assert has(tuple(layer.signs_of_reals(found.image[None])[0].tolist()))


def test_the_conflict_names_only_the_signs_that_clash() -> None:
    # x + y >= 1 and x + y < 0.5 clash; x - y is free
    found = realise([[1, 1], [1, -1], [1, 1]], [1.0, 0.0, 0.5], [1, 1, -1])
    assert found.refused
    assert found.conflict.tolist() == [1, 0, -1]
    # and x + y >= 3 clashes alone
    found = realise([[1, 1], [1, -1], [1, 1]], [1.0, 0.0, 3.0], [1, 1, 1])
    assert found.refused
    assert found.conflict.tolist() == [0, 0, 1]


def test_nothing_asked_is_realised_by_anything() -> None:
    for threshold in (0.5, 9.0):
        found = realise([[1, 1]], [threshold], [0])
        assert found.image is not None
        assert UNIT.contains(found.image)


def test_without_time_there_is_neither_image_nor_refusal() -> None:
    found = realise([[1, 1]] * 3, [0.5, 1.0, 1.5], [1, 1, -1], seconds=0.0)
    assert found.image is None
    assert not found.refused


@pytest.mark.parametrize("threshold", [0.7, 0.1, 1.0, 1.7, 0.3, 2.0**-30])
def test_a_tie_is_refused_only_where_it_is_strict(threshold: float) -> None:
    # x + y >= t and x + y <= t meet in x + y = t; both at -1 they would be x + y < t and > t
    both = realise([[1, 1], [-1, -1]], [threshold, -threshold], [1, 1])
    assert both.image is not None
    assert Fraction(both.image[0]) + Fraction(both.image[1]) == Fraction(threshold)
    neither = realise([[1, 1], [-1, -1]], [threshold, -threshold], [-1, -1])
    assert neither.refused
    assert neither.conflict.tolist() == [-1, -1]


def test_equal_neurons_have_equal_signs() -> None:
    for demand in ([1, -1], [-1, 1]):
        assert realise([[1, -1], [1, -1]], [0.1, 0.1], demand).refused
    for demand in ([1, 1], [-1, -1]):
        assert realise([[1, -1], [1, -1]], [0.1, 0.1], demand).image is not None


# --- in doubt, exactly ----------------------------------------------------------------------------


def many_pixels(rng: np.random.Generator, inputs: int) -> Problem:
    """Four neurons, whose rows sum up to 0, and to exactly 0 with their thresholds too."""
    half = rng.choice([-1, 1], (2, inputs))
    weight = np.array([half[0], half[1], -half[0], -half[1]], dtype=np.int8)
    image = rng.integers(0, 2**20, inputs) / 2**20
    sums = weight @ image  # without rounding
    output = OutputLayer(np.ones((2, 4), dtype=np.int8), np.ones(2), np.zeros(2))
    network = BinaryNetwork((SignLayer.dense(weight, sums),), output)
    return Problem.ball(network, image, epsilon=0.1)


@pytest.mark.parametrize("inputs", [3, 31, 784])
def test_two_equalities_are_met_by_floats(inputs: int) -> None:
    problem = many_pixels(np.random.default_rng(inputs), inputs)
    realiser = Realiser(PatternSpace.of(problem))
    every = realiser.realise(np.ones(4, dtype=np.int8))
    assert every.image is not None
    assert problem.network.activations(every.image[None])[0].tolist() == [[1, 1, 1, 1]]
    for pair in ([-1, 0, -1, 0], [0, -1, 0, -1], [-1, 1, -1, 1]):
        assert realiser.realise(np.array(pair, dtype=np.int8)).refused


def test_what_only_real_points_have_is_told_from_what_none_has() -> None:
    # both at -1 is above 0.75 and below the next float
    above = float(np.nextafter(0.75, 1))
    output = OutputLayer(np.array([[-1, -1], [1, 1]]), np.ones(2), np.zeros(2))
    for top, expected in ((above, Answer.REAL), (0.75, Answer.REFUSED)):
        layer = SignLayer.dense(np.array([[-1], [1]]), np.array([-0.75, top]))
        box = Box(lower=np.array([0.5]), upper=np.array([1.0]))
        space = PatternSpace.of(Problem(BinaryNetwork((layer,), output), box.lower, box))
        flips = space.signs[space.unstable] > 0
        assert Realiser(space).solve(flips) is expected
