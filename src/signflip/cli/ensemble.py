"""`signflip ensemble`: several networks as one, whose class values are the sums of theirs."""

import dataclasses
import json
from pathlib import Path

import click

from signflip.cli.console import output
from signflip.cli.options import FILE, inputs_option, overwrite_option
from signflip.cli.output import check_network_name, check_writable
from signflip.formats.native import save_network
from signflip.many.notation import counted
from signflip.network import InputRange
from signflip.network import ensemble as joined
from signflip.zoo.named import open_network


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NETWORK...")
@inputs_option
@click.option("--out", type=FILE, required=True, help="The ensemble's file (.safetensors).")
@overwrite_option
def ensemble(names: tuple[str, ...], inputs: InputRange | None, out: Path, overwrite: bool) -> None:
    """Write one network whose class values are the sums of those of each NETWORK.

    Each is a name of the zoo or a file of any format; they have the same inputs, classes and number
    of hidden layers. Networks that were trained alike from several seeds are more robust together.
    """
    check_network_name(out)
    check_writable(out, overwrite=overwrite)
    members = [open_network(name, inputs) for name in names]
    cards = [{"name": name, **member.card} for name, member in zip(names, members, strict=True)]
    network = dataclasses.replace(joined(members), card={"members": json.dumps(cards)})
    save_network(network, out)
    output().print(
        f"{out}: {network.architecture}, {network.inputs} inputs in {network.input_range}, "
        f"{network.classes} classes, of {counted(len(members), 'network')}",
        soft_wrap=True,
        markup=False,
    )
