"""`signflip export`: the results of a store as a table."""

from pathlib import Path

import click

from signflip.cli.console import output
from signflip.cli.options import FILE, overwrite_option
from signflip.cli.output import check_writable
from signflip.files import writing
from signflip.many.notation import counted
from signflip.many.store import Store
from signflip.report.extra import need_report_extra


@click.command()
@click.argument("store_path", type=FILE, metavar="STORE")
@click.option("--out", type=FILE, required=True, help="File of the table: .parquet or .csv.")
@click.option("--witnesses", is_flag=True, help="Put the best images in too (.parquet only).")
@overwrite_option
def export(store_path: Path, out: Path, witnesses: bool, overwrite: bool) -> None:
    """Write the results of STORE to a Parquet or CSV file."""
    need_report_extra("export", "polars")
    from signflip.report import export as exporting

    exporting.check_export(out, witnesses=witnesses)
    check_writable(out, overwrite=overwrite)
    with Store.open(store_path) as store, writing(out):
        count = exporting.export(store, out, witnesses=witnesses)
    output().print(f"{out}: {counted(count, 'result')}")
