"""Any network file: which format it is of, and its reader. A new format is a line of `FORMATS`.

Readers are imported by the first file that needs them: most commands read Signflip's own only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from signflip.errors import NetworkError
from signflip.formats import native
from signflip.formats.kinds import (
    HDF5,
    KERAS,
    ONNX,
    SAFETENSORS,
    TEXT,
    FileKind,
    kind_of_bytes,
    why_no_network,
)
from signflip.network import BinaryNetwork, InputRange, check_range

Reader = Callable[[Path, InputRange | None], BinaryNetwork]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of network files.

    Attributes:
        name: what to call it.
        suffixes: how names of its files end.
        kind: what its files are.
        read: the network of a file. The range of inputs is what the user states, None for what the
            file says, or its format's own rule.
    """

    name: str
    suffixes: tuple[str, ...]
    kind: FileKind
    read: Reader


def _read_native(path: Path, input_range: InputRange | None) -> BinaryNetwork:
    refuse_range(str(path), input_range)
    return native.load_network(path)


def refuse_range(name: str, input_range: InputRange | None) -> None:
    """Refuse to be told the range of inputs of a network that states it itself.

    Raises:
        NetworkError: a range is given.
    """
    if input_range is not None:
        raise NetworkError(
            f"{name} states the range of its inputs itself; leave out what you state"
        )


def _reader(name: str) -> Reader:
    """The reader called `module:function`, of a module of `signflip.formats`."""
    module, function = name.split(":")

    def read(path: Path, input_range: InputRange | None) -> BinaryNetwork:
        found: Reader = getattr(import_module(f"signflip.formats.{module}"), function)
        return found(path, input_range)

    return read


FORMATS = (
    Format(
        name="signflip",
        suffixes=(".safetensors",),
        kind=SAFETENSORS,
        read=_read_native,
    ),
    Format(
        name="onnx",
        suffixes=(".onnx",),
        kind=ONNX,
        read=_reader("onnx_graph:read_onnx"),
    ),
    Format(
        name="keras",
        suffixes=(".h5", ".hdf5"),
        kind=HDF5,
        read=_reader("keras:read_keras"),
    ),
    Format(
        name="keras archive",
        suffixes=(".keras",),
        kind=KERAS,
        read=_reader("keras:read_keras"),
    ),
    Format(
        name="arrays",
        suffixes=(".toml",),
        kind=TEXT,
        read=_reader("arrays:read_arrays"),
    ),
)
"""The formats that are read."""


def load_network(path: str | Path, *, input_range: InputRange | None = None) -> BinaryNetwork:
    """Read a network from a file of any format of `FORMATS`.

    Args:
        path: the file.
        input_range: what the network's inputs are, where the file does not say it.

    Raises:
        NetworkError: the path or the range is none; the file cannot be read, is of no known format,
            or breaks a rule of its own.
        MissingExtraError: its format needs a package that is not installed.
    """
    if input_range is not None:
        check_range(input_range)
    data = native.file_bytes(path)
    file = Path(path)
    kind = kind_of_bytes(data)
    for each in FORMATS:
        # a text is what its name says
        if kind is each.kind and (kind is not TEXT or file.suffix.lower() in each.suffixes):
            return each.read(file, input_range)
    raise NetworkError(why_no_network(str(path), data))
