"""`signflip replay`: witnesses run through the network again, and through onnxruntime."""

from pathlib import Path

import click
import numpy as np
from rich.table import Table

from signflip.adapters.replays import Replayed, replayed
from signflip.arrays import Floats, Integers
from signflip.cli.console import output, remarks
from signflip.cli.images import read_images
from signflip.cli.options import FILE, data_dir_option, network_argument
from signflip.data import ImageSet, read_witnesses
from signflip.errors import DataError, SettingError
from signflip.formats.onnx_run import OnnxRuntime
from signflip.network import BinaryNetwork
from signflip.zoo.named import NetworkName


@click.command()
@network_argument
@click.argument("witnesses", type=FILE)
@click.option("--onnx", type=FILE, metavar="FILE", help="The same network as an ONNX file.")
@click.option("--images", metavar="IMAGES", help="The images that were attacked.")
@data_dir_option
def replay(
    network: NetworkName,
    witnesses: Path,
    onnx: Path | None,
    images: str | None,
    data_dir: Path | None,
) -> None:
    """Run the WITNESSES (.npz) that --witnesses wrote through NETWORK again, exactly.

    With --onnx each also runs in onnxruntime; where the two have different classes, the reason is
    looked for: the image as float32, sums at thresholds, ties. With --images the class of the
    original image and the largest change of an input are shown.
    """
    index, found = read_witnesses(witnesses)
    opened = network.open()
    if found.shape[1] != opened.inputs:
        raise DataError(
            f"{witnesses} holds images of {found.shape[1]} inputs, and {network.name} reads "
            f"{opened.inputs}"
        )
    runtime = None if onnx is None else OnnxRuntime(onnx, opened)
    originals = None if images is None else read_images(images, opened, network.name, data_dir)
    if (
        originals is not None
        and len(index)
        and not 0 <= index.min() <= index.max() < len(originals)
    ):
        raise SettingError(
            f"{witnesses} is of images {index.min()} to {index.max()}, and {images} has "
            f"{len(originals)}: name the images that were attacked"
        )
    rows = [
        replayed(opened, place, image, runtime)
        for place, image in zip(index.tolist(), found, strict=True)
    ]
    table = Table("image", "class")
    if originals is not None:
        table.add_column("original")
        table.add_column("change")
    if runtime is not None:
        table.add_column("onnxruntime")
        table.add_column("why")
    for row, image in zip(rows, found, strict=True):
        table.add_row(*_cells(opened, row, image, originals, runtime is not None))
    output().print(table)
    output().print(_summary(rows, runtime), soft_wrap=True)
    for line in _no_inputs(opened, index, found):
        remarks().print(line, soft_wrap=True)


def _no_inputs(network: BinaryNetwork, index: Integers, found: Floats) -> list[str]:
    """What is to be said of witnesses with values that no input of the network has."""
    inputs = network.input_range
    wrong = ~((found >= inputs.lower) & (found <= inputs.upper) & inputs.on_grid(found))
    rows = np.flatnonzero(wrong.any(axis=1)).tolist()
    if not rows:
        return []
    first = rows[0]
    pixel = int(np.argmax(wrong[first]))
    return [
        f"{len(rows)} of {len(found)} witnesses are no images that the network reads: pixel "
        f"{pixel} of that of image {index[first]} is {found[first, pixel]}, and inputs are {inputs}"
    ]


def _cells(
    network: BinaryNetwork,
    row: Replayed,
    image: np.ndarray,
    originals: ImageSet | None,
    has_file: bool,
) -> list[str]:
    ties = f" (tied: {', '.join(map(str, row.tied))})" if row.tied else ""
    cells = [str(row.index), f"{row.prediction}{ties}"]
    if originals is not None:
        original = originals.images[row.index]
        change = float(np.abs(image - original).max())
        cells += [str(int(network.predict(original[None])[0])), repr(change)]
    if has_file:
        cells += [str(row.theirs), row.why or ""]
    return cells


def _summary(rows: list[Replayed], runtime: OnnxRuntime | None) -> str:
    count = f"{len(rows)} witnesses replayed exactly"
    if runtime is None:
        return count
    differ = sum(row.why is not None for row in rows)
    return f"{count}; onnxruntime ({runtime.dtype.name}) has another class for {differ} of them"
