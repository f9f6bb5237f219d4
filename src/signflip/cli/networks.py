"""`signflip networks`: the zoo and its cards."""

import sys

import click
from rich.table import Table

from signflip.cli.console import output
from signflip.cli.group import CommandError, one_line
from signflip.errors import SignflipError
from signflip.zoo import load_zoo, zoo_names, zoo_sha256
from signflip.zoo.named import open_network


@click.command()
@click.argument("names", nargs=-1, metavar="[NETWORK]...")
def networks(names: tuple[str, ...]) -> None:
    """List the zoo, or show the cards of networks.

    Each NETWORK is a name of the zoo or a file; without any, the zoo is listed.
    """
    if not names:
        _print_zoo()
        return
    refused = False
    for name in names:
        try:
            _print_card(name)
        except SignflipError as error:  # the others have cards all the same
            refused = True
            CommandError(one_line(error)).show()
    if refused:
        sys.exit(CommandError.exit_code)


def _print_zoo() -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "architecture", "data set"):
        table.add_column(heading)
    table.add_column("accuracy", justify="right")
    table.add_column("seed", justify="right")
    table.add_column("SHA-256")
    for name in zoo_names():
        network = load_zoo(name)
        table.add_row(
            name,
            network.architecture,
            network.card["dataset"],
            f"{float(network.card['accuracy']):.2%}",
            network.card["seed"],
            f"{zoo_sha256(name)[:12]}...",
        )
    output().print(table)


def _print_card(name: str) -> None:
    network = open_network(name)
    card = {
        "architecture": network.architecture,
        "inputs": str(network.inputs),
        "classes": str(network.classes),
        **network.card,
    }
    if name in zoo_names():
        card["sha256"] = zoo_sha256(name)
    output().print(name, style="bold")
    for key, value in card.items():
        output().print(f"  {key}: {value}")
