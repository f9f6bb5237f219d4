"""Figure 6: share of images flipped by IProp from zero, and from a warm start."""

import polars as pl

from signflip.report.figures.plot import Plot, Source
from signflip.report.figures.shares import shares_plot
from signflip.report.selection import warm_lines


def plot(source: Source) -> Plot:
    """The figure; in words if the store lacks one of the two."""
    frame = warm_lines(source.frame)
    return shares_plot(
        6,
        "IProp: from zero and from a warm start",
        frame,
        missing="The store holds no problems that IProp attacked from zero and from a warm start.",
        labels=_labels(frame),
    )


def _labels(frame: pl.DataFrame) -> dict[str, str]:
    starts = frame.select("line", "warm").unique().iter_rows()
    return {line: f"{'warm start' if warm else 'from zero'} ({line})" for line, warm in starts}
