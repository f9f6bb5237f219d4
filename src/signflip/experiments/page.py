"""The report's page: one HTML file that needs nothing but a browser."""

from collections.abc import Sequence
from dataclasses import dataclass

from signflip.experiments.gallery import Gallery


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of the page.

    Attributes:
        number: the figure's number in the paper.
        title: what it shows, in a few words.
        caption: how to read it; plain text.
        svg: the drawing, a whole SVG document.
    """

    number: int
    title: str
    caption: str
    svg: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of the page; cells are text, as they shall be read.

    Attributes:
        title: what it counts, in a few words.
        header: the columns' names.
        rows: each as long as the header.
        caption: how to read it; plain text.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that the page shows.

    Attributes:
        title: the page's title.
        subtitle: what made it: command, machine and time.
        summary: (label, value) of the numbers to read first.
        figures: in the order to show.
        tables: in the order to show.
        gallery: results to look at.
    """

    title: str
    subtitle: str
    summary: Sequence[tuple[str, str]]
    figures: Sequence[Figure]
    tables: Sequence[Table]
    gallery: Gallery
