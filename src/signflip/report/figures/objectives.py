"""Figure 3: box plots of the normalised objective, and of its gap to the exact optimum."""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.cbook import boxplot_stats
from matplotlib.figure import Figure

from signflip.arrays import Floats
from signflip.report.figures import groups
from signflip.report.figures.plot import Plot, Source, no_plot
from signflip.report.figures.style import INK, Look, looks
from signflip.report.frame import CELL
from signflip.report.selection import common, optimising_lines

_NUMBER, _TITLE = 3, "Objective reached, and its gap to the optimum"
_OBJECTIVE, _GAP = "objective", "gap to the optimum"
_AXES = {_OBJECTIVE: "normalised objective", _GAP: "normalised gap"}
_MISSING = "The store holds no results of methods that look for the largest objective."
_HOW_TO_READ = (
    "The normalised objective is (1) over its largest conceivable value, higher is better: above "
    "the dotted line at 0 the image is flipped. Boxes reach from the first to the third quartile "
    "with a line at the median, whiskers to the last value within 1.5 box lengths, and a diamond "
    "is the mean. A network's methods are compared on the n problems that all of them were given; "
    "a failed run counts with the objective of the clean image. "
)
_GAPS = (
    "Gaps, lower is better, are to the optimum that the exact method proved, on the n of those "
    "problems where it did."
)
_NO_GAPS = "No optimum is known of these problems, so no gap is shown."


def plot(source: Source) -> Plot:
    """The figure; in words if no method looked for the largest objective."""
    values = boxes(source.frame)
    if values.is_empty():
        return no_plot(_NUMBER, _TITLE, _MISSING)
    gaps = (values["part"] == _GAP).any()
    return Plot(
        number=_NUMBER,
        title=_TITLE,
        caption=_HOW_TO_READ + (_GAPS if gaps else _NO_GAPS),
        drawing=_draw(values),
        values=values,
    )


def boxes(frame: pl.DataFrame) -> pl.DataFrame:
    """A box for each line and cell, on the problems that all lines of the cell answered.

    Returns:
        `part` (`objective`, or `gap to the optimum`), `data`, `network`, `epsilon`, `line`,
        `method`, `n`, `mean`, `whislo`, `q1`, `med`, `q3`, `whishi`, and `fliers`, a list of the
        values beyond the whiskers. The exact method has no gaps.
    """
    rows = common(optimising_lines(frame)).drop_nulls("normalised")
    gaps = rows.filter(pl.col("method") != "exact", pl.col("optimum").is_not_null())
    return pl.concat(
        [
            _boxes(rows.with_columns(value="normalised"), _OBJECTIVE),
            _boxes(gaps.with_columns(value=pl.col("optimum") - pl.col("normalised")), _GAP),
        ]
    )


def _boxes(rows: pl.DataFrame, part: str) -> pl.DataFrame:
    grouped = (
        rows.group_by(*CELL, "line", maintain_order=True)
        .agg(pl.col("method").first(), pl.len().alias("n"), pl.col("value"))
        .sort(*CELL, "line")
    )
    numbers = ("mean", "whislo", "q1", "med", "q3", "whishi")
    found = [boxplot_stats(values.to_numpy())[0] for values in grouped["value"]]
    return grouped.select(
        pl.lit(part).alias("part"),
        pl.exclude("value"),
        *(pl.Series(name, [each[name] for each in found], dtype=pl.Float64) for name in numbers),
        pl.Series("fliers", [list(each["fliers"]) for each in found], dtype=pl.List(pl.Float64)),
    )


def _draw(values: pl.DataFrame) -> Figure:
    styles = looks(values)
    handles = [look.patch(line) for line, look in styles.items()]
    parts = [part for part in (_OBJECTIVE, _GAP) if (values["part"] == part).any()]
    figure, panels = groups.group_panels(values, handles, parts=parts)
    limits = {part: _limits(values.filter(pl.col("part") == part)) for part in parts}
    for panel in panels:
        for offset, (line, look) in zip(groups.offsets(len(styles)), styles.items(), strict=True):
            rows = panel.values.filter(pl.col("line") == line)
            _draw_line(panel, rows, offset, look, width=0.7 * groups.GROUP / len(styles))
        part = panel.values["part"][0]
        if part == _OBJECTIVE:
            panel.axes.axhline(0, color=INK, linewidth=0.8, linestyle=":", zorder=0)
        panel.axes.set_ylim(*limits[part])
        panel.label(_AXES[part])
    return figure


def _draw_line(
    panel: groups.Panel, rows: pl.DataFrame, offset: float, look: Look, *, width: float
) -> None:
    """All boxes of a line at once: Matplotlib's own way, one by one, takes seconds."""
    axes, half = panel.axes, width / 2
    x = np.array(panel.places(rows), dtype=np.float64) + offset
    low, q1, med, q3, high, mean = (
        rows[name].to_numpy() for name in ("whislo", "q1", "med", "q3", "whishi", "mean")
    )
    axes.bar(x, q3 - q1, width, q1, facecolor=look.pale, edgecolor=look.colour, hatch=look.hatch)
    axes.vlines([*x, *x], [*low, *q3], [*q1, *high], color=look.colour, linewidth=1)
    ends = np.array([*x, *x])
    axes.hlines([*low, *high], ends - half / 2, ends + half / 2, color=look.colour, linewidth=1)
    axes.hlines(med, x - half, x + half, color=INK, linewidth=1.2)
    _draw_points(axes, x, mean, marker="D", size=3, edge=INK, face="white")
    beyond = rows["fliers"].list.len().to_numpy()
    fliers = rows["fliers"].explode().drop_nulls().to_numpy()
    colour = look.colour
    _draw_points(axes, x.repeat(beyond), fliers, look.marker, size=2.5, edge=colour, face="none")


def _draw_points(
    axes: Axes, x: Floats, y: Floats, marker: str, *, size: float, edge: str, face: str
) -> None:
    axes.plot(
        x,
        y,
        linestyle="none",
        marker=marker,
        markersize=size,
        markeredgecolor=edge,
        markerfacecolor=face,
    )


def _limits(values: pl.DataFrame) -> tuple[float, float]:
    """The same for all panels of a part, so that one can compare them."""
    fliers = values["fliers"].explode().drop_nulls()
    low = min([*values["whislo"], *values["mean"], *fliers, 0.0])
    high = max([*values["whishi"], *values["mean"], *fliers, 0.0])
    room = 0.05 * (high - low) or 0.05
    return low - room, high + room
