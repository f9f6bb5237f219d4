"""Any network file: which format it is of, and its reader. A new format is a line of `FORMATS`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from signflip.errors import NetworkError
from signflip.formats import native
from signflip.formats.arrays import MARK, read_arrays
from signflip.formats.onnx_graph import read_onnx
from signflip.network import BinaryNetwork, InputRange

HEAD = 64


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of network files.

    Attributes:
        name: what to call it.
        suffixes: how names of its files end.
        is_it: whether a file begins as one of this format, by its first `HEAD` bytes.
        read: the network of a file. The range of inputs is what the user states, None for what the
            file says, or its format's own rule.
    """

    name: str
    suffixes: tuple[str, ...]
    is_it: Callable[[bytes], bool]
    read: Callable[[Path, InputRange | None], BinaryNetwork]


def _read_native(path: Path, input_range: InputRange | None) -> BinaryNetwork:
    if input_range is not None:
        raise NetworkError(
            f"{path} states the range of its inputs itself; leave out what you state"
        )
    return native.load_network(path)


FORMATS = (
    Format(
        name="signflip",
        suffixes=(".safetensors",),
        is_it=lambda head: head[8:9] == b"{",
        read=_read_native,
    ),
    Format(
        name="onnx",
        suffixes=(".onnx",),
        # a model's first field is its version, a small number
        is_it=lambda head: head[:1] == b"\x08" and len(head) > 1 and 0 < head[1] < 32,
        read=read_onnx,
    ),
    Format(
        name="arrays",
        suffixes=(".toml",),
        is_it=lambda head: head.lstrip().startswith(MARK),
        read=read_arrays,
    ),
)
"""The formats that are read. The first whose name or beginning fits is taken."""


def load_network(path: str | Path, *, input_range: InputRange | None = None) -> BinaryNetwork:
    """Read a network from a file of any format of `FORMATS`.

    Args:
        path: the file.
        input_range: what the network's inputs are, where the file does not say it.

    Raises:
        NetworkError: the file cannot be read, is of no known format, or breaks a rule of its own.
        MissingExtraError: its format needs a package that is not installed.
    """
    file = Path(path)
    try:
        with file.open("rb") as opened:
            head = opened.read(HEAD)
    except OSError as error:
        raise NetworkError(f"{path} cannot be read: {error.strerror}") from error
    named = [each for each in FORMATS if file.suffix.lower() in each.suffixes]
    begun = [each for each in FORMATS if each.is_it(head)]
    for each in (*[one for one in named if one in begun], *begun, *named):
        return each.read(file, input_range)
    return native.load_network(file)
