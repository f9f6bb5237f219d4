"""Shares of images flipped, in panels: the body of Figures 2, 5 and 6."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from signflip.report.figures import groups
from signflip.report.figures.plot import Plot, no_plot
from signflip.report.figures.style import CAN_FLIP, INK, ROBUST, UNKNOWN, Look, looks
from signflip.report.frame import CELL
from signflip.report.selection import common
from signflip.report.statistics import with_share_interval

_HOW_TO_READ = (
    "Points are shares of images flipped, with 95 % Wilson intervals. Behind them, of the same "
    "images: those that can be flipped, since some run of the store flipped them; those proved "
    "robust; and, hatched, those of which neither is known. A network's methods are compared on "
    "the n problems that all of them were given; failed runs count as not flipped."
)


def shares_plot(
    number: int,
    title: str,
    frame: pl.DataFrame,
    *,
    missing: str,
    labels: Mapping[str, str] | None = None,
) -> Plot:
    """The plot of the shares of a frame's lines.

    Args:
        number: the figure's number in the paper.
        title: what it shows, in a few words.
        frame: results of the lines to compare.
        missing: what to say if it is empty.
        labels: what the legend says of a line, if not its name.
    """
    values = shares(frame)
    if values.is_empty():
        return no_plot(number, title, missing)
    return Plot(
        number=number,
        title=title,
        caption=_HOW_TO_READ,
        drawing=draw_shares(values, labels or {}),
        values=values,
    )


def shares(frame: pl.DataFrame) -> pl.DataFrame:
    """Share flipped of each line, on the problems that all lines of its cell answered.

    Returns:
        `data`, `network`, `epsilon`, `line`, `method`, `n`, `flipped`, `failed`, then `share` with
        its interval `low` to `high`, and of the n problems `can_flip`, `robust` and `unsettled`.
    """
    counted = (
        common(frame)
        .group_by(*CELL, "line", maintain_order=True)
        .agg(
            pl.col("method").first(),
            pl.len().alias("n"),
            pl.col("flipped").sum(),
            pl.col("failed").sum(),
            pl.col("can_flip").sum(),
            robust=pl.col("is_robust").sum(),
            unsettled=(~pl.col("can_flip") & ~pl.col("is_robust")).sum(),
        )
        .sort(*CELL, "line")
    )
    ordered = with_share_interval(counted, "flipped")
    settled = ("can_flip", "robust", "unsettled")
    return ordered.select(pl.exclude(*settled), *settled)


def draw_shares(values: pl.DataFrame, labels: Mapping[str, str]) -> Figure:
    """The figure of `shares`: a panel for each data set and epsilon, a group for each network."""
    styles = looks(values)
    handles = [look.handle(labels.get(line, line)) for line, look in styles.items()]
    figure, panels = groups.group_panels(values, [*handles, *_backdrop_handles()])
    for panel in panels:
        _draw_backdrop(panel)
        _draw_points(panel, styles)
        panel.axes.set_ylim(-0.03, 1.03)
        panel.axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        panel.label("images flipped")
    return figure


def _backdrop_handles() -> list[Artist]:
    return [
        Patch(facecolor=CAN_FLIP, edgecolor=INK, linewidth=0.6, label="can be flipped"),
        Patch(facecolor="white", edgecolor=UNKNOWN, hatch="////", label="unknown"),
        Patch(facecolor=ROBUST, edgecolor="none", label="proved robust"),
    ]


def _draw_backdrop(panel: groups.Panel) -> None:
    """What is known of the images: up to where they can be flipped, and from where not."""
    cells = panel.values.unique("network", maintain_order=True)
    flip = (cells["can_flip"] / cells["n"]).to_numpy()
    proof = (1 - cells["robust"] / cells["n"]).to_numpy()
    places = np.array(panel.places(cells))
    axes = panel.axes
    axes.bar(places, flip, groups.GROUP, color=CAN_FLIP, zorder=0)
    axes.bar(places, 1 - proof, groups.GROUP, proof, color=ROBUST, zorder=0)
    open_ = proof > flip
    axes.bar(
        places[open_],
        (proof - flip)[open_],
        groups.GROUP,
        flip[open_],
        facecolor="white",
        edgecolor=UNKNOWN,
        hatch="////",
        linewidth=0,
        zorder=0,
    )
    half = groups.GROUP / 2
    axes.hlines(flip, places - half, places + half, color=INK, linewidth=1.2, zorder=1)


def _draw_points(panel: groups.Panel, styles: Mapping[str, Look]) -> None:
    for offset, (line, look) in zip(groups.offsets(len(styles)), styles.items(), strict=True):
        own = panel.values.filter(pl.col("line") == line)
        share = own["share"]
        panel.axes.errorbar(
            [place + offset for place in panel.places(own)],
            share,
            yerr=[share - own["low"], own["high"] - share],
            color=look.colour,
            marker=look.marker,
            markerfacecolor=look.face,
            linestyle="none",
            elinewidth=1.1,
            capsize=1.5,
            zorder=3,
        )
