from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.patterns.space import Flips, PatternSpace
from signflip.problem import Problem
from signflip.walk.dual import (
    MARGIN,
    Dual,
    Frame,
    _shares,
    frame_of,
    fresh_dual,
    image_of,
    include,
    load,
    pursue,
    settle_all,
    toggle,
    try_toggle,
    value_of,
)
from tests.support.random_problems import points_of, random_problem

ROOM = np.float32(1.0)
seeds = st.integers(0, 2**32)


def problem_of(seed: int) -> Problem:
    return random_problem(
        np.random.default_rng(seed), inputs=60, widths=(30, 4), epsilon=float(0.05 + seed % 7 / 9)
    )


def reached(frame: Frame, dual: Dual) -> "np.typing.NDArray[np.float64]":
    """How far the point lies along each neuron's direction."""
    point = frame.radius.astype(np.float64) * np.clip(dual.z.astype(np.float64), -1, 1)
    return frame.rows.astype(np.float64) @ point


def toggles_of(space: PatternSpace, image: "np.typing.NDArray[np.float64]") -> Flips:
    signs = space.problem.network.activations(image[None])[0][0]
    toggles: Flips = signs[space.unstable] != space.signs[space.unstable]
    return toggles


@settings(max_examples=40)
@given(seeds)
def test_the_point_has_all_intended_toggles(seed: int) -> None:
    problem = problem_of(seed)
    space = PatternSpace.of(problem)
    if space.size == 0:
        return
    frame = frame_of(space)
    dual = fresh_dual(frame)
    point = points_of(np.random.default_rng(seed), problem, 1)[0]
    wanted = toggles_of(space, point)
    out = pursue(frame, dual, wanted, 20, ROOM)
    assert not np.any(dual.toggled & ~wanted)
    assert np.count_nonzero(wanted & ~dual.toggled) == out
    assert np.all(reached(frame, dual)[dual.toggled] >= frame.distance[dual.toggled] + MARGIN / 2)
    image = image_of(space, dual)
    assert problem.box.contains(image)
    assert np.all(toggles_of(space, image)[dual.toggled])
    # and back again
    assert pursue(frame, dual, np.zeros_like(wanted), 20, ROOM) == 0
    assert not dual.toggled.any()


def test_most_patterns_of_points_can_be_had_whole() -> None:
    had = 0
    for seed in range(30):
        problem = problem_of(seed)
        space = PatternSpace.of(problem)
        frame = frame_of(space)
        dual = fresh_dual(frame)
        inner = (points_of(np.random.default_rng(seed), problem, 1)[0] + space.centre) / 2
        wanted = toggles_of(space, inner)
        pursue(frame, dual, wanted, 20, ROOM)
        settled = settle_all(frame, dual, 30, np.float32(0.1))
        same = np.array_equal(toggles_of(space, image_of(space, dual)), dual.toggled)
        assert same or not settled
        had += same and np.array_equal(dual.toggled, wanted)
    assert had >= 20


@settings(max_examples=40)
@given(seeds)
def test_a_toggle_without_room_leaves_everything_as_it_was(seed: int) -> None:
    problem = problem_of(seed)
    space = PatternSpace.of(problem)
    if space.size < 2:
        return
    frame = frame_of(space)
    dual = fresh_dual(frame)
    rng = np.random.default_rng(seed)
    for neuron in rng.permutation(space.size).tolist():
        before = [array.copy() for array in dual[:5]]
        kept = dual.active[: dual.kept[0]].copy()
        members = np.flatnonzero(dual.toggled & (np.arange(space.size) != neuron))
        other = -1 if dual.toggled[neuron] or not len(members) else int(members[0])
        if try_toggle(frame, dual, neuron, other, 3, ROOM):
            assert dual.toggled[neuron] != before[0][neuron]
            assert other < 0 or not dual.toggled[other]
            continue
        for array, earlier in zip(dual[:5], before, strict=True):
            np.testing.assert_array_equal(array, earlier)
        np.testing.assert_array_equal(dual.active[: dual.kept[0]], kept)


def test_the_dual_value_is_below_that_of_every_point_with_the_toggles() -> None:
    for seed in range(20):
        problem = problem_of(seed)
        space = PatternSpace.of(problem)
        frame = frame_of(space)
        dual = fresh_dual(frame)
        point = points_of(np.random.default_rng(seed), problem, 1)[0]
        wanted = toggles_of(space, point)
        for neuron in np.flatnonzero(wanted).tolist():
            toggle(frame, dual, neuron)
            include(dual, neuron)
        settle_all(frame, dual, 30, np.float32(0.1))
        movable = space.radius > 0
        unit = space.radius.max()
        q = (point - space.centre)[movable] / unit
        primal = float((q**2 / (2 * frame.radius.astype(np.float64))).sum())
        # what is kept is asked with a margin that the point need not have: count it out
        slack = float(dual.u.sum()) * 1e-5
        assert float(value_of(frame, dual)) <= primal + slack + 1e-3 * frame.total
        assert primal <= frame.total / 2 * (1 + 1e-6)


def test_a_state_is_taken_over_whole() -> None:
    problem = problem_of(3)
    space = PatternSpace.of(problem)
    frame = frame_of(space)
    one, other = fresh_dual(frame), fresh_dual(frame)
    pursue(frame, one, np.ones(space.size, dtype=np.bool_), 20, ROOM)
    assert one.toggled.any()
    load(frame, other, one.toggled, one.u, one.z)
    np.testing.assert_array_equal(image_of(space, one), image_of(space, other))
    assert set(other.active[: other.kept[0]]) == set(
        np.flatnonzero(one.toggled | (one.u > 0)).tolist()
    )
    assert value_of(frame, other) == pytest.approx(float(value_of(frame, one)), rel=1e-4)


def test_nothing_is_said_of_invalid_numbers_beside_small_matrices() -> None:
    said: list[str] = []

    class Watched(np.ndarray[Any, Any]):
        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **rest: Any) -> Any:
            if ufunc is np.matmul:
                said.append(np.geterr()["invalid"])
            return getattr(ufunc, method)(*map(np.asarray, inputs), **rest)

    rows = np.array([[1, 0], [1, -1]], dtype=np.int8)
    assert _shares(rows, np.ones(2).view(Watched)).tolist() == [1, 2]
    assert said == ["ignore"]
