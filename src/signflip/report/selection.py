"""Which results a figure compares: the right series, on the problems that all of them answered.

Of runs with several seeds it is the first.
"""

import polars as pl

from signflip.methods.search_goal import SearchGoal
from signflip.methods.step_size import AdaptiveStep, ConstantStep
from signflip.report.frame import CELL

ADAPTIVE = AdaptiveStep.__name__
CONSTANT = ConstantStep.__name__

_FIRST = ~pl.col("again")
_PLAIN = ~pl.col("warm") & _FIRST
_IPROP = pl.col("method") == "iprop"
_ADAPTIVE = _IPROP & (pl.col("step") == ADAPTIVE)


def main_lines(frame: pl.DataFrame) -> pl.DataFrame:
    """Each method's own results: no warm start, and IProp with the adaptive step.

    Of several lines of a method it is the one that goes by the method's name, or else all.
    """
    return _by_name(frame.filter(_PLAIN & (~_IPROP | _ADAPTIVE)))


def optimising_lines(frame: pl.DataFrame) -> pl.DataFrame:
    """As `main_lines`, of runs that look for the largest objective and do not stop at a flip."""
    decides = pl.col("goal") == SearchGoal.DECIDE.value
    return main_lines(frame.filter(~decides.fill_null(value=False)))


def step_lines(frame: pl.DataFrame) -> pl.DataFrame:
    """IProp without a warm start, with each of its steps; only cells with two steps or more."""
    plain = frame.filter(_IPROP & _PLAIN)
    adaptive = _by_name(plain.filter(_ADAPTIVE))
    constant = plain.filter(pl.col("step") == CONSTANT)
    return _compared(pl.concat([adaptive, constant]))


def warm_lines(frame: pl.DataFrame) -> pl.DataFrame:
    """IProp with the adaptive step, from zero and from a warm start; only cells with both."""
    adaptive = frame.filter(_ADAPTIVE & _FIRST)
    cold = _by_name(adaptive.filter(_PLAIN))
    both = pl.concat([cold, adaptive.filter(~_PLAIN)])
    return both.filter(pl.col("warm").n_unique().over(CELL) > 1)


def common(frame: pl.DataFrame) -> pl.DataFrame:
    """The results on problems that every line of the problem's cell answered."""
    lines = pl.col("line").n_unique()
    return frame.filter(lines.over("problem", *CELL) == lines.over(CELL))


def _by_name(frame: pl.DataFrame) -> pl.DataFrame:
    line = pl.col("line").cast(pl.String)
    named = (line == pl.col("method")).any().over("method")
    return frame.filter(~named | (line == pl.col("method")))


def _compared(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("line").n_unique().over(CELL) > 1)
