"""Trained networks that come with Signflip, by name: `mnist-2x100` to `fashion-5x100`, and 3x30.

Each is a network file (see `signflip.formats.native`), compressed with gzip: a weight takes a byte
there and little more than a bit here. `scripts/train_zoo.py` trains them, and
`scripts/train_robust.py` those that are proved robust.
"""

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from signflip.errors import NetworkError, did_you_mean
from signflip.formats.native import network_from_bytes
from signflip.network import BinaryNetwork

DATASETS = {"mnist": "mnist", "fashion": "fashion-mnist"}
"""First part of a name -> the data set that the network was trained on."""

ARCHITECTURES = ("2x100", "2x200", "2x300", "2x400", "2x500", "3x100", "4x100", "5x100")
"""Second part of a name: hidden layers x neurons in each. The paper's eight."""

ATTACKED = tuple(f"{prefix}-{size}" for prefix in DATASETS for size in ARCHITECTURES)
"""The networks that the paper attacks."""

SMALL = ("mnist-3x30",)
"""The network of the paper's Figure 1."""

ROBUST: tuple[str, ...] = (
    "mnist-robust-2x100",
    "mnist-robust-2x200",
    "fashion-robust-2x100",
    "fashion-robust-2x200",
    "mnist-vote-0.1",
    "mnist-vote-0.3",
    "fashion-vote-0.1",
)
"""Networks trained to be robust: dense ones at epsilon 0.02, and votes of bits at the last part."""

__all__ = [
    "ARCHITECTURES",
    "ATTACKED",
    "DATASETS",
    "ROBUST",
    "SMALL",
    "load_zoo",
    "zoo_card",
    "zoo_names",
    "zoo_sha256",
]


def zoo_names() -> tuple[str, ...]:
    """Names of all networks, in the order of the README's tables."""
    return ATTACKED + SMALL + ROBUST


def load_zoo(name: str) -> BinaryNetwork:
    """The network called `name`.

    Raises:
        NetworkError: no network has that name.
    """
    return network_from_bytes(_file_bytes(name), f"zoo network {name!r}")


def zoo_card(name: str) -> Mapping[str, str]:
    """Data set, test accuracy, seed and training settings of the network called `name`.

    Raises:
        NetworkError: no network has that name.
    """
    return load_zoo(name).card


def zoo_sha256(name: str) -> str:
    """SHA-256 (hexadecimal) of the uncompressed network file called `name`.

    Raises:
        NetworkError: no network has that name.
    """
    return hashlib.sha256(_file_bytes(name)).hexdigest()


@cache
def _file_bytes(name: str) -> bytes:
    if name not in zoo_names():
        hint = did_you_mean(str(name), zoo_names())
        raise NetworkError(
            f"no zoo network is called {name!r}{hint}; the names are {', '.join(zoo_names())}"
        )
    packed = files("signflip.zoo").joinpath("networks", f"{name}.safetensors.gz").read_bytes()
    return gzip.decompress(packed)
