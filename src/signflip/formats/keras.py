"""Keras models in HDF5 (`.h5`, Keras 2 and 3) and Keras archives (`.keras`), such as Larq makes.

Read are chains of layers, `Sequential` or functional, by what their files state: `h5py` suffices,
and nothing of a file is ever run. What the layers mean is in `signflip.formats.keras_layers`.
"""

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.errors import MissingExtraError, NetworkError
from signflip.formats.assembly import Assembly
from signflip.formats.keras_layers import Layer, only_arranges, ordered_by, read_layer
from signflip.formats.native import network_from_bytes, network_to_bytes
from signflip.formats.onnx_graph import CHANNELS_LAST, LAYOUT
from signflip.network import UNIT_RANGE, BinaryNetwork, InputRange, Shape

PATIENCE = 60.0
"""Seconds for the reader of a file, and one more for each MiB."""
_REFUSED = 3
MOST_BYTES = 2**31
"""Of a file inside an archive, and of all its weights together."""
_LISTS = ("layers", "_layer_checkpoint_dependencies\\layers", "_layer_checkpoint_dependencies")
"""Where archives keep the layers; the last two are of TensorFlow 2.12."""

Weights = Callable[[str, str, Mapping[str, Any]], dict[str, npt.NDArray[Any]]]
"""Class, name and config of a layer -> its arrays by name."""


def read_keras(path: Path, input_range: InputRange | None = None) -> BinaryNetwork:
    """The network of a Keras file.

    It is read in a process of its own: of some damaged files the HDF5 library comes to no end, and
    cannot be interrupted.

    Args:
        path: an HDF5 file with a whole model, or a `.keras` archive.
        input_range: what the inputs are; None for [0, 1].

    Raises:
        NetworkError: the file is damaged, or a layer cannot be said exactly.
        MissingExtraError: the package `h5py` is not installed.
    """
    if find_spec("h5py") is None:
        raise MissingExtraError("h5py", "keras", "reading a Keras file")
    inputs = input_range or UNIT_RANGE
    # -P: no file of the working folder is taken for a module
    command = [sys.executable, "-P", "-m", __name__, str(path.absolute())]
    command += [repr(inputs.lower), repr(inputs.upper), repr(inputs.step)]
    seconds = PATIENCE + path.stat().st_size / 2**20 if path.exists() else PATIENCE
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise NetworkError(
            f"{path} is no whole Keras model (the HDF5 library comes to no end with it); save the "
            "whole model again"
        ) from error
    if done.returncode == 0:
        return network_from_bytes(done.stdout)
    if done.returncode == _REFUSED:
        raise NetworkError(done.stderr.decode())
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    said = f": {lines[-1]}" if lines else ""
    raise NetworkError(
        f"{path} is no whole Keras model (its reader ended with {done.returncode}{said}); save the "
        "whole model again"
    )


def read_here(path: Path, input_range: InputRange) -> BinaryNetwork:
    """`read_keras` in this process.

    Raises:
        NetworkError: the file is damaged, or a layer cannot be said exactly.
    """
    import h5py

    try:
        data = path.read_bytes()
        if data[:2] == b"PK":
            config, data = _unpacked(data)
        else:
            config = None
        with h5py.File(io.BytesIO(data), "r") as file:
            if config is None:
                config = _stated(file)
                weights = _by_name(file)
            else:
                weights = _by_class(file)
            return _network(config, weights, input_range, path.name)
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from error
    except (OSError, EOFError, zipfile.BadZipFile, UnicodeDecodeError, json.JSONDecodeError,
            LookupError, TypeError, ValueError, RuntimeError, RecursionError, MemoryError,
            NotImplementedError) as error:  # fmt: skip
        raise NetworkError(
            f"{path} is no whole Keras model ({error}); save the whole model again"
        ) from error


