"""Settings of a wrong kind are refused as they are made, with the value, the rule and the mend."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from signflip.attack import attack
from signflip.errors import ProblemError, SettingError
from signflip.methods import (
    Auto,
    Exact,
    Fgsm,
    Guided,
    IProp,
    Milp,
    Pgd,
    Square,
    Walk,
)
from signflip.methods.layer_solver import LocalSearch
from signflip.methods.step_size import AdaptiveStep, ConstantStep
from signflip.methods.warm_start import WarmStarted
from signflip.problem import Distance, Problem
from signflip.problem.regions.box import Box
from signflip.problem.regions.l1 import L1Ball
from signflip.programs import Highs
from signflip.settings import is_number, is_whole
from tests.support.problems import two_steps
from tests.support.tiny import INPUTS, tiny_network


def ball(**changes: Any) -> Problem:
    settings: dict[str, Any] = {"image": np.full(INPUTS, 0.5), "epsilon": 0.1, **changes}
    return Problem.ball(tiny_network(), settings.pop("image"), **settings)


def l1_ball(radius: Any) -> L1Ball:
    problem = two_steps()
    return L1Ball(problem.region, problem.image, radius)


def any_of(value: Any) -> Any:
    return value


CASES: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: attack(two_steps(), any_of("exact")), SettingError, "the method is 'exact'; it must"),
    (lambda: attack(two_steps(), any_of(Exact)), SettingError, "the class Exact; .* Exact\\(\\)"),
    (lambda: attack(two_steps(), Exact(), time_limit=any_of("5")), SettingError, "limit is '5'"),
    (lambda: attack(two_steps(), Exact(), time_limit=-1), SettingError, "the time limit is -1; it"),
    (lambda: Milp(solver=any_of("highs")), SettingError, "'highs'; .*solver=Highs\\(\\)"),
    (lambda: Milp(solver=any_of(Highs)), SettingError, "the solver is <class .*Highs\\(\\)"),
    (lambda: Milp(threads=any_of(1.5)), SettingError, "threads is 1.5; it must be a whole number"),
    (lambda: IProp(solver=any_of(Highs)), SettingError, "the solver is <class .*LocalSearch\\(\\)"),
    (lambda: IProp(solver=any_of(7)), SettingError, "the solver is 7; it must be LocalSearch"),
    (lambda: IProp(cutoff=any_of("a")), SettingError, "cutoff is 'a'; it must be a number"),
    (lambda: IProp(restarts=any_of(0.5)), SettingError, "restarts is 0.5; it must be a whole"),
    (lambda: LocalSearch(steps=any_of(1.5)), SettingError, "steps is 1.5; it must be a whole"),
    (lambda: AdaptiveStep(share=any_of("a")), SettingError, "share is 'a'; it must be a number"),
    (lambda: ConstantStep(neurons=any_of(1.5)), SettingError, "neurons is 1.5; it must be a whole"),
    (lambda: Walk(seed=any_of(1.5)), SettingError, "seed is 1.5; it must be a whole number"),
    (lambda: Walk(moves=any_of("a")), SettingError, "moves is 'a'; it must be a whole number"),
    (lambda: Exact(threads=any_of(1.5)), SettingError, "threads is 1.5; it must be a whole number"),
    (lambda: Exact(threads=any_of("a")), SettingError, "threads is 'a'; it must be a whole number"),
    (lambda: Exact(annealing=any_of(None)), SettingError, "annealing is None; it must be a number"),
    (lambda: Auto(seed=any_of("1")), SettingError, "seed is '1'; it must be a whole number"),
    (lambda: Fgsm(step=any_of("a")), SettingError, "step is 'a'; it must be a number"),
    (lambda: Fgsm(width=any_of("a")), SettingError, "width is 'a'; it must be a number"),
    (lambda: Pgd(restarts=any_of(1.5)), SettingError, "restarts is 1.5; it must be a whole"),
    (lambda: Square(share=any_of("a")), SettingError, "share is 'a'; it must be a number"),
    (lambda: Guided(children=any_of(True)), SettingError, "children is True; it must be a whole"),
    (
        lambda: WarmStarted(first=any_of("fgsm"), seconds=1, then=Exact()),
        SettingError,
        "the method of the warm start is 'fgsm'; it must be an object",
    ),
    (lambda: Distance(any_of("l2")), SettingError, "the norm is 'l2'; it must be 'linf'"),
    (lambda: Distance(tolerance=any_of("a")), SettingError, "the tolerance is 'a'; it must be a"),
    (lambda: ball(epsilon="a"), ProblemError, "epsilon is 'a'; it must be a number"),
    (lambda: ball(epsilon=None), ProblemError, "epsilon is None; it must be a number"),
    (lambda: ball(image=["a"] * INPUTS), ProblemError, "the image holds <U1; it must be a flat"),
    (lambda: ball(image=["0.5"] * INPUTS), ProblemError, "the image holds <U3; it must be a flat"),
    (lambda: ball(image=[0.5j] * INPUTS), ProblemError, "the image holds complex128; it must"),
    (lambda: ball(image=[[0.5], [0.5, 1]]), ProblemError, "the image is no array of numbers"),
    (lambda: ball(image=["a"] * INPUTS, grid="8bit"), ProblemError, "the image holds <U1; it"),
    (lambda: Box.ball(any_of(["a"]), 0.1), ProblemError, "the image holds <U1; it must be a flat"),
    (lambda: l1_ball(0.0), ProblemError, "the radius of the L1 ball is 0.0; it must be a number"),
    (lambda: l1_ball(np.inf), ProblemError, "the radius of the L1 ball is inf; it must be a"),
    (lambda: l1_ball("a"), ProblemError, "the radius of the L1 ball is 'a'; it must be a number"),
]


@pytest.mark.parametrize(("make", "error", "message"), CASES, ids=[case[2] for case in CASES])
def test_a_setting_of_another_kind_is_refused(
    make: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


def test_numbers_of_numpy_and_fractions_are_numbers() -> None:
    assert all(map(is_whole, (1, np.int64(1), np.uint8(1), np.array(1))))
    assert not any(map(is_whole, (1.0, True, np.bool_(True), "1", None, np.float64(1))))
    assert all(map(is_number, (1, 0.5, np.float32(1), np.int8(1), np.array(0.5), Fraction(1, 3))))
    assert not any(map(is_number, ("1", b"1", True, np.bool_(True), None, 1j, [1.0])))
    assert np.array_equal(ball(image=[Fraction(1, 2)] * INPUTS).image, np.full(INPUTS, 0.5))
    assert Exact(threads=any_of(np.int64(2))).threads == 2


def test_a_solver_by_its_name_is_one_of_layer_problems() -> None:
    assert isinstance(IProp(solver=any_of("highs")).solver, Highs)
