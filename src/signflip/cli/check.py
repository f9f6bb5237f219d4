"""`signflip check`: proofs checked by a program that shares nothing with what made them."""

import sys
from pathlib import Path

import click
import numpy as np

from signflip.arrays import Floats
from signflip.cli.console import output, remarks
from signflip.cli.images import read_images
from signflip.cli.options import data_dir_option, index_option, inputs_option
from signflip.cli.values import Indices
from signflip.data import ImageSet
from signflip.errors import DataError, ProblemError, ProofError
from signflip.files import is_file, unreadable
from signflip.many.checking import check_proofs
from signflip.many.store import Store
from signflip.network import BinaryNetwork, InputRange
from signflip.problem import GridName
from signflip.problem.grids import put_on_grid
from signflip.proof.check import Proved
from signflip.proof.check import check as check_proof
from signflip.proof.claim import sentences
from signflip.zoo.named import NetworkName

SUFFIX = ".proof"
SQLITE = b"SQLite format 3\0"
"""What a store begins with."""
NEAR = 1e-6
"""No pixel is moved farther than this where an image is put on the grid that it is of."""


@click.command()
@click.argument("proof", type=click.Path(path_type=Path))
@click.argument("network", required=False)
@click.argument("images", required=False)
@inputs_option
@index_option
@data_dir_option
@click.option(
    "--proofs",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help="Folder of the proofs of a store.  [default: STORE.proofs]",
)
def check(
    proof: Path,
    network: str | None,
    images: str | None,
    inputs: InputRange | None,
    index: Indices,
    data_dir: Path | None,
    proofs: Path | None,
) -> None:
    """Check that PROOF, a file or a folder of them, is valid for one of IMAGES on NETWORK.

    Prints what is proved: nothing else is. The exit code is 0 only if every proof is valid. The
    checker uses exact arithmetic alone, and nothing of the search.

    PROOF may be a store of answers, without NETWORK and IMAGES, which it holds: then each proof
    has to be of the answer that it lies beside, and the store keeps whether it is, if it may be
    written. Its proofs are in the folder STORE.proofs, or in that of --proofs.
    """
    if not proof.exists():
        raise DataError(f"{proof} is no file or folder; name a proof, or a folder of proofs")
    if proofs is not None and network is not None:
        raise DataError(
            f"--proofs {proofs} is the folder of a store's proofs; name the store alone, or leave "
            "--proofs out"
        )
    if images is None:
        valid, number = (0, 0) if network is not None else _check_store(proof, proofs)
        if network is not None or not number:
            raise DataError(
                f"{proof} needs NETWORK and IMAGES beside it: only a store of answers with proofs "
                "holds its own"
            )
    else:
        valid, number = _check_files(
            proof, NetworkName(str(network), inputs), images, index, data_dir
        )
    if proof.is_dir() or images is None:
        remarks().print(f"{valid} of {number} are proofs")
    if valid < number:
        sys.exit(1)


def _check_store(path: Path, folder: Path | None) -> tuple[int, int]:
    """How many of a store's proofs are valid, and how many there are; 0 where it is no store."""
    if not is_file(path):
        return 0, 0
    with path.open("rb") as file:  # a store may be large
        if file.read(len(SQLITE)) != SQLITE:
            return 0, 0
    valid = number = news = 0
    with Store.open(path) as store:
        for record, fault in check_proofs(store, folder):
            number += 1
            news += record.checked is not (fault is None)
            where = f"image {record.image_index} of {record.images_name}"
            what = f"{record.proof}: {where} on {record.network_name}, {record.series}"
            if fault is None:
                valid += 1
                output().print(f"{what}: {record.verdict.value}, proved", soft_wrap=True)
            else:
                remarks().print(f"{what}: no proof: {fault}", soft_wrap=True)
        if news and not store.writable:
            remarks().print(
                f"{path} may not be written, and does not keep what is new of {news} of them; "
                "check a copy that you may write if a report is to count it"
            )
    return valid, number


def _check_files(
    proof: Path, network: NetworkName, images: str, index: Indices, data_dir: Path | None
) -> tuple[int, int]:
    """How many of the files are valid, and how many there are."""
    opened = network.open()
    image_set = read_images(images, opened, network.name, data_dir)
    chosen = index.of(image_set)
    paths = sorted(proof.glob(f"*{SUFFIX}")) if proof.is_dir() else [proof]
    if not paths:
        raise DataError(f"{proof} holds no file NAME{SUFFIX}")
    valid = 0
    for path in paths:
        try:
            proved = check_proof(_bytes_of(path), opened)
            which = _which(proved, opened, image_set, list(chosen))
        except ProofError as error:
            remarks().print(f"{path}: no proof: {error}", soft_wrap=True)
            continue
        valid += 1
        said = " ".join(sentences(proved, opened.classes))
        own = proved.content.prediction
        output().print(f"{path}: {which} of {images}, of class {own}: {said}")
    return valid, len(paths)


def _bytes_of(path: Path) -> bytes:
    """What a file holds.

    Raises:
        ProofError: it cannot be read, or is none, such as a pipe that nobody may write to.
    """
    try:
        if path.exists() and not path.is_file():
            raise ProofError("file: it is a folder, or no file that holds anything")
        return path.read_bytes()
    except OSError as error:
        raise unreadable("file: it", error, ProofError) from error


def _which(proved: Proved, network: BinaryNetwork, images: ImageSet, chosen: list[int]) -> str:
    """The image that a proof is about.

    Raises:
        ProofError: it is none of the chosen ones.
    """
    image, near = proved.content.image, NEAR * network.input_range.width
    for place in chosen:
        own = images.images[place]
        if np.array_equal(image, own):
            return f"image {place}"
        if np.abs(own - image).max() <= near and _on_a_grid(own, image, network):
            return f"image {place}, put on its grid,"
    raise ProofError("image: it is none of the images that were named")


def _on_a_grid(own: Floats, image: Floats, network: BinaryNetwork) -> bool:
    """Whether an image is what attacks on a grid make of another."""
    for grid in GridName:
        try:
            put = put_on_grid(own, grid.of(network.input_range), network.input_range)
        except ProblemError:  # plainly off that grid
            continue
        if np.array_equal(image, put):
            return True
    return False
