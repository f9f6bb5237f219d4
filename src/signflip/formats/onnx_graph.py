"""ONNX and QONNX files: each node's meaning, in one pass over the graph.

Read are graphs of dense and convolutional layers with signs between, as Larq (tf2onnx), Brevitas
(QONNX), FINN and PyTorch write them. A node that cannot be said exactly is refused by its name.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.errors import DataError, MissingExtraError, NetworkError
from signflip.files import unreadable
from signflip.formats.agreement import CHECKED, check_agreement
from signflip.formats.assembly import Assembly
from signflip.formats.onnx_casts import FLOATS
from signflip.formats.onnx_layout import are_channels_last, metadata, stated_range
from signflip.formats.onnx_nodes import NODES
from signflip.formats.onnx_reading import Graph, attributes, refuse
from signflip.formats.onnx_run import InvalidFileError, OnnxRuntime
from signflip.formats.onnx_tails import follow
from signflip.formats.value import Value
from signflip.network import BinaryNetwork, InputRange, Shape

LAYOUT = "layout"
CHANNELS_LAST = "channels last"
"""In the card of a network whose file reads (rows, columns, channels): Signflip reads channels
first, and whoever speaks of the file's own inputs has to bring them into that order."""
UINT8 = 2  # onnx.TensorProto.UINT8
WHOLE = frozenset({2, 3, 4, 5, 6, 7, 12, 13})
"""Of onnx.TensorProto: types of whole numbers."""
STANDARD = frozenset({"", "ai.onnx"})
"""The domain of ONNX's own operators, by its two names."""
OTHERS = frozenset({"BipolarQuant", "MultiThreshold"})
"""Operators of QONNX and FINN, whose domains have had several names."""


