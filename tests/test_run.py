import math
import time
from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.clock import Clock, OutOfTime
from signflip.errors import DataError, ProblemError, SettingError
from signflip.network import Floats
from signflip.problem import Problem
from signflip.run import Run
from tests.support.problems import two_steps
from tests.support.strategies import images, problems


def start_run(problem: Problem) -> Run:
    return Run(problem, Clock.start(None))


# --- the incumbent --------------------------------------------------------------------------------


def test_a_run_starts_from_the_clean_image() -> None:
    problem = two_steps()
    run = start_run(problem)
    assert run.witness.tolist() == [0]
    assert run.value == -2
    assert not run.flipped
    assert [value for _, value in run.trace] == [-2]


def test_only_a_better_image_becomes_the_incumbent() -> None:
    run = start_run(two_steps())
    assert not run.offer(np.array([0.2]))  # no better
    assert run.offer(np.array([0.3]))
    assert run.value == 0
    assert not run.offer(np.array([0.4]))  # as good
    assert run.witness.tolist() == [0.3]
    assert run.offer(np.array([0.5]))
    assert run.flipped
    assert run.replay.prediction == 1
    assert not run.offer(np.array([0.0]))  # worse
    assert run.witness.tolist() == [0.5]
    assert run.value == 2
    assert [value for _, value in run.trace] == [-2, 0, 2]


@pytest.mark.parametrize("pixel", [math.nextafter(0.75, 1), 1.0, 1.5, -0.1])
def test_an_image_outside_the_box_is_not_taken(pixel: float) -> None:
    run = start_run(two_steps())
    assert not run.offer(np.array([pixel]))
    assert run.witness.tolist() == [0]


def test_an_image_that_is_none_is_an_error() -> None:
    run = start_run(two_steps())
    with pytest.raises(DataError, match="nan; every value must be finite"):
        run.offer(np.array([math.nan]))
    with pytest.raises(DataError, match=r"shape \(1, 2\)"):
        run.offer(np.array([0.5, 0.5]))


def test_each_improvement_is_reported_once() -> None:
    heard: list[tuple[float, float, list[float]]] = []

    def hear(seconds: float, objective: float, image: Floats) -> None:
        heard.append((seconds, objective, image.tolist()))

    run = Run(two_steps(), Clock.start(None), np.array([0.3]), hear)
    run.offer(np.array([0.35]))
    run.offer(np.array([0.6]))
    assert [entry[1:] for entry in heard] == [(0.0, [0.3]), (2.0, [0.6])]
    assert [(seconds, value) for seconds, value, _ in heard] == run.trace[1:]


def test_an_incumbent_does_not_change_with_the_callers_array() -> None:
    run = start_run(two_steps())
    candidate = np.array([0.5])
    run.offer(candidate)
    candidate[0] = 0.0
    assert run.witness.tolist() == [0.5]
    with pytest.raises(ValueError, match="read-only"):
        run.witness[0] = 0.0


def test_a_start_is_the_first_incumbent_if_it_is_better() -> None:
    problem = two_steps()
    assert Run(problem, Clock.start(None), [0.5]).witness.tolist() == [0.5]
    assert Run(problem, Clock.start(None), [0.1]).witness.tolist() == [0]


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ([0.1, 0.1], r"the start has shape \(2,\); it must be flat: \(1,\)"),
        ([[0.1]], r"the start has shape \(1, 1\); it must be flat: \(1,\)"),
        ("image", "the start is 'image'; it must be an image: a flat array of 1 numbers"),
        ([[0.1], []], r"the start is .*; it must be an image: a flat array of 1 numbers"),
    ],
)
def test_a_start_that_is_no_image_is_refused(start: Any, said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        Run(two_steps(), Clock.start(None), start)


@pytest.mark.parametrize("start", [[0.8], [math.nan]])
def test_a_start_outside_the_box_is_refused(start: list[float]) -> None:
    with pytest.raises(ProblemError, match=r"outside the problem's box.*problem.box.clip"):
        Run(two_steps(), Clock.start(None), start)


@given(problems(), st.data())
def test_the_incumbent_is_the_best_of_the_offers(problem: Problem, data: st.DataObject) -> None:
    run = start_run(problem)
    best = problem.clean.value
    for _ in range(4):
        image = data.draw(images(problem.network.inputs))
        candidate = problem.box.clip(image) if data.draw(st.booleans()) else image
        replay = problem.replay(candidate)
        better = replay.inside and replay.value > best
        assert run.offer(candidate) == better
        best = replay.value if better else best
        assert run.value == best
    assert problem.box.contains(run.witness)
    assert problem.replay(run.witness) == run.replay
    times, values = zip(*run.trace, strict=True)
    assert list(times) == sorted(times)
    assert list(values) == sorted(values)
    assert Fraction(values[-1]) == Fraction(float(best))


# --- the clock ------------------------------------------------------------------------------------


def test_a_clock_counts_down_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    clock = Clock.start(8)
    assert (clock.elapsed(), clock.remaining(), clock.expired()) == (0, 8, False)
    now = 105.0
    assert (clock.elapsed(), clock.remaining(), clock.expired()) == (5, 3, False)
    assert (clock.sub_limit(1), clock.sub_limit(10)) == (1, 3)
    now = 108.0
    assert (clock.elapsed(), clock.remaining(), clock.expired()) == (8, 0, True)
    now = 200.0
    assert (clock.elapsed(), clock.remaining(), clock.expired()) == (100, 0, True)
    assert clock.sub_limit(10) == 0


def test_without_a_limit_a_clock_never_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    clock = Clock.start(None)
    now = 1e9
    assert (clock.remaining(), clock.expired(), clock.sub_limit(7)) == (math.inf, False, 7)


def test_a_limit_of_0_is_past_at_once() -> None:
    assert Clock.start(0).expired()


@pytest.mark.parametrize("limit", [-1, -1e-9, math.nan])
def test_a_limit_below_0_is_refused(limit: float) -> None:
    with pytest.raises(SettingError, match=f"time limit is {limit}; it must be 0 or more seconds"):
        Clock.start(limit)


# --- parts of a portfolio -------------------------------------------------------------------------


def test_a_part_has_a_clock_that_ends_sooner_and_never_later() -> None:
    run = Run(two_steps(), Clock(time.monotonic() - 10.0, 30.0))
    with run.limited(0.0):
        assert run.clock.expired()
        assert run.clock.elapsed() >= 10.0
    assert run.clock.limit == 30.0
    with run.limited(60.0):
        assert run.clock.limit == 30.0
    endless = start_run(two_steps())
    with endless.limited(math.inf):
        assert endless.clock.limit is None
    with suppress(OutOfTime), endless.limited(5.0):
        assert endless.clock.remaining() <= 5.0
        raise OutOfTime
    assert endless.clock.limit is None
