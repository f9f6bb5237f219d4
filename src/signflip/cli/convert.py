"""`signflip convert`: a network of another format as one of Signflip's own, or as ONNX."""

from pathlib import Path

import click

from signflip.cli.console import output
from signflip.cli.options import FILE, inputs_option
from signflip.cli.output import check_writable
from signflip.errors import SettingError
from signflip.formats.native import save_network
from signflip.formats.onnx_write import write_onnx
from signflip.network import InputRange
from signflip.zoo.named import open_network


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT", type=FILE)
@inputs_option
@click.option("--overwrite", is_flag=True, help="Replace OUT where it exists.")
def convert(source: str, target: Path, inputs: InputRange | None, overwrite: bool) -> None:
    """Write the network IN, of any format, as OUT: .safetensors (Signflip's own) or .onnx."""
    if target.suffix not in (".safetensors", ".onnx"):
        raise SettingError(f"{target} must end in .safetensors or .onnx; its ending is the format")
    check_writable(target, overwrite=overwrite)
    network = open_network(source, inputs)
    write = write_onnx if target.suffix == ".onnx" else save_network
    write(network, target)
    output().print(
        f"{target}: {network.architecture}, {network.inputs} inputs in {network.input_range}, "
        f"{network.classes} classes",
        soft_wrap=True,
        markup=False,
    )
