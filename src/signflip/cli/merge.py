"""`signflip merge`: several stores into one."""

from pathlib import Path

import click

from signflip.cli.console import output
from signflip.cli.options import FILE
from signflip.many.store import Store


@click.command()
@click.argument("into", type=FILE)
@click.argument("stores", type=FILE, nargs=-1, required=True, metavar="FROM...")
def merge(into: Path, stores: tuple[Path, ...]) -> None:
    """Take the results of stores FROM into the store INTO.

    INTO is made if it is not there. Of two results of one attack the one in INTO stays, unless it
    failed.
    """
    for path in stores:
        with Store.open(path):  # each is a store: before INTO is made
            pass
    with Store.open(into, create=True) as store:
        for path in stores:
            new = store.merge(path)
            output().print(f"{path}: {new:,} new results")
