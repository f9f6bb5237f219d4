"""Small panels side by side on one figure, all of one size, with a legend above.

Places are worked out here in inches: Matplotlib's own layout takes seconds for a hundred panels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 10.0
"""Of a figure, in inches, at most."""
_NARROWEST = 6.0
LETTER = 0.075
"""Width of a letter, in inches, if it is none of the widest."""
_RIGHT, _LEGEND_LINE, _LEGEND_SIGN = 0.1, 0.22, 0.55


@dataclass(frozen=True, kw_only=True)
class Spacing:
    """Lengths in inches.

    Attributes:
        height: of a panel.
        widest: width of a panel at most.
        title: room for the title above it.
        left: room for tick labels and the label of the y axis.
        gap: between a panel and the next on its right.
        below: room for tick labels and the label of the x axis under each row.
    """

    height: float = 1.9
    widest: float = 5.0
    title: float = 0.3
    left: float = 0.75
    gap: float = 0.2
    below: float = 0.55


def place_panels(
    places: Sequence[tuple[int, int]],
    spacing: Spacing,
    handles: Sequence[Artist],
    *,
    bottom: float = 0.05,
) -> tuple[Figure, list[Axes]]:
    """A figure with a panel at each (row, column), and a legend of `handles`.

    Args:
        places: of the panels.
        spacing: between them.
        handles: of the legend, which stands above.
        bottom: room below the last row, in inches.
    """
    rows = 1 + max(row for row, _ in places)
    columns = 1 + max(column for _, column in places)
    width = panel_width(columns, spacing)
    total = max(_NARROWEST, _gaps(columns, spacing) + columns * width)
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    entry = _LEGEND_SIGN + LETTER * longest
    entries = max(1, int((total - spacing.left) / entry))
    legend = _LEGEND_LINE * ceil(len(handles) / entries)
    row_height = spacing.title + spacing.height + spacing.below
    height = legend + rows * row_height + bottom
    figure = Figure(figsize=(total, height))
    axes = []
    for row, column in places:
        left = spacing.left + column * (width + spacing.gap)
        top = legend + row * row_height + spacing.title
        base = height - top - spacing.height
        place = (left / total, base / height, width / total, spacing.height / height)
        axes.append(figure.add_axes(place))
    if handles:
        figure.legend(
            handles=list(handles),
            loc="upper left",
            bbox_to_anchor=(spacing.left / total, 1.0),
            ncols=entries,
            frameon=False,
            borderaxespad=0.1,
            borderpad=0.1,
            columnspacing=1.4,
            handlelength=1.8,
        )
    return figure, axes


def panel_width(columns: int, spacing: Spacing) -> float:
    """Width of each of so many panels side by side, in inches."""
    return min(spacing.widest, (WIDTH - _gaps(columns, spacing)) / columns)


def _gaps(columns: int, spacing: Spacing) -> float:
    return spacing.left + _RIGHT + spacing.gap * (columns - 1)


def fitted(text: str, width: float) -> str:
    """The text, with its middle left out if it is longer than `width` inches."""
    letters = max(8, int(width / LETTER))
    if len(text) <= letters:
        return text
    return f"{text[: letters // 2]}…{text[len(text) - letters + letters // 2 + 1 :]}"


def in_words(text: str) -> Figure:
    """A figure that says why there is none."""
    figure = Figure(figsize=(_NARROWEST, 1.2))
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True, style="italic")
    return figure
