"""Panels of data set and epsilon with a group for each network: Figures 2, 3, 5 and 6."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from signflip.report.figures.panels import (
    LETTER,
    WIDTH,
    Spacing,
    fitted,
    panel_width,
    place_panels,
)

GROUP = 0.86
"""Width of a group; the next one begins at 1."""
_MOST_COLUMNS = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class Panel:
    """A panel to draw in.

    Attributes:
        axes: where; the group of `networks[i]` is around x = i.
        values: the rows of its data set and epsilon.
        networks: those that have values here.
        first: whether it is the first of its row.
    """

    axes: Axes
    values: pl.DataFrame
    networks: Sequence[str]
    first: bool

    def places(self, rows: pl.DataFrame) -> list[int]:
        """The middle of the group of each of `rows`."""
        return [self.networks.index(name) for name in rows["network"]]

    def label(self, name: str) -> None:
        """Name the y axis, where it is the first of its row, and hide its numbers elsewhere."""
        if self.first:
            self.axes.set_ylabel(name)
        else:
            self.axes.tick_params(labelleft=False)


def group_panels(
    values: pl.DataFrame, handles: Sequence[Artist], *, parts: Sequence[str] = ("",)
) -> tuple[Figure, list[Panel]]:
    """A figure with a panel for each part, data set and epsilon.

    Args:
        values: rows with `data`, `network`, `epsilon`, `line` and `n`, sorted; and `part` if there
            are several parts.
        handles: of the legend.
        parts: what `part` may be, in the order to show; each begins a row.
    """
    if "part" not in values.columns:
        values = values.with_columns(part=pl.lit(parts[0]))
    columns = _columns(values)
    found: list[pl.DataFrame] = []
    places: list[tuple[int, int]] = []
    for part in parts:
        of_part = values.filter(pl.col("part") == part)
        for _, of_data in of_part.group_by("data", maintain_order=True):
            row = 1 + max((row for row, _ in places), default=-1)
            panels = of_data.sort("epsilon", maintain_order=True).partition_by("epsilon")
            places += [(row + index // columns, index % columns) for index in range(len(panels))]
            found += panels
    longest, most = _longest_name(values), _most_networks(values)
    steep = longest > WIDTH / columns / most - 0.2
    spacing = Spacing(
        below=0.5 + (longest / 3 if steep else 0),
        widest=max(Spacing.widest, (most + 0.2) * longest),
    )
    width = panel_width(1 + max(column for _, column in places), spacing)
    figure, axes = place_panels(places, spacing, handles)
    return figure, [
        _panel(own, rows, width=width, first=column == 0, steep=steep)
        for rows, (_, column), own in zip(found, places, axes, strict=True)
    ]


def offsets(lines: int) -> list[float]:
    """Where the lines of a group stand, from its middle."""
    step = GROUP / lines
    return [step * (index - (lines - 1) / 2) for index in range(lines)]


def _panel(axes: Axes, rows: pl.DataFrame, *, width: float, first: bool, steep: bool) -> Panel:
    data, epsilon = rows.select("data", "epsilon").row(0)
    sizes = dict(rows.group_by("network").agg(pl.col("n").max()).iter_rows())
    networks = rows["network"].unique(maintain_order=True).to_list()
    ball = f", ε = {epsilon:g}"
    axes.set_title(fitted(data, width - len(ball) * LETTER) + ball, loc="left")
    labels = [f"{name}\nn = {sizes[name]}" for name in networks]
    axes.set_xticks(range(len(networks)), labels, rotation=20 if steep else 0)
    axes.tick_params(axis="x", length=0, labelsize=8)
    axes.set_xlim(-0.6, len(networks) - 0.4)
    return Panel(axes=axes, values=rows, networks=networks, first=first)


def _columns(values: pl.DataFrame) -> int:
    """As many as leave room for each group and its name, at most `_MOST_COLUMNS`."""
    group = max(0.42, 0.11 * values["line"].n_unique(), _longest_name(values))
    width = _most_networks(values) * group + 0.4
    epsilons = values["epsilon"].n_unique()
    return max(1, min(_MOST_COLUMNS, epsilons, int(WIDTH / width)))


def _longest_name(values: pl.DataFrame) -> float:
    """Of a network, in inches."""
    return LETTER * max(len(name) for name in values["network"].cast(pl.String))


def _most_networks(values: pl.DataFrame) -> int:
    """Of any panel."""
    return max(len(rows["network"].unique()) for _, rows in values.group_by("data", "epsilon"))
