"""Grid points: every method against all images of a small grid."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from signflip.attack import Method, attack
from signflip.closest import minimise_perturbation
from signflip.errors import ProblemError
from signflip.methods import Apgd, Exact, Fgsm, IProp, Milp, Pgd, Square
from signflip.methods.search_goal import SearchGoal
from signflip.min_epsilon import min_epsilon
from signflip.network import BinaryNetwork, Floats, InputRange, OutputLayer, SignLayer
from signflip.patterns.on_grid import realise_on_grid
from signflip.problem import (
    Box,
    GridName,
    GridPoints,
    Norm,
    Problem,
    Standing,
    Target,
    exact_distance,
)
from signflip.problem.grids import Float32, Grid, Levels
from signflip.result import Stop, Verdict
from tests.support.strategies import epsilons, images

RANGES = (InputRange(), InputRange(upper=255.0, step=1.0), InputRange(lower=-1.0, upper=1.0))
HEURISTICS = (Fgsm(restarts=2), IProp(), Pgd(restarts=2), Apgd(restarts=2), Square(restarts=1))


@st.composite
def small_grids(draw: st.DrawFn) -> Problem:
    """Up to 3 pixels with 5 levels each, and thresholds near what the image gives."""
    inputs = draw(st.sampled_from(RANGES))
    count, neurons = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    step = inputs.width / 255
    level = draw(arrays(np.int64, count, elements=st.integers(0, 255)))
    image = inputs.lower + inputs.width * level / 255
    weight = draw(arrays(np.int8, (neurons, count), elements=st.sampled_from([-1, 1])))
    shift = draw(arrays(np.float64, neurons, elements=st.integers(-7, 7).map(lambda k: k / 2)))
    first = SignLayer.dense(weight, weight @ image + step * shift)
    output = draw(arrays(np.int8, (3, neurons), elements=st.sampled_from([-1, 1])))
    network = BinaryNetwork(
        (first,), OutputLayer(output, np.ones(3), np.zeros(3)), input_range=inputs
    )
    epsilon = draw(st.sampled_from([1, 2] if count > 2 else [1, 2, 6])) * step
    return Problem.ball(
        network,
        image,
        epsilon=epsilon,
        grid="8bit",
        ties=draw(st.sampled_from(["none", "predict"])),
    )


def all_images(problem: Problem) -> list[Floats]:
    """Every image of the region, by the levels of each pixel."""
    inputs = problem.network.input_range
    levels = inputs.lower + inputs.width * np.arange(256) / 255
    rows = zip(problem.box.lower.tolist(), problem.box.upper.tolist(), strict=True)
    values = [levels[(levels >= lower) & (levels <= upper)] for lower, upper in rows]
    return [np.array(image) for image in product(*values)]


def brute_force(problem: Problem) -> tuple[Standing, dict[Norm, float]]:
    """The best standing, and the least distance of a flip."""
    every = [(problem.replay(image), image) for image in all_images(problem)]
    assert all(replay.inside for replay, _ in every)
    flips = [image for replay, image in every if replay.flipped]
    least = {
        norm: min((exact_distance(problem.image, image, norm) for image in flips), default=np.inf)
        for norm in Norm
    }
    return max(replay.standing for replay, _ in every), least


@settings(max_examples=50)
@given(problem=small_grids(), goal=st.sampled_from(SearchGoal))
def test_exact_on_all_images(problem: Problem, goal: SearchGoal) -> None:
    best, _ = brute_force(problem)
    result = attack(problem, Exact(goal=goal))
    replay = problem.replay(result.witness)
    assert replay.inside
    assert result.bound is not None
    assert result.bound >= best.value
    # no grid point is overlooked, though some balls flip where the grid does not
    assert (result.verdict is Verdict.FLIPPED) == best.flipped == replay.flipped
    if result.stop is Stop.OPTIMAL:
        assert replay.standing == best
    if result.flip is not None:
        assert result.flips_as_8bit is True


@settings(max_examples=25)
@given(problem=small_grids(), goal=st.sampled_from(SearchGoal))
def test_the_milp_on_all_images(problem: Problem, goal: SearchGoal) -> None:
    best, _ = brute_force(problem)
    result = attack(problem, Milp(goal=goal))
    replay = problem.replay(result.witness)
    assert replay.inside
    assert (result.verdict is Verdict.FLIPPED) == best.flipped
    if result.stop is Stop.CLAIMED_OPTIMAL:
        assert replay.standing == best


@pytest.mark.parametrize("method", [Exact(), Milp(goal=SearchGoal.DECIDE)])
def test_sums_that_differ_by_a_rounding_are_told_apart(method: Method) -> None:
    image = np.array([84, 2]) / 255
    # other pixels of 86 or 87 levels in sum are a rounding above or below these thresholds
    first = SignLayer.dense(np.ones((2, 2)), image.sum() + np.array([0, 1 / 255]))
    output = OutputLayer(np.array([[-1, 1], [1, -1], [1, 1]]), np.ones(3), np.zeros(3))
    network = BinaryNetwork((first,), output)
    problem = Problem.ball(network, image, epsilon=2 / 255, goal=Target(1), grid="8bit")
    best, _ = brute_force(problem)
    assert best.flipped
    assert attack(problem, method).verdict is Verdict.FLIPPED


@settings(max_examples=15)
@given(problem=small_grids(), method=st.sampled_from(HEURISTICS))
def test_heuristics_stay_on_the_grid(problem: Problem, method: Method) -> None:
    best, _ = brute_force(problem)
    result = attack(problem, method)
    assert any(np.array_equal(result.witness, image) for image in all_images(problem))
    assert problem.replay(result.witness).standing <= best


@settings(max_examples=25, deadline=None)
@given(problem=small_grids())
def test_the_nearest_image_of_the_grid(problem: Problem) -> None:
    _, least = brute_force(problem)
    enclosed = min_epsilon(problem, tolerance=1e-6)
    if enclosed.stop is Stop.DECIDED:
        # levels k / 255 are not evenly apart in float64: images one level away differ by an ulp
        distance = enclosed.distance or np.inf
        assert distance == least[Norm.LINF] or 0 <= distance - least[Norm.LINF] <= 1e-6
    assert enclosed.bound is not None
    assert enclosed.bound <= least[Norm.LINF]
    for norm in Norm:
        nearest = minimise_perturbation(problem, norm=norm)
        if nearest.stop is Stop.CLAIMED_OPTIMAL:
            assert (nearest.distance or np.inf) == pytest.approx(least[norm], rel=1e-3)


@given(
    image=images(3),
    epsilon=epsilons(),
    points=arrays(np.float64, (4, 3), elements=st.floats(-1, 2)),
)
def test_float32_regions_are_of_float32_numbers(
    image: Floats, epsilon: float, points: Floats
) -> None:
    grid = Float32()
    centre = grid.nearest(image)
    region = GridPoints(grid.ball(centre, Box.ball(centre, epsilon), epsilon), grid)
    assert region.contains(centre)
    for point in [*region.project(points), region.box.lower, region.box.upper]:
        assert np.array_equal(point, point.astype(np.float32))
        assert region.contains(point)
        assert Box.ball(centre, epsilon).contains(point)
    assert not region.contains(np.full(3, 0.1))


@pytest.mark.parametrize("grid", [Float32(), Levels(), Levels(-1.0, 1.0), Levels(0.0, 255.0)])
@given(values=arrays(np.float64, 5, elements=st.floats(-1, 1)))
def test_neighbours_on_a_grid(grid: Grid, values: Floats) -> None:
    below, above, nearest = grid.floor(values), grid.ceil(values), grid.nearest(values)
    assert np.all(below <= values)
    assert np.all(values <= above)
    assert np.all((nearest == below) | (nearest == above))
    for found in (below, above, nearest):
        assert np.array_equal(grid.nearest(found), found)
        assert np.array_equal(grid.floor(found), found)
        assert np.array_equal(grid.ceil(found), found)
    if grid.step is not None:
        assert np.all(above - below <= grid.step * (1 + 1e-12))


@pytest.mark.parametrize("levels", range(1, 9))
def test_an_epsilon_of_k_over_255_is_k_levels(levels: int) -> None:
    grid = Levels()
    image = np.arange(256) / 255
    box = grid.ball(image, Box.ball(image, levels / 255), levels / 255)
    assert np.array_equal(box.lower, np.maximum(np.arange(256) - levels, 0) / 255)
    assert np.array_equal(box.upper, np.minimum(np.arange(256) + levels, 255) / 255)


@pytest.mark.parametrize(("lower", "upper"), [(0.1, 10.0221), (-0.13, 188.1236), (0.0, 0.3)])
def test_the_levels_end_with_the_range(lower: float, upper: float) -> None:
    inputs = InputRange(lower=lower, upper=upper)
    grid = GridName.EIGHT_BIT.of(inputs)
    assert isinstance(grid, Levels)
    values = grid.value(np.arange(256.0))
    assert (values[0], values[-1]) == (lower, upper)
    assert np.all(np.diff(values) > 0)
    image = np.array([values[-1], values[254]])
    problem = Problem.ball(plain_network(inputs), image, epsilon=0.01 * upper, grid="8bit")
    assert problem.region.contains(problem.box.upper)
    assert problem.box.upper[0] == upper


def plain_network(inputs: InputRange) -> BinaryNetwork:
    first = SignLayer.dense(np.ones((1, 2), dtype=np.int8), np.array([inputs.width]))
    output = OutputLayer(np.array([[-1], [1]], dtype=np.int8), np.ones(2), np.zeros(2))
    return BinaryNetwork((first,), output, input_range=inputs)


def test_an_image_is_put_on_the_grid_if_it_was_rounded() -> None:
    network = plain_network(InputRange())
    pixels = np.array([10, 20]) / 255
    kept = Problem.ball(network, pixels.astype(np.float32), epsilon=0.1, grid="8bit")
    assert np.array_equal(kept.image, pixels)
    single = Problem.ball(network, pixels, epsilon=0.1, grid=GridName.FLOAT32)
    assert np.array_equal(single.image, pixels.astype(np.float32))
    with pytest.raises(ProblemError, match=r"the image is 0.3 at pixel 1, which is no value of"):
        Problem.ball(network, [10 / 255, 0.3], epsilon=0.1, grid="8bit")
    with pytest.raises(ProblemError, match="the grid is 'jpeg'; it must be one of 'float32', '8b"):
        Problem.ball(network, pixels, epsilon=0.1, grid="jpeg")


def test_a_network_with_input_steps_has_their_grid() -> None:
    network = plain_network(InputRange(upper=255.0, step=1.0))
    for grid in (None, "8bit", "float32"):
        problem = Problem.ball(network, [100, 150], epsilon=3.5, grid=grid)
        assert problem.box.lower.tolist() == [97, 147]
        assert problem.box.upper.tolist() == [103, 153]
        assert problem.region.grid == Levels(0.0, 255.0, 255)
        assert not problem.region.contains(np.array([100.5, 150.0]))
        result = attack(problem, Exact())
        assert result.verdict is Verdict.FLIPPED
        assert result.witness.sum() >= 255
    with pytest.raises(ProblemError, match=r"the image is 0.5 at pixel 0, which is no value of"):
        Problem.ball(network, [0.5, 0.0], epsilon=1)


@pytest.mark.parametrize("seed", range(20))
def test_patterns_with_room_are_found_on_the_grid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid, size, neurons = Levels(), 60, 30
    image = rng.integers(0, 256, size) / 255
    region = GridPoints(grid.ball(image, Box.ball(image, 2 / 255), 2 / 255), grid)
    weight = rng.choice([-1, 1], (neurons, size)).astype(np.int8)
    inner = region.box.lower + rng.random(size) * (region.box.upper - region.box.lower)
    # a grid point near to `inner` has the pattern, by a hair
    goal = region.project(inner)
    signs = rng.choice([-1, 1], neurons).astype(np.int8)
    layer = SignLayer.dense(weight, weight @ goal - signs * grid.step / 3)
    found = realise_on_grid(layer, region, signs, inner)
    assert found is not None
    assert region.contains(found)
    assert layer.signs_of_reals(found[None])[0].tolist() == signs.tolist()


def test_a_pattern_that_no_grid_point_has_is_not_found() -> None:
    grid = Levels()
    image = np.array([100 / 255, 100 / 255])
    region = GridPoints(grid.ball(image, Box.ball(image, 1 / 255), 1 / 255), grid)
    # both sums half a step above the image's: only points between the levels reach one of the two
    weight = np.array([[1, 1], [-1, -1]], dtype=np.int8)
    lines = weight @ image + np.array([0.4, -0.6]) / 255
    layer = SignLayer.dense(weight, lines)
    demand = np.ones(2, dtype=np.int8)
    between = image + 0.25 / 255
    assert layer.signs_of_reals(between[None])[0].tolist() == [1, 1]
    assert realise_on_grid(layer, region, demand, between) is None


def test_a_flip_of_the_ball_alone_is_unknown_on_the_grid() -> None:
    weight = np.array([[1, 1], [-1, -1]], dtype=np.int8)
    image = np.array([100, 100]) / 255
    layer = SignLayer.dense(weight, weight @ image + np.array([0.4, -0.6]) / 255)
    both = SignLayer.dense(np.ones((1, 2), dtype=np.int8), np.array([2.0]))
    output = OutputLayer(np.array([[-1], [1]], dtype=np.int8), np.ones(2), np.zeros(2))
    network = BinaryNetwork((layer, both), output)
    ball = Problem.ball(network, image, epsilon=1 / 255)
    assert attack(ball, Exact()).verdict is Verdict.FLIPPED
    kept = Problem.ball(network, image, epsilon=1 / 255, grid="8bit")
    result = attack(kept, Exact())
    assert (result.verdict, result.stop) == (Verdict.UNKNOWN, Stop.IMPRECISE)


def test_exact_grid_values() -> None:
    assert Levels().value(np.array([51.0]))[0] == 0.2
    assert Fraction(Levels(0.0, 255.0).value(np.array([7.0]))[0]) == 7
    wide: Sequence[float] = Levels(-1.0, 1.0).value(np.array([0.0, 255.0])).tolist()
    assert wide == [-1.0, 1.0]
