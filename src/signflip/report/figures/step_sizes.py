"""Figure 5: share of images flipped by IProp with the adaptive step and with constant ones."""

import polars as pl

from signflip.report.figures.plot import Plot, Source
from signflip.report.figures.shares import shares_plot
from signflip.report.selection import step_lines


def plot(source: Source) -> Plot:
    """The figure; in words if the store has no two steps to compare."""
    frame = step_lines(source.frame)
    return shares_plot(
        5,
        "IProp: the adaptive step against constant steps",
        frame,
        missing="The store holds no problems that IProp attacked with two step sizes.",
        labels=_labels(frame),
    )


def _labels(frame: pl.DataFrame) -> dict[str, str]:
    steps = frame.select("line", "step_neurons").unique().iter_rows()
    return {
        line: f"{'adaptive' if neurons is None else f'constant {neurons}'} ({line})"
        for line, neurons in steps
    }
