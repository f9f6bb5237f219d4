"""What follows class values and keeps their order, to the end: Softmax, Sigmoid, ArgMax, TopK.

Of a Softmax only the order of the classes is known, of the Sigmoid of one logit its side, and of
an ArgMax or TopK which class is first. `Graph.ranked` has the names of such outputs; whatever reads
one must keep what is known.
"""

from collections.abc import Mapping
from typing import Any

from signflip.errors import NetworkError
from signflip.formats.onnx_reading import Graph, Handler, attributes
from signflip.formats.onnx_shapes import SHAPES
from signflip.formats.outputs import CLASSES
from signflip.formats.value import Value

MOVES = frozenset({"Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze"})
_FLOATS = frozenset({1, 11})  # onnx.TensorProto: FLOAT, DOUBLE
_WHOLE = frozenset({6, 7})  # INT32, INT64


def follow(reading: Graph, node: Any) -> None:
    """A node that reads what a Softmax, a Sigmoid, an ArgMax or a TopK gave.

    Raises:
        NetworkError: it does not keep the order of the classes.
    """
    kind, name = node.op_type, node.input[0]
    if name in reading.ranked:
        said = reading.ranked[name]
        classes = said == CLASSES
        if kind in MOVES or (
            kind == "Cast" and int(attributes(node)["to"]) in (_WHOLE if classes else _FLOATS)
        ):
            if classes or kind == "Cast":
                reading.put(node, reading.value(node))
            else:
                SHAPES[kind](reading, node)
            reading.ranked[node.output[0]] = said
            return
        if kind in TAILS and kind != "Sigmoid" and not classes:
            TAILS[kind](reading, node)
            return
    raise NetworkError(
        "it follows a Softmax, a Sigmoid, an ArgMax or a TopK, after which only what keeps the "
        "order of the classes may come: export the graph up to its class values"
    )


def _softmax(reading: Graph, node: Any) -> None:
    value = reading.value(node)
    _refuse_axis(value, int(attributes(node).get("axis", 1 if reading.opset < 13 else -1)))
    reading.put(node, value)
    reading.ranked[node.output[0]] = node.op_type


def _sigmoid(reading: Graph, node: Any) -> None:
    value = reading.value(node)
    if value.size != 1:
        raise NetworkError(
            f"it is of {value.size} values, where large ones become 1 and tie; it can be read "
            "only at the end, of one logit"
        )
    reading.put(node, value)
    reading.ranked[node.output[0]] = node.op_type


def _arg_max(reading: Graph, node: Any) -> None:
    value, settings = reading.value(node), attributes(node)
    _refuse_axis(value, int(settings.get("axis", 0)))
    if settings.get("select_last_index", 0):
        raise NetworkError(
            "it takes the last of classes that tie (select_last_index); Signflip takes the first"
        )
    reading.put(node, value)
    reading.ranked[node.output[0]] = CLASSES


def _top_k(reading: Graph, node: Any) -> None:
    value, settings = reading.value(node), attributes(node)
    _refuse_axis(value, int(settings.get("axis", -1)))
    if not settings.get("largest", 1) or not settings.get("sorted", 1):
        raise NetworkError("it must give the largest first (largest = 1, sorted = 1)")
    count = settings["k"] if reading.opset < 10 else reading.constant(node, 1).ravel()[0]
    if not 1 <= int(count) < value.size:
        raise NetworkError(
            f"its k is {int(count)}, and there are {value.size} classes; it must be from 1 to "
            f"{value.size - 1}"
        )
    if node.output[0] == reading.output or node.output[0] in reading.consumers:
        raise NetworkError(
            "its values are read, which are of no class; the first output must be class values or "
            "classes"
        )
    reading.values[node.output[1]] = value
    reading.ranked[node.output[1]] = CLASSES


def _refuse_axis(value: Value, axis: int) -> None:
    """Refuse an axis that is not the one of all classes."""
    rank = len(value.shape) + 1
    place = axis % rank if -rank <= axis < rank else 0
    if place == 0 or value.shape[place - 1] != value.size:
        raise NetworkError(f"its axis is {axis} of {[1, *value.shape]}; it must be the classes'")
    if value.size < 2:
        raise NetworkError("it reads one value, of which it says nothing; leave it out")


TAILS: Mapping[str, Handler] = {
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "Sigmoid": _sigmoid,
    "ArgMax": _arg_max,
    "TopK": _top_k,
}
"""Operator -> what it does."""
