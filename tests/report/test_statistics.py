from math import sqrt

import numpy as np
import polars as pl
import pytest

from signflip.report.statistics import (
    mean_half_width,
    share_interval,
    with_mean_interval,
    with_share_interval,
)

Z = 1.959963984540054


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (0, 20), (3, 10), (10, 20), (99, 100)])
def test_a_share_has_wilsons_interval(successes: int, n: int) -> None:
    share = successes / n
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    interval = share_interval(successes, n)
    assert interval.low == pytest.approx(middle - half, abs=1e-12)
    assert interval.high == pytest.approx(middle + half, abs=1e-12)


def test_a_share_of_nothing_or_all_reaches_no_further_than_0_and_1() -> None:
    assert share_interval(0, 20) == pytest.approx((0.0, Z**2 / (20 + Z**2)))
    assert share_interval(20, 20) == pytest.approx((20 / (20 + Z**2), 1.0))


def test_a_mean_has_students_interval() -> None:
    # the mean of 1, 2, 3, 4: deviation sqrt(5 / 3), and 3.182446 is Student's 97.5 % of 3 degrees
    half = mean_half_width(np.array([sqrt(5 / 3)]), np.array([4.0]))
    assert half == pytest.approx([3.182446 * sqrt(5 / 3) / 2], rel=1e-6)


def test_one_value_has_a_mean_without_an_interval() -> None:
    frame = pl.DataFrame({"n": [1, 2], "m": [5.0, 1.0], "s": [None, 0.0]})
    found = with_mean_interval(frame, "m", "s")
    assert found.columns == ["n", "m", "m_low", "m_high"]
    assert found.rows() == [(1, 5.0, None, None), (2, 1.0, 1.0, 1.0)]


def test_shares_of_a_frame() -> None:
    found = with_share_interval(pl.DataFrame({"n": [10, 4], "hits": [3, 0]}), "hits")
    assert found["share"].to_list() == [0.3, 0.0]
    assert found["low"].to_list() == [share_interval(3, 10).low, 0.0]
    assert found["high"].to_list() == [share_interval(3, 10).high, share_interval(0, 4).high]


def test_shares_of_an_empty_frame() -> None:
    empty = pl.DataFrame(schema={"n": pl.UInt32, "hits": pl.UInt32})
    assert with_share_interval(empty, "hits").is_empty()
