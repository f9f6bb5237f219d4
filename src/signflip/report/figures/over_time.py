"""Figure 4: mean normalised objective against run time, from the traces of the runs."""

from dataclasses import replace
from math import ceil, floor, log10

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from signflip.arrays import Floats
from signflip.report.figures.panels import LETTER, Spacing, fitted, panel_width, place_panels
from signflip.report.figures.plot import Plot, Source, no_plot
from signflip.report.figures.style import INK, UNKNOWN, Look, looks
from signflip.report.frame import CELL, Trace
from signflip.report.selection import common, optimising_lines
from signflip.report.statistics import mean_half_width

_NUMBER, _TITLE = 4, "Mean objective against run time"
_MISSING = "The store holds no finished results of methods that look for the largest objective."
_HOW_TO_READ = (
    "Mean of objective (1) over its largest conceivable value; higher is better. A line is full as "
    "long as one of its runs goes on, and dotted after that: a run that has ended keeps its best "
    "value. The points on the right are the means at the end, with 95 % t intervals, cut off where "
    "the axis ends. A network's methods are compared on the n problems that all of them were "
    "given; a failed run counts with the objective of the clean image. The dashed line is the mean "
    "optimum, where the exact method proved it for all n problems."
)
_POINTS = 49
_EARLIEST = 1e-3
_ROOM = 0.08  # of the time axis, behind its end for each point
_FEW, _MANY = 16, (4, 6)


def plot(source: Source) -> Plot:
    """The figure; in words if no method looked for the largest objective."""
    values = means_over_time(source)
    if values.is_empty():
        return no_plot(_NUMBER, _TITLE, _MISSING)
    return Plot(
        number=_NUMBER,
        title=_TITLE,
        caption=_HOW_TO_READ,
        drawing=_draw(values),
        values=values,
    )


def means_over_time(source: Source) -> pl.DataFrame:
    """The mean objective of each line and cell at times that are the same for all.

    Returns:
        `data`, `network`, `epsilon`, `line`, `method`, `n`, `seconds`, `mean` with its interval
        `low` to `high` (null for one problem), `running` (whether a run of the line goes on), and
        `optimum`, the mean one of the n problems, null unless it is known of all.
    """
    rows = common(optimising_lines(source.frame)).drop_nulls("normalised")
    if rows.filter(~pl.col("failed")).is_empty():
        return pl.DataFrame()
    scales = dict(rows.select("key", "largest_conceivable").iter_rows())
    traces = {key: _as_array(trace, scales[key]) for key, trace in source.traces(set(scales))}
    times = _times(rows, traces)
    found = []
    for _, runs in rows.group_by(*CELL, "line", maintain_order=True):
        clean = (runs["clean_objective"] / runs["largest_conceivable"]).to_list()
        curves = np.stack(
            [
                _curve(traces.get(key), first, times)
                for key, first in zip(runs["key"], clean, strict=True)
            ]
        )
        found.append(_mean_curve(runs, curves, times, _ends(runs)))
    return pl.concat(found).sort(*CELL, "line", "seconds")


def _as_array(trace: Trace, scale: float) -> Floats:
    """(points, 2) float64: seconds, and the objective over `scale`."""
    array = np.array(trace, dtype=np.float64).reshape(-1, 2)
    return array / [1.0, scale]


def _times(rows: pl.DataFrame, traces: dict[str, Floats]) -> Floats:
    """From the decade of the first improvement to the end of the last run."""
    end = _ends(rows)
    firsts = [trace[1, 0] for trace in traces.values() if len(trace) > 1]
    first = min(firsts, default=end)
    start = max(_EARLIEST, 10.0 ** floor(log10(max(first, _EARLIEST))))
    return np.geomspace(min(start, max(end, _EARLIEST) / 10), max(end, _EARLIEST), _POINTS)


def _curve(trace: Floats | None, clean: float, times: Floats) -> Floats:
    """The best value (times,) so far, at each time."""
    if trace is None or not len(trace):
        return np.full(len(times), clean)
    places = np.searchsorted(trace[:, 0], times, side="right") - 1
    curve: Floats = trace[np.maximum(places, 0), 1]
    return curve


def _ends(runs: pl.DataFrame) -> float:
    """Seconds of the longest run that did not fail; 0 if all did."""
    return max(runs.filter(~pl.col("failed"))["seconds"], default=0.0)


