"""`signflip report`: figures, tables and a page of a store's results."""

from pathlib import Path

import click

from signflip.cli.console import output, progress_bar, remarks
from signflip.cli.options import FILE, NamedPath
from signflip.files import writing
from signflip.report.extra import need_report_extra


@click.command()
@click.argument("store", type=FILE)
@click.option(
    "--out",
    type=NamedPath(path_type=Path),
    required=True,
    help="Folder for the report; an earlier report in it is replaced.",
)
@click.option("--title", help="Title of the page.  [default: the store's name]")
@click.option("--note", help="A sentence for the page's head: what made the results, and where.")
def report(store: Path, out: Path, title: str | None, note: str | None) -> None:
    """Draw the paper's figures from the results in STORE.

    OUT/index.html shows them with tables and a gallery of images; nothing is loaded from anywhere.
    The figures are there as .svg and .png, and the tables, and the numbers behind each figure, as
    .csv in OUT/tables.
    """
    need_report_extra("the report", "polars", "scipy", "jinja2")
    from signflip.many.store import Store
    from signflip.report import report as reports  # polars and scipy take a second to import

    with Store.open(store) as results, progress_bar("report", reports.STEPS) as bar, writing(out):
        written = reports.write_report(results, out, title=title, note=note, on_step=bar.advance)
    for number, reason in written.missing.items():
        remarks().print(f"figure {number} is empty: {reason}")
    for remark in written.remarks:
        remarks().print(remark)
    output().print(f"{written.page} is written")
