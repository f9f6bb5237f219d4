"""How figures look: each method's colour, marker and hatch, and how drawings become files."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from signflip.report.drawing import drawing

Dashes = Literal["-", "--"]

# Okabe and Ito's palette, then Tol's, which colour-blind readers can tell apart
_METHODS = {
    "fgsm": ("#0072B2", "s", "//"),
    "iprop": ("#D55E00", "o", ""),
    "milp": ("#CC79A7", "^", ".."),
    "exact": ("#009E73", "D", "xx"),
    "walk": ("#332288", "v", "\\\\"),
    "pgd": ("#882255", "h", "++"),
    "apgd": ("#DDCC77", "X", "oo"),
    "square": ("#117733", "*", "||"),
    "guided": ("#999933", "p", "..//"),
    "auto": ("#AA4499", "d", "xx//"),
}
_OTHER = ("#56B4E9", "P", "--")
CLASSES = ("#0072B2", "#E69F00")
"""Colours of two classes."""
INK = "#222222"
CAN_FLIP = "#F6E3B4"
ROBUST = "#CFE3F1"
UNKNOWN = "#BBBBBB"

_SETTINGS: dict[Any, Any] = {
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titley": 1.0,  # panels have room for it; to look for its place takes a fifth of the time
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "hatch.linewidth": 0.6,
    "lines.markersize": 5,
    "svg.fonttype": "none",  # text stays text, and the page small
    "svg.hashsalt": "signflip",  # the same drawing gives the same file
}
_PATH = re.compile(rb' d="[^"]*"')
_DIGITS = re.compile(rb"(\.\d\d)\d+")
_SHADES = ((0.0, 0.0), (0.45, 0.0), (0.0, 0.4), (0.7, 0.0), (0.0, 0.6))
_MARKERS = "osDv^Ph*X<>"


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a line of results is drawn, wherever it is.

    Attributes:
        colour: hexadecimal.
        marker: Matplotlib's letter.
        face: colour inside the marker.
        hatch: Matplotlib's signs, for areas.
        dashes: Matplotlib's line style.
    """

    colour: str
    marker: str
    face: str
    hatch: str
    dashes: Dashes

    @property
    def pale(self) -> str:
        """The colour for areas."""
        return _shade(self.colour, 0.0, 0.65)

    def patch(self, label: str) -> Patch:
        """An entry of the legend, for areas."""
        return Patch(facecolor=self.pale, edgecolor=self.colour, hatch=self.hatch, label=label)

    def handle(self, label: str) -> Line2D:
        """An entry of the legend, for lines and points."""
        return Line2D(
            [],
            [],
            color=self.colour,
            marker=self.marker,
            markerfacecolor=self.face,
            linestyle=self.dashes,
            label=label,
        )


def looks(frame: pl.DataFrame) -> dict[str, Look]:
    """Line -> its look, for the lines of a frame of results, in their order.

    A method's first line has the method's look; further ones have shades of its colour, and other
    markers.
    """
    found: dict[str, Look] = {}
    seen: dict[str, int] = {}
    for line, method in frame.select("line", "method").unique().sort("line").iter_rows():
        found[line] = _look(method, seen.get(method, 0))
        seen[method] = seen.get(method, 0) + 1
    return found


def _look(method: str, place: int) -> Look:
    colour, marker, hatch = _METHODS.get(method, _OTHER)
    if place:
        others = _MARKERS.replace(marker, "")
        marker = others[(place - 1) % len(others)]
        colour = _shade(colour, *_SHADES[place % len(_SHADES)])
        hatch = hatch + "/|-"[place % 3]
    return Look(
        colour=colour,
        marker=marker,
        face="white" if place % 2 else colour,
        hatch=hatch,
        dashes="--" if place % 2 else "-",
    )


def _shade(colour: str, black: float, white: float) -> str:
    red, green, blue = (part * (1 - black) * (1 - white) + white for part in to_rgb(colour))
    return to_hex((red, green, blue))


@contextmanager
def house_style() -> Iterator[None]:
    """Drawings that are made or saved while the context lasts have the house's style."""
    with drawing(_SETTINGS):
        yield


def svg_bytes(figure: Figure) -> bytes:
    """The drawing as an SVG document; the same bytes for the same drawing.

    The figure must have been made in the house's style.
    """
    buffer = io.BytesIO()
    with house_style():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    lines = (line.rstrip() + b"\n" for line in buffer.getvalue().splitlines())
    # a hundredth of a point is enough, and makes the page a third smaller
    return _PATH.sub(lambda path: _DIGITS.sub(rb"\1", path[0]), b"".join(lines))


def png_bytes(figure: Figure) -> bytes:
    """The drawing as PNG, 150 points to the inch."""
    buffer = io.BytesIO()
    with house_style():
        figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()
