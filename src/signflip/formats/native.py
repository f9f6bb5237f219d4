"""Signflip's own network files: safetensors, metadata `format` = `signflip-network`, version 2.

    hidden.{l}.{kind}.{part}   the map of hidden layer l: dense, sparse, conv2d, pool, composed; its
                               parts are those of the map's class (`signflip.network.maps`)
    hidden.{l}.threshold       float64  (neurons,)        finite
    output.weight              float64  (classes, width)  where it is real, else as bits
    output.scale, output.bias  float64  (classes,)        finite

A part of -1, 0 and +1 is kept as bits: `{part}.plus`, `{part}.minus` where some are 0, and
`{part}.shape` (`signflip.formats.signs_in_bits`). The metadata holds `format`, `version`,
`input_range` and `input_shape` as JSON, and the network's card under `card.{key}`.

Files of version 1 still load: dense int8 weights `hidden.{l}.weight` and `output.weight`, inputs in
[0, 1], and the card's keys as they are.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from signflip.errors import NetworkError
from signflip.files import as_path, unreadable, write_bytes, writing
from signflip.formats.kinds import SAFETENSORS, kind_of_bytes, why_no_network
from signflip.formats.native_v1 import assemble_first
from signflip.formats.signs_in_bits import from_bits, to_bits
from signflip.network import BinaryNetwork, InputRange, OutputLayer, SignLayer, check_network
from signflip.network.maps import kind_of, map_of

FORMAT = "signflip-network"
VERSION = "2"
OLDER = "1"
_OF_OTHERS = (".onnx", ".h5", ".keras", ".toml")
"""Endings that say how a network is stored, and otherwise than it is here."""
_FILE = "the file of the network"

Tensors = dict[str, npt.NDArray[Any]]


def network_to_bytes(network: BinaryNetwork) -> bytes:
    """The file of a network, as bytes."""
    tensors: Tensors = {}
    for index, layer in enumerate(network.hidden):
        for name, array in layer.map.parts().items():
            tensors |= _tensors_of(f"hidden.{index}.{kind_of(layer.map)}.{name}", array)
        tensors[f"hidden.{index}.threshold"] = layer.threshold
    tensors |= _tensors_of("output.weight", network.output.weight)
    tensors["output.scale"] = network.output.scale
    tensors["output.bias"] = network.output.bias
    inputs = network.input_range
    metadata = {f"card.{key}": value for key, value in network.card.items()} | {
        "format": FORMAT,
        "version": VERSION,
        "input_range": json.dumps([inputs.lower, inputs.upper, inputs.step]),
        "input_shape": json.dumps(network.image_shape),
    }
    return _with_sorted_metadata(save_tensors(tensors, metadata=metadata))


def network_from_bytes(data: bytes, name: str = "the network file") -> BinaryNetwork:
    """The network of a file's bytes.

    Args:
        data: the bytes of a safetensors file.
        name: what to call the file in errors.

    Raises:
        NetworkError: the file breaks a rule of the format.
    """
    try:
        tensors = load_tensors(data)
    except (SafetensorError, ValueError) as error:
        if kind_of_bytes(data) is not SAFETENSORS:
            raise NetworkError(why_no_network(name, data)) from error
        raise NetworkError(
            f"{name} is not a whole safetensors file ({error}); copy or train it again"
        ) from error
    except KeyError as error:
        _check_format(_metadata(data), name, data)
        raise NetworkError(
            f"{name} holds a tensor of type {error}, which no network file does: weights are int8 "
            "and the rest float64; save it with signflip.save_network"
        ) from error
    metadata = _metadata(data)
    _check_format(metadata, name, data)
    version = metadata.get("version")
    if version not in (OLDER, VERSION):
        raise NetworkError(
            f"{name} has version {version!r}; this Signflip reads {OLDER!r} and {VERSION!r}: use "
            "the Signflip that wrote it"
        )
    assemble = assemble_first if version == OLDER else _assemble
    try:
        return assemble(tensors, metadata)
    except NetworkError as error:
        raise NetworkError(f"{name}: {error}") from error


def _check_format(metadata: Mapping[str, str], name: str, data: bytes) -> None:
    if metadata.get("format") != FORMAT:
        its = f"its metadata has format {metadata.get('format')!r} and not {FORMAT!r}"
        raise NetworkError(f"{why_no_network(name, data)} ({its})")


def save_network(network: BinaryNetwork, path: str | Path) -> None:
    """Write a network to a file, whole or not at all.

    Raises:
        NetworkError: it is no network, the path is none or has the ending of another format, or the
            system refused.
    """
    check_network(network)
    file = as_path(path, _FILE, NetworkError)
    if file.suffix.lower() in _OF_OTHERS:
        raise NetworkError(
            f"{file} has the ending of another format than is written; name "
            f"{file.stem}.safetensors, say, and `signflip convert` makes an ONNX file of it"
        )
    data = network_to_bytes(network)
    with writing(file, NetworkError):
        write_bytes(file, data)


def load_network(path: str | Path) -> BinaryNetwork:
    """Read a network from a file.

    Raises:
        NetworkError: the file cannot be read, or breaks a rule of the format.
    """
    return network_from_bytes(file_bytes(path), str(path))


def file_bytes(path: str | Path) -> bytes:
    """What the file of a network holds.

    Raises:
        NetworkError: the path is none, or the file cannot be read.
    """
    file = as_path(path, _FILE, NetworkError)
    try:
        return file.read_bytes()
    except OSError as error:
        raise unreadable(file, error, NetworkError) from error


def _with_sorted_metadata(data: bytes) -> bytes:
    # safetensors writes metadata in a random order; sorted, a network has one SHA-256
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    padded = text.ljust(-(-len(text) // 8) * 8)  # the format aligns tensors to 8 bytes
    return len(padded).to_bytes(8, "little") + padded + data[8 + length :]


def _metadata(data: bytes) -> dict[str, str]:
    # the numpy interface of safetensors drops the metadata of bytes; the header is 8 bytes of
    # length and then JSON
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    metadata = header.get("__metadata__") or {}
    return {str(key): str(value) for key, value in metadata.items()}


def _tensors_of(name: str, array: npt.NDArray[Any]) -> Tensors:
    return to_bits(name, array) if array.dtype == np.int8 else {name: array}


def _assemble(tensors: Tensors, metadata: Mapping[str, str]) -> BinaryNetwork:
    groups: dict[str, Tensors] = {}
    for key, tensor in tensors.items():
        # hidden.0.threshold, hidden.0.dense.weight.plus, output.weight.plus, output.bias
        words = key.split(".")
        length = 2 if words[0] == "hidden" else 1
        groups.setdefault(".".join(words[:length]), {})[".".join(words[length:])] = tensor
    depth = sum(name.startswith("hidden.") for name in groups)
    wanted = {f"hidden.{index}" for index in range(depth)} | {"output"}
    for name in sorted(wanted ^ set(groups)):
        fault = "is missing" if name in wanted else "is not part of the format"
        raise NetworkError(f"{name!r} {fault}; a network of {depth} hidden layers has {wanted}")
    hidden = [_layer(f"hidden.{index}", groups[f"hidden.{index}"]) for index in range(depth)]
    output = groups["output"]
    arrays = _unpacked("output", output)
    if set(arrays) != {"weight", "scale", "bias"}:
        raise NetworkError(
            f"the output has the tensors {', '.join(sorted(output))}; it must have weight, scale "
            "and bias"
        )
    lower, upper, step = _numbers(metadata, "input_range", 3)
    shape = _numbers(metadata, "input_shape", None)
    if lower is None or upper is None or None in shape:
        raise NetworkError("the metadata's input_range and input_shape must be numbers")
    return BinaryNetwork(
        tuple(hidden),
        OutputLayer(arrays["weight"], arrays["scale"], arrays["bias"]),
        {
            key.removeprefix("card."): value
            for key, value in metadata.items()
            if key.startswith("card.")
        },
        InputRange(lower=lower, upper=upper, step=step),
        tuple(int(size or 0) for size in shape),
    )


def _layer(name: str, tensors: Tensors) -> SignLayer:
    threshold = tensors.get("threshold")
    if threshold is None or threshold.dtype != np.float64:
        raise NetworkError(f"{name}.threshold is missing, or not float64")
    rest = {key: tensor for key, tensor in tensors.items() if key != "threshold"}
    kinds = {key.partition(".")[0] for key in rest}
    if len(kinds) != 1:
        raise NetworkError(f"{name} has maps {sorted(kinds)}; it must have one")
    (kind,) = kinds
    parts = {key.partition(".")[2]: tensor for key, tensor in rest.items()}
    return SignLayer(map_of(kind, _unpacked(name, parts)), threshold)


def _unpacked(name: str, tensors: Tensors) -> Tensors:
    """Tensors of a layer, with those that are bits as the int8 arrays that they mean."""
    packed = {key.removesuffix(".plus") for key in tensors if key.endswith(".plus")}
    arrays: Tensors = {}
    for key, tensor in tensors.items():
        owner, _, part = key.rpartition(".")
        if owner not in packed:
            if tensor.dtype not in (np.float64, np.int64, np.int32):
                raise NetworkError(f"{name}.{key} is {tensor.dtype}, which no network file has")
            arrays[key] = tensor
        elif part == "plus":
            arrays[owner] = from_bits(
                f"{name}.{owner}",
                {
                    other.rpartition(".")[2]: tensors[other]
                    for other in tensors
                    if other.rpartition(".")[0] == owner
                },
            )
    return arrays


def _numbers(metadata: Mapping[str, str], key: str, length: int | None) -> list[float | None]:
    try:
        numbers = json.loads(metadata[key])
    except (KeyError, ValueError) as error:
        raise NetworkError(f"the metadata's {key} is missing, or no JSON") from error
    good = isinstance(numbers, list) and all(
        number is None or (isinstance(number, int | float) and not isinstance(number, bool))
        for number in numbers
    )
    if not good or (length is not None and len(numbers) != length):
        raise NetworkError(f"the metadata's {key} is {metadata[key]}; it must be a list of numbers")
    return list(numbers)
