"""What every figure is made from, and what comes of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl
from matplotlib.figure import Figure

from signflip.report.figures.panels import in_words
from signflip.report.frame import Trace


@dataclass(frozen=True, eq=False, kw_only=True)
class Source:
    """Results to draw.

    Attributes:
        frame: as `read_frame` gives it.
        traces: keys of rows -> (key, trace) of each.
    """

    frame: pl.DataFrame
    traces: Callable[[set[str]], Iterable[tuple[str, Trace]]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Plot:
    """A figure.

    Attributes:
        number: the figure's number in the paper.
        title: what it shows, in a few words.
        caption: how to read it.
        drawing: the figure itself; words if there is nothing to draw.
        values: what is drawn, as numbers.
        missing: what the store lacks for it, as a sentence; None if there is a figure.
    """

    number: int
    title: str
    caption: str
    drawing: Figure
    values: pl.DataFrame
    missing: str | None = None


def no_plot(number: int, title: str, missing: str) -> Plot:
    """The plot that says in words what the store lacks."""
    return Plot(
        number=number,
        title=title,
        caption=missing,
        drawing=in_words(missing),
        values=pl.DataFrame(),
        missing=missing,
    )
