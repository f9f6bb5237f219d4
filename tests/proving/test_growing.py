"""How many cases are looked at between two looks at the clock."""

from signflip.exact.frontier import SLICE_SECONDS
from signflip.proving.growing import FIRST, Pace


def test_slow_cases_are_fewer_at_once_and_quick_ones_more() -> None:
    pace = Pace(1000)
    assert pace.cases == FIRST
    pace.took(10 * SLICE_SECONDS, all_of_them=True)
    assert pace.cases == FIRST // 10
    pace.took(1000 * SLICE_SECONDS, all_of_them=True)
    assert pace.cases == 1
    for _ in range(20):
        pace.took(0.0, all_of_them=True)
    assert pace.cases == 1000


def test_nothing_is_learnt_of_the_speed_from_some_of_the_cases() -> None:
    pace = Pace(1000)
    pace.took(0.0, all_of_them=False)
    assert pace.cases == FIRST


def test_there_are_never_more_than_the_most() -> None:
    assert Pace(1).cases == 1
