"""The report's page: one HTML file that needs nothing but a browser."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from signflip.files import write_bytes
from signflip.report.embedding import embedded
from signflip.report.extra import need_report_extra
from signflip.report.gallery import LEVELS, Gallery
from signflip.report.inline_svg import inline_svg

_FOLDER = "page_files"
_SCRIPTS = ("tables.js", "figures.js", "pictures.js", "choice.js", "cards.js", "gallery.js")
_NUMBER = re.compile(r"[-−+±<>≤≥~]?\s?\d[\d.,]*(?!\w)|[–—-]?$")  # a 2x100 is none


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


def write_page(path: Path, page: Page) -> None:
    """Write the page, whole or not at all.

    It loads nothing, from this machine or another: drawings, pictures, style and scripts are
    inside, and its own policy forbids the browser to fetch.

    Args:
        path: the HTML file.
        page: what to show.

    Raises:
        MissingExtraError: Jinja2 is not installed.
    """
    write_bytes(path, _html(page).encode(errors="replace"))  # a file's name may be no text


def _html(page: Page) -> str:
    need_report_extra("the report's page", "jinja2")
    import jinja2
    from jinja2.utils import htmlsafe_json_dumps
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("signflip.report", _FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scripts = [_file(name) for name in _SCRIPTS]
    gallery = embedded(page.gallery)
    return environment.get_template("page.html").render(
        page=page,
        drawings=[
            Markup(inline_svg(figure.svg, f"drawing-{place}"))
            for place, figure in enumerate(page.figures)
        ],
        numeric=[_numeric_columns(table) for table in page.tables],
        gallery=gallery,
        index=htmlsafe_json_dumps(gallery.index, allow_nan=False, separators=(",", ":")),
        changes=LEVELS,
        style=Markup(_file("page.css")),
        scripts=[Markup(script) for script in scripts],
        hashes=[_policy_hash(script) for script in scripts],
    )


def _file(name: str) -> str:
    return files("signflip.report").joinpath(_FOLDER, name).read_text(encoding="utf-8")


def _policy_hash(script: str) -> str:
    """What a content security policy calls the script by; no other script runs."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _numeric_columns(table: Table) -> list[bool]:
    """For each column, whether its cells are numbers, or empty."""
    return [
        all(_NUMBER.match(row[column]) for row in table.rows) for column in range(len(table.header))
    ]