def read_onnx(path: Path, input_range: InputRange | None = None) -> BinaryNetwork:
    """The network of an ONNX or QONNX file.

    Args:
        path: the file.
        input_range: what the inputs are; None for what the file states, if Signflip wrote it, for
            whole numbers from 0 to 255 where the graph reads uint8, else for [0, 1].

    Raises:
        NetworkError: the file is damaged, or a node cannot be said exactly.
        MissingExtraError: the package `onnx` is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise MissingExtraError("onnx", "onnx", "reading an ONNX file") from error
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except (DecodeError, ValueError) as error:
        raise NetworkError(f"{path} is no whole ONNX file ({error}); export it again") from error
    except OSError as error:
        raise unreadable(path, error, NetworkError) from error
    card = {"source": path.name, "producer": model.producer_name}
    try:
        network = _network(_inlined(model), path, input_range, card)
        checked = _compared(path, model, network)
        return replace(network, card={**network.card, CHECKED: checked})
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from error


def _inlined(model: Any) -> Any:
    """The model with the nodes of its own functions in their place."""
    from onnx import inliner

    if not model.functions:
        return model
    try:
        return inliner.inline_local_functions(model)
    except (RuntimeError, ValueError) as error:
        raise NetworkError(f"its functions cannot be written out ({error})") from error


def _compared(path: Path, model: Any, network: BinaryNetwork) -> str:
    """What onnxruntime says of a network that was read, for its card.

    Raises:
        NetworkError: it has other classes, or refuses the file as invalid.
    """
    last = network.card.get(LAYOUT) == CHANNELS_LAST
    try:
        runtime = OnnxRuntime(path, network, channels_last=last)
    except MissingExtraError:
        return "not compared: onnxruntime is not installed"
    except InvalidFileError as error:
        if _is_standard(model):
            raise NetworkError(f"{error}; export the file again") from error
        # graphs of QONNX and FINN have nodes of their own
        return f"not compared: {error}"
    except NetworkError as error:
        return f"not compared: {error}"
    try:
        return check_agreement(network, runtime, "onnxruntime")
    except DataError as error:
        return f"not compared: {error}"


def _is_standard(model: Any) -> bool:
    """Whether all nodes are operators of ONNX."""
    import onnx

    return all(onnx.defs.has(node.op_type, node.domain) for node in model.graph.node)


def _network(
    model: Any, path: Path, input_range: InputRange | None, card: dict[str, str]
) -> BinaryNetwork:
    graph = model.graph
    constants = {tensor.name: _stored(tensor, path) for tensor in graph.initializer}
    inputs = [each for each in graph.input if each.name not in constants]
    if len(inputs) != 1:
        raise NetworkError(f"the graph has {len(inputs)} inputs; it must have one, the image")
    shape, kind = _image_shape(inputs[0])
    if not graph.output:
        raise NetworkError("the graph has no output; it must give class values or classes")
    nodes, output, said = _needed(graph), graph.output[0].name, metadata(model)
    input_range = input_range or stated_range(said)
    if input_range is None:
        input_range = InputRange(lower=0, upper=255 if kind == UINT8 else 1)
    if kind in WHOLE:
        input_range = _whole(input_range)
    consumers = _consumers(nodes)
    channels_last = are_channels_last(shape, said, inputs[0].name, consumers)
    stored = (shape[2], shape[0], shape[1]) if channels_last else shape
    if channels_last:
        card = {**card, LAYOUT: CHANNELS_LAST}
    assembly = Assembly(stored, input_range)
    image = assembly.image()
    start = image.transposed((1, 2, 0)) if channels_last else image
    opset = max(
        (each.version for each in model.opset_import if each.domain in STANDARD), default=13
    )
    values: dict[str, Value | npt.NDArray[Any]] = {inputs[0].name: start, **constants}
    reading = Graph(assembly, values, consumers, opset, output)
    # constants first: what a node means may depend on those of the nodes after it
    later = [node for node in nodes if not _folded(reading, node)]
    for node in later:
        _read_node(reading, node)
    result = reading.values.get(output)
    if not isinstance(result, Value):
        raise NetworkError("the graph's first output does not depend on the image")
    after = reading.ranked.get(output)
    return assembly.finish(result, card, after=after, keep_ties=True)


def _whole(inputs: InputRange) -> InputRange:
    """The range of inputs of a graph that reads whole numbers."""
    step = inputs.step or 1.0
    if step != round(step):
        raise NetworkError(
            f"the graph reads whole numbers, and the inputs are stated in steps of {step:g}; state "
            "whole ones: --inputs 0:255:1"
        )
    return replace(inputs, step=step)


def _stored(tensor: Any, path: Path) -> npt.NDArray[Any]:
    """The numbers of a tensor of the file, or of another that lies beside it."""
    import onnx

    try:
        return np.asarray(onnx.numpy_helper.to_array(tensor, base_dir=str(path.parent)))
    except (ValueError, TypeError, KeyError, OSError, onnx.checker.ValidationError) as error:
        places = [entry.value for entry in tensor.external_data if entry.key == "location"]
        if places:
            raise NetworkError(
                f"the tensor {tensor.name!r} lies in {places[0]!r}, which must be beside the "
                f"network's file, whole: {error}"
            ) from error
        raise NetworkError(
            f"a stored tensor is damaged ({error}); export the file again"
        ) from error


def _folded(reading: Graph, node: Any) -> bool:
    """Compute a node of constants only; whether it was one."""
    known = [reading.values.get(each) for each in node.input if each]
    if any(each is None or isinstance(each, Value) for each in known):
        return False
    _read_node(reading, node)
    return True


def _read_node(reading: Graph, node: Any) -> None:
    name = node.name or (node.output[0] if node.output else "?")
    try:
        with np.errstate(all="ignore"):
            _dispatch(reading, node)
    except NetworkError as error:
        raise NetworkError(f"the node {name!r} ({_kinds(reading, node)}): {error}") from error
    except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
        raise NetworkError(
            f"the node {name!r} ({_kinds(reading, node)}) is damaged ({error}); export it again"
        ) from error


def _dispatch(reading: Graph, node: Any) -> None:
    if node.domain not in STANDARD and node.op_type not in OTHERS:
        raise NetworkError(f"it is of the operators {node.domain!r}, of which none is known here")
    depends = [isinstance(reading.values.get(each), Value) for each in node.input]
    if node.op_type == "Shape" and any(depends):
        said = attributes(node)
        sizes = [1, *reading.value(node).shape][said.get("start", 0) : said.get("end")]
        reading.put(node, np.array(sizes, dtype=np.int64))
    elif not any(depends):
        reading.fold(node)
    elif any(each in reading.ranked for each in node.input):
        follow(reading, node)
    else:
        NODES.get(node.op_type, refuse)(reading, node)


def _kinds(reading: Graph, node: Any) -> str:
    inputs = ", ".join(_described(reading.values.get(each)) for each in node.input if each)
    return f"{node.op_type} of {inputs}"


def _described(value: Value | npt.NDArray[Any] | None) -> str:
    if value is None:
        return "nothing"
    kind = "values" if isinstance(value, Value) else "constants"
    return f"{kind} of shape {tuple(value.shape)}"


def _image_shape(entry: Any) -> tuple[Shape, int]:
    """The shape of one image, and its type in ONNX."""
    tensor = entry.type.tensor_type
    sizes = [int(each.dim_value) for each in tensor.shape.dim]
    if tensor.elem_type not in WHOLE | FLOATS:
        raise NetworkError(
            f"the graph's input {entry.name!r} is of ONNX's type {tensor.elem_type}; it must be of "
            "floats or whole numbers"
        )
    image = sizes[1:]
    if not image or min(image) < 1:
        raise NetworkError(
            f"the graph's input {entry.name!r} has shape {sizes}; every size but the batch's must "
            "be stated"
        )
    return tuple(image), int(tensor.elem_type)


def _needed(graph: Any) -> list[Any]:
    """The nodes on which the graph's first output depends, in order."""
    wanted, needed = {graph.output[0].name}, []
    for node in reversed(graph.node):
        if any(name in wanted for name in node.output):
            needed.append(node)
            wanted.update(name for name in node.input if name)
    return needed[::-1]


def _consumers(nodes: list[Any]) -> Mapping[str, list[Any]]:
    consumers: dict[str, list[Any]] = {}
    for node in nodes:
        for name in node.input:
            consumers.setdefault(name, []).append(node)
    return consumers
