"""Network files: safetensors with the keys and metadata of format `signflip-network`, version 1.

    hidden.{l}.weight     int8     (out, in)        each -1 or +1
    hidden.{l}.threshold  float64  (out,)           finite
    output.weight         int8     (classes, width) each -1 or +1
    output.scale          float64  (classes,)       finite
    output.bias           float64  (classes,)       finite

The metadata holds `format`, `version`, and the network's card.
"""

import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from signflip.errors import NetworkError
from signflip.files import write_bytes
from signflip.network import BinaryNetwork, HiddenLayer, OutputLayer

FORMAT = "signflip-network"
VERSION = "1"


def network_to_bytes(network: BinaryNetwork) -> bytes:
    """The file of a network, as bytes."""
    tensors: dict[str, np.ndarray] = {}
    for index, layer in enumerate(network.hidden):
        tensors[f"hidden.{index}.weight"] = layer.weight
        tensors[f"hidden.{index}.threshold"] = layer.threshold
    tensors["output.weight"] = network.output.weight
    tensors["output.scale"] = network.output.scale
    tensors["output.bias"] = network.output.bias
    metadata = {**network.card, "format": FORMAT, "version": VERSION}
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
        metadata = _metadata(data)
    except (SafetensorError, ValueError) as error:
        raise NetworkError(
            f"{name} is not a whole safetensors file ({error}); copy or train it again"
        ) from error
    except KeyError as error:
        raise NetworkError(
            f"{name} holds a tensor of type {error}, which no network file does: weights are int8 "
            "and the rest float64; save it with signflip.save_network"
        ) from error
    if metadata.get("format") != FORMAT:
        raise NetworkError(
            f"{name} has format {metadata.get('format')!r}; it must be {FORMAT!r}: save it with "
            "signflip.save_network"
        )
    if metadata.get("version") != VERSION:
        raise NetworkError(
            f"{name} has version {metadata.get('version')!r}; this Signflip reads {VERSION!r}: "
            "use the Signflip that wrote it"
        )
    card = {key: value for key, value in metadata.items() if key not in ("format", "version")}
    try:
        return _assemble(tensors, card)
    except NetworkError as error:
        raise NetworkError(f"{name}: {error}") from error


def save_network(network: BinaryNetwork, path: str | Path) -> None:
    """Write a network to a file, whole or not at all."""
    write_bytes(Path(path), network_to_bytes(network))


def load_network(path: str | Path) -> BinaryNetwork:
    """Read a network from a file.

    Raises:
        NetworkError: the file cannot be read, or breaks a rule of the format.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise NetworkError(f"{path} cannot be read: {error.strerror}") from error
    return network_from_bytes(data, str(path))


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


def _assemble(tensors: dict[str, np.ndarray], card: dict[str, str]) -> BinaryNetwork:
    depth = sum(key.startswith("hidden.") and key.endswith(".weight") for key in tensors)
    expected = {f"hidden.{index}.{part}" for index in range(depth) for part in _HIDDEN_PARTS}
    expected |= {f"output.{part}" for part in _OUTPUT_PARTS}
    for key in sorted(expected ^ set(tensors)):
        fault = "is missing" if key in expected else "is not part of the format"
        raise NetworkError(f"the tensor {key!r} {fault}; expected {sorted(expected)}")
    for key, tensor in tensors.items():
        wanted = np.dtype(np.int8 if key.endswith(".weight") else np.float64)
        if tensor.dtype != wanted:
            raise NetworkError(f"the tensor {key!r} is {tensor.dtype}; it must be {wanted}")
    hidden = tuple(
        HiddenLayer(tensors[f"hidden.{index}.weight"], tensors[f"hidden.{index}.threshold"])
        for index in range(depth)
    )
    output = OutputLayer(*(tensors[f"output.{part}"] for part in _OUTPUT_PARTS))
    return BinaryNetwork(hidden, output, card)


_HIDDEN_PARTS = ("weight", "threshold")
_OUTPUT_PARTS = ("weight", "scale", "bias")