def _mean_curve(runs: pl.DataFrame, curves: Floats, times: Floats, end: float) -> pl.DataFrame:
    n = len(curves)
    mean = curves.mean(axis=0)
    deviation = curves.std(axis=0, ddof=1) if n > 1 else np.zeros(len(times))
    half = pl.Series(mean_half_width(deviation, np.full(len(times), float(n)))).fill_nan(None)
    optimum = None if runs["optimum"].has_nulls() else runs["optimum"].mean()
    return (
        runs.select(*CELL, "line", "method")
        .head(1)
        .join(
            pl.DataFrame(
                {
                    "n": [n] * len(times),
                    "seconds": times,
                    "mean": mean,
                    "low": mean - half,
                    "high": mean + half,
                    # up to the first time at which all have ended
                    "running": np.arange(len(times)) <= np.searchsorted(times, end),
                    "optimum": pl.Series([optimum] * len(times), dtype=pl.Float64),
                }
            ),
            how="cross",
        )
    )


def _draw(values: pl.DataFrame) -> Figure:
    styles = looks(values)
    cells = list(values.group_by(*CELL, maintain_order=True))
    columns = _columns(len(cells), values["epsilon"].n_unique())
    places = [divmod(index, columns) for index in range(len(cells))]
    handles = [look.handle(line) for line, look in styles.items()]
    best = Line2D([], [], color=INK, linestyle="--", linewidth=1, label="mean optimum")
    optima = [best] if values["optimum"].is_not_null().any() else []
    spacing = Spacing(height=1.5, title=0.42, below=0.32, left=0.85, gap=0.3)
    width = panel_width(columns, spacing)
    names = [f"{data}, {network}" for (data, network, _), _ in cells]
    if max(map(len, names)) * LETTER > width:  # a line for each
        spacing = replace(spacing, title=0.56)
        names = [f"{fitted(d, width)}\n{fitted(n, width)}" for (d, n, _), _ in cells]
    figure, axes = place_panels(places, spacing, [*handles, *optima], bottom=0.2)
    ticks = _ticks(values, most=5 if columns <= _MANY[0] else 3)
    last = values.group_by(*CELL, "line").last()
    low = min([*last["low"].drop_nulls().clip(-1), *values["mean"]])
    high = max([*last["high"].drop_nulls().clip(None, 1), *values["mean"]])
    for name, ((_, _, epsilon), rows), panel, (row, column) in zip(
        names, cells, axes, places, strict=True
    ):
        panel.set_title(f"{name}\nε = {epsilon:g}, n = {rows['n'][0]}", loc="left")
        _draw_cell(panel, rows, styles, ticks)
        panel.set_ylim(low - 0.03, high + 0.03)
        if row * columns + column + columns >= len(cells):
            panel.set_xlabel("seconds")
        if column == 0:
            panel.set_ylabel("mean normalised\nobjective")
        else:
            panel.tick_params(labelleft=False)
    return figure


def _ticks(values: pl.DataFrame, *, most: int) -> list[float]:
    """Whole powers of ten on the time axis, every second or third if there are many."""
    start, end = (log10(values["seconds"][row]) for row in (0, -1))
    powers = range(ceil(start - 1e-9), floor(end + 0.05) + 1)
    return [10.0**power for power in powers[:: ceil(len(powers) / most) or 1]]


def _columns(cells: int, epsilons: int) -> int:
    """A network's epsilons stay in one row where they fit."""
    most = _MANY[cells > _FEW]
    return min(cells, epsilons * (most // epsilons) or most)


def _draw_cell(axes: Axes, rows: pl.DataFrame, styles: dict[str, Look], ticks: list[float]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=":", zorder=0)
    optimum = rows["optimum"][0]
    if optimum is not None:
        axes.axhline(optimum, color=INK, linewidth=1, linestyle="--", zorder=1)
    start, end = float(rows["seconds"][0]), float(rows["seconds"][-1])
    step = (end / start) ** _ROOM
    for place, (line, look) in enumerate(styles.items()):
        curve = rows.filter(pl.col("line") == line)
        running = curve.filter("running")
        axes.plot(curve["seconds"], curve["mean"], ":", color=look.colour, linewidth=1, zorder=2)
        axes.plot(running["seconds"], running["mean"], color=look.colour, zorder=3)
        last = curve.tail(1)
        known = last.drop_nulls("low")
        axes.errorbar(
            [end * step ** (place + 1)] * len(last),
            last["mean"],
            yerr=[known["mean"] - known["low"], known["high"] - known["mean"]]
            if len(known)
            else None,
            color=look.colour,
            marker=look.marker,
            markerfacecolor=look.face,
            linestyle="none",
            elinewidth=1.1,
            capsize=1.5,
            zorder=4,
        )
    axes.set_xlim(start, end * step ** (len(styles) + 1))
    axes.axvline(end, color=UNKNOWN, linewidth=0.6, zorder=0)
