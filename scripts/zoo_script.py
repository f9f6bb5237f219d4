"""What the scripts that train the zoo share: their command line, and how a network is written."""

import argparse
import dataclasses
import gzip
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import torch

from signflip.files import write_bytes
from signflip.formats.native import network_to_bytes
from signflip.network import BinaryNetwork

NETWORKS = Path(__file__).parents[1] / "src" / "signflip" / "zoo" / "networks"


def write(folder: Path, name: str, network: BinaryNetwork, card: Mapping[str, str]) -> None:
    """Write a network of the zoo with its card."""
    data = network_to_bytes(dataclasses.replace(network, card=card))
    write_bytes(folder / f"{name}.safetensors.gz", gzip.compress(data, mtime=0))


def run(
    description: str,
    known: Iterable[str],
    train_one: Callable[[str, Path | None, Path], None],
    table: Callable[[Sequence[str]], str],
) -> None:
    """Read the command line and do what it says.

    Args:
        description: of the script, its first line.
        known: names of the networks that it trains.
        train_one: trains one, given its name, the data's folder and that of checkpoints.
        table: the README's table of networks.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks (default: all)")
    parser.add_argument("--data-dir", type=Path, help="folder of the IDX files")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"), metavar="DIR")
    parser.add_argument("--table", action="store_true", help="train nothing, print the table")
    arguments = parser.parse_args()
    every = tuple(known)
    unknown = sorted(set(arguments.names) - set(every))
    if unknown:
        parser.error(f"unknown networks {unknown}; the names are {', '.join(every)}")
    names = arguments.names or every
    if not arguments.table:
        torch.set_num_threads(1)
        arguments.checkpoints.mkdir(parents=True, exist_ok=True)
        for name in names:
            train_one(name, arguments.data_dir, arguments.checkpoints)
    print(table(names))
