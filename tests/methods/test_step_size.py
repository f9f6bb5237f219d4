import math

import pytest

from signflip.errors import SettingError
from signflip.methods.step_size import AdaptiveStep, ConstantStep


@pytest.mark.parametrize(("width", "step"), [(1, 1), (29, 1), (30, 2), (100, 5), (500, 25)])
def test_the_papers_step_starts_at_five_percent_of_the_width(width: int, step: int) -> None:
    assert AdaptiveStep().first(width) == step


def test_it_is_halved_after_five_failures_and_never_below_one() -> None:
    step = AdaptiveStep()
    assert [step.after(5, failures) for failures in (0, 4, 5)] == [5, 5, 2]
    assert step.after(2, 5) == 1
    assert step.after(1, math.inf) == 1


def test_patience_and_share_are_settings() -> None:
    step = AdaptiveStep(share=0.5, patience=2)
    assert step.first(10) == 5
    assert step.after(5, 1) == 5
    assert step.after(5, 2) == 2


def test_a_constant_step_stays_within_the_width() -> None:
    step = ConstantStep(neurons=7)
    assert step.first(5) == 5
    assert step.first(100) == 7
    assert step.after(7, math.inf) == 7


@pytest.mark.parametrize("share", [0.0, 1.1, math.nan])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(SettingError, match=r"share is .*; it must be above 0 and at most 1"):
        AdaptiveStep(share=share)


def test_a_patience_below_one_is_refused() -> None:
    with pytest.raises(SettingError, match="patience is 0; it must be at least 1"):
        AdaptiveStep(patience=0)


def test_a_constant_step_below_one_is_refused() -> None:
    with pytest.raises(SettingError, match="constant step is 0 neurons; it must be at least 1"):
        ConstantStep(neurons=0)