def _unpacked(data: bytes) -> tuple[Any, bytes]:
    """The configuration of an archive, and its HDF5 file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in ("config.json", "model.weights.h5"):
            if archive.getinfo(name).file_size > MOST_BYTES:
                raise NetworkError(f"{name} has more than {MOST_BYTES} bytes")
        return json.loads(archive.read("config.json")), archive.read("model.weights.h5")


def _stated(file: Any) -> Any:
    """The configuration that an HDF5 file states."""
    text = file.attrs.get("model_config")
    if text is None:
        raise NetworkError("it holds weights only; save the whole model: model.save(...)")
    return json.loads(text if isinstance(text, str) else bytes(text).decode())


def _array(group: Any, place: str) -> npt.NDArray[Any]:
    """A data set of this very file, of a size that can be."""
    import h5py

    node, parts = group, [part for part in place.split("/") if part]
    for part in parts:
        if not isinstance(node.get(part, getlink=True), h5py.HardLink):
            raise NetworkError(f"{place} is kept in another file, or is not there")
        node = node[part]
    if not isinstance(node, h5py.Dataset) or node.external or node.is_virtual:
        raise NetworkError(f"{place} is no array of this file")
    if node.dtype.kind not in "fiub" or node.nbytes > MOST_BYTES:
        raise NetworkError(f"{place} is {node.dtype} of shape {node.shape}; that is no weight")
    return np.asarray(node[()], dtype=np.float64)


def _by_name(file: Any) -> Weights:
    """HDF5: a group for each layer, by its name, that names its weights."""
    groups = file["model_weights"]

    def weights(kind: str, name: str, config: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
        del kind, config
        if name not in groups:
            return {}
        group = groups[name]
        places = [each if isinstance(each, str) else bytes(each).decode()
                  for each in group.attrs.get("weight_names", [])]  # fmt: skip
        return {
            place.rpartition("/")[2].partition(":")[0]: _array(group, place) for place in places
        }

    return weights


def _by_class(file: Any) -> Weights:
    """Archives: a group for each layer, by its class and how many of that came before."""
    layers = next((file[name] for name in _LISTS if name in file), None)
    if layers is None:
        raise NetworkError("its weights have no group of layers")
    met: dict[str, int] = {}

    def weights(kind: str, name: str, config: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
        del name
        snake = _snake(kind)
        count = met.get(snake, 0)
        met[snake] = count + 1
        place = f"{snake}_{count}" if count else snake
        if place not in layers or "vars" not in layers[place]:
            return {}
        held = layers[place]["vars"]
        arrays = [_array(held, str(number)) for number in range(len(held))]
        return dict(zip(_variables(kind, config), arrays, strict=False))

    return weights


def _snake(kind: str) -> str:
    """A class's name as Keras writes it in paths."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", kind))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _variables(kind: str, config: Mapping[str, Any]) -> list[str]:
    """Names of a layer's variables, in the order of an archive."""
    if kind != "BatchNormalization":
        return ["kernel", "bias"]
    learned = [("gamma", config.get("scale", True)), ("beta", config.get("center", True))]
    return [name for name, there in learned if there] + ["moving_mean", "moving_variance"]


def _network(model: Any, weights: Weights, input_range: InputRange, source: str) -> BinaryNetwork:
    layers = _chain(model)
    shape = _image_shape(model, layers)
    channels_last = len(shape) == 3
    card = {"source": source, "producer": "Keras"}
    if channels_last:
        card[LAYOUT] = CHANNELS_LAST
        shape = (shape[2], shape[0], shape[1])
    assembly = Assembly(shape, input_range)
    value = assembly.image()
    if channels_last:
        value = value.transposed((1, 2, 0))
    arranging = [only_arranges(_kind(entry), entry["config"]) for entry in layers]
    for place, entry in enumerate(layers):
        kind, config = _kind(entry), entry["config"]
        name = str(config.get("name", kind))
        layer = Layer(
            kind=kind,
            config=config,
            weights=weights(kind, name, config),
            last=all(arranging[place + 1 :]),
        )
        try:
            value = read_layer(assembly, value, layer)
        except NetworkError as error:
            raise NetworkError(f"the layer {name!r} ({kind} of {value.shape}): {error}") from error
    ends = [end for entry in layers if (end := ordered_by(_kind(entry), entry["config"]))]
    return assembly.finish(value.arranged((value.size,)), card, after=ends[-1] if ends else None)


def _kind(entry: Mapping[str, Any]) -> str:
    # registered classes have their package before them: Larq>QuantDense
    return str(entry["class_name"]).rpartition(">")[2]


def _chain(model: Any) -> list[Any]:
    """The layers in the order in which they are called."""
    kind = str(model["class_name"])
    if kind not in ("Sequential", "Functional", "Model"):
        raise NetworkError(f"it is a {kind}; only Sequential and functional models can be read")
    config = model["config"]
    layers = list(config if isinstance(config, list) else config["layers"])
    if kind == "Sequential":
        return layers
    before: str | None = None
    for entry in layers:
        name = str(entry.get("name") or entry["config"]["name"])
        reads = _sources(entry.get("inbound_nodes", []))
        if reads != ([] if before is None else [before]):
            raise NetworkError(
                f"the layer {name!r} reads {' and '.join(reads) or 'nothing'}, and not just the "
                f"layer before it; only chains of layers can be read"
            )
        before = name
    return layers


def _sources(nodes: Any) -> list[str]:
    """Names of the layers that a layer reads, as Keras 2 and Keras 3 write them."""
    if isinstance(nodes, dict):
        if "keras_history" in nodes:
            return [str(nodes["keras_history"][0])]
        return [name for part in nodes.values() for name in _sources(part)]
    if isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            return [nodes[0]]
        return [name for part in nodes for name in _sources(part)]
    return []


def _image_shape(model: Any, layers: list[Any]) -> Shape:
    """The shape of one image, as the file has it."""
    stated = [model.get("build_config") or {}]
    for entry in layers[:1]:
        stated += [entry["config"], entry.get("build_config") or {}]
    for each in stated:
        for key in ("batch_shape", "batch_input_shape", "input_shape"):
            shape = each.get(key)
            if isinstance(shape, list) and len(shape) > 1 and all(shape[1:]):
                return tuple(int(size) for size in shape[1:])
    raise NetworkError("it does not state the shape of its inputs; build the model before saving")


def _main(place: str, lower: str, upper: str, step: str) -> int:
    """Write the network of a file to standard output, in Signflip's own format."""
    inputs = InputRange(
        lower=float(lower), upper=float(upper), step=None if step == "None" else float(step)
    )
    try:
        network = read_here(Path(place), inputs)
    except NetworkError as error:
        sys.stderr.write(str(error))
        return _REFUSED
    sys.stdout.buffer.write(network_to_bytes(network))
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
