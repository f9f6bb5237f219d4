"""Pages of the report, made up."""

from collections.abc import Sequence

from signflip.report.gallery import Gallery
from signflip.report.page import Figure, Page, Table

DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="300pt" height="200pt" viewBox="0 0 300 200">'
    '<rect id="box" width="300" height="200" fill="#246"/></svg>'
)


def sample_page(
    gallery: Gallery,
    *,
    text: str = "text",
    header: Sequence[str] = ("network", "flipped"),
    rows: Sequence[Sequence[str]] = (("2x100", "9 %"), ("3x100", "11 %"), ("2x200", "–")),
) -> Page:
    """A page with one figure and one table, and `text` in all its places."""
    return Page(
        title=f"Report {text}",
        subtitle=f"made by {text}",
        summary=[("results", "12"), (f"label {text}", f"value {text}")],
        figures=[Figure(number=2, title=f"title {text}", caption=f"caption {text}", svg=DRAWING)],
        tables=[Table(title=f"table {text}", header=header, rows=rows, caption=f"said {text}")],
        gallery=gallery,
    )
