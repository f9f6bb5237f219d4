import time

import numpy as np
import pytest

from signflip.clock import ENDLESS, Allowance, Clock, OutOfTime
from signflip.errors import SettingError


def test_without_a_limit_there_is_always_time() -> None:
    for clock in (ENDLESS, Clock.start(None)):
        assert clock.remaining() == np.inf
        assert not clock.expired()
        clock.check()
        clock.allow(1e9, "Anything")


def test_past_its_limit_a_clock_lets_nothing_begin() -> None:
    clock = Clock.start(0)
    assert clock.remaining() == 0
    assert clock.sub_limit(5.0) == 0
    with pytest.raises(OutOfTime, match="before the search began"):
        clock.check()
    with pytest.raises(OutOfTime, match="Writing takes longer than the time limit allows"):
        clock.allow(0.001, "Writing")


def test_what_takes_longer_than_is_left_is_not_begun() -> None:
    clock = Clock.start(1000)
    clock.check()
    clock.allow(1, "Reading")
    with pytest.raises(OutOfTime, match="Writing"):
        clock.allow(1001, "Writing")


@pytest.mark.parametrize("limit", [-1.0, float("nan")])
def test_limits_are_checked(limit: float) -> None:
    with pytest.raises(SettingError, match="0 or more seconds"):
        Clock.start(limit)


def test_an_allowance_is_a_share_of_the_time_from_when_it_counts() -> None:
    clock = Clock(time.monotonic() - 100, None)
    early, late, later = Allowance(clock), Allowance(clock, since=60), Allowance(clock, since=1000)
    for allowance in (early, late, later):
        assert allowance.seconds == 0
        allowance.grant(0.5)
    assert early.seconds == pytest.approx(50, rel=0.1)
    assert late.seconds == pytest.approx(20, rel=0.1)
    assert later.seconds == 0  # its time has not begun
    late.grant(0.0)  # no share of what went by since
    assert late.seconds == pytest.approx(20, rel=0.1)
