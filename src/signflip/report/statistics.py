"""Intervals of shares and of means, at a confidence of 95 %."""

from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl
import scipy

from signflip.arrays import Floats

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """From `low` to `high`."""

    low: float
    high: float


@cache
def share_interval(successes: int, n: int) -> Interval:
    """Wilson's score interval of a share (Wilson 1927).

    Args:
        successes: how often, 0 to `n`.
        n: of how many independent trials, at least 1.
    """
    exact = scipy.stats.binomtest(successes, n).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(float(exact.low), float(exact.high))


def mean_half_width(deviation: Floats, n: Floats) -> Floats:
    """Half the width of Student's t interval of a mean; NaN where `n` is below 2.

    Args:
        deviation: the sample's standard deviation, with n - 1 in its denominator, any shape.
        n: the sample's size, of that shape.
    """
    size = np.asarray(n, dtype=np.float64)
    known = size >= 2
    size = np.where(known, size, 2)
    half = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, size - 1) * deviation / np.sqrt(size)
    widths: Floats = np.where(known, half, np.nan)
    return widths


def with_share_interval(frame: pl.DataFrame, successes: str, n: str = "n") -> pl.DataFrame:
    """Adds `share`, `low` and `high` of the counts in two columns."""
    pairs = frame.select(successes, n).iter_rows()
    bounds = [share_interval(hits, trials) for hits, trials in pairs]
    return frame.with_columns(
        share=pl.col(successes) / pl.col(n),
        low=pl.Series([bound.low for bound in bounds], dtype=pl.Float64),
        high=pl.Series([bound.high for bound in bounds], dtype=pl.Float64),
    )


def with_mean_interval(
    frame: pl.DataFrame, mean: str, deviation: str, n: str = "n"
) -> pl.DataFrame:
    """Adds `<mean>_low` and `<mean>_high`, null where `n` is below 2; drops the deviation."""
    sizes = frame[n].to_numpy().astype(np.float64)
    spread = frame[deviation].fill_null(0.0).to_numpy()
    half = pl.Series(mean_half_width(spread, sizes)).fill_nan(None)
    return frame.with_columns(
        (pl.col(mean) - half).alias(f"{mean}_low"), (pl.col(mean) + half).alias(f"{mean}_high")
    ).drop(deviation)
