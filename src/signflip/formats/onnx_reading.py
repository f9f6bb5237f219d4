"""A pass over an ONNX graph's nodes: what is known, and what they share.

Axes are those of the graph, with the batch first; a `Value` has no batch, so its axes are one less.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.errors import NetworkError
from signflip.formats.assembly import Assembly
from signflip.formats.value import Exact, Value, exact, refuse_infinite, refuse_size

Constant = npt.NDArray[Any]
_SHAPED = {"ConstantOfShape": 0, "Expand": 1}
"""Operators whose result may be far larger than what they read -> which input is its shape."""


_SINCE = {"DequantizeLinear": 19, "QuantizeLinear": 19}
"""Operators whose older versions the evaluator lacks -> one that says the same, and more."""


class Graph:
    """A pass over a graph's nodes.

    Attributes:
        assembly: the layers so far.
        values: name -> a value that depends on the image, or a constant.
        consumers: name -> the nodes that read it.
        opset: version of the standard operators.
        output: name of the graph's first output.
        ranked: name -> what it is, of which no more is known than the order of classes: Softmax,
            LogSoftmax, Sigmoid, or `CLASSES`.
    """

    def __init__(
        self,
        assembly: Assembly,
        values: dict[str, Value | Constant],
        consumers: Mapping[str, list[Any]],
        opset: int,
        output: str,
    ) -> None:
        self.assembly = assembly
        self.values = values
        self.consumers = consumers
        self.opset = opset
        self.output = output
        self.ranked: dict[str, str] = {}

    def value(self, node: Any, place: int = 0) -> Value:
        """An input that depends on the image."""
        found = self.values.get(node.input[place])
        if not isinstance(found, Value):
            raise NetworkError(f"its input {place} does not depend on the image, and must")
        return found

    def constant(self, node: Any, place: int) -> Constant:
        """An input that is the same for all images."""
        found = self.values.get(node.input[place]) if place < len(node.input) else None
        if found is None or isinstance(found, Value):
            raise NetworkError(f"its input {place} depends on the image, or is missing")
        return found

    def value_and_constant(self, node: Any) -> tuple[Value, Exact, bool]:
        """The inputs of a node of two, one of which is a constant; whether that comes first.

        The constant meets the value without the batch.
        """
        first, second = (isinstance(self.values.get(name), Value) for name in node.input[:2])
        if first and second:
            raise NetworkError("both of its inputs depend on the image; one must be a constant")
        value = self.value(node, 0 if first else 1)
        constant = self.constant(node, 1 if first else 0)
        return value, without_batch(constant, len(value.shape)), not first

    def put(self, node: Any, value: Value | Constant) -> None:
        """Note the node's first output."""
        self.values[node.output[0]] = value

    def fold(self, node: Any) -> None:
        """Compute a node that does not depend on the image.

        Raises:
            NetworkError: it is random, or a number is not finite, which a sign would hide.
        """
        if node.op_type.startswith("Random") or node.op_type in ("Bernoulli", "Multinomial"):
            raise NetworkError("it draws numbers, which are others each time")
        for name in node.input:
            if name in self.values:
                refuse_infinite(np.asarray(self.values[name]), "it reads the constant")
        if node.op_type in _SHAPED:
            shape = self.constant(node, _SHAPED[node.op_type])
            refuse_size(tuple(shape.ravel().tolist()), "a constant")
        if node.op_type == "BipolarQuant":
            latent = self.constant(node, 0)
            self.put(node, np.where(latent >= 0, 1.0, -1.0) * self.constant(node, 1))
            return
        for name, found in zip(node.output, _computed(self, node), strict=False):
            self.values[name] = found


def _computed(reading: Graph, node: Any) -> list[Constant]:
    import onnx
    from onnx.helper import make_graph, make_model, make_opsetid
    from onnx.reference import ReferenceEvaluator

    missing = [name for name in node.input if name and name not in reading.values]
    if missing:
        raise NetworkError(f"its input {missing[0]!r} comes from nowhere")
    feeds = {name: np.asarray(reading.values[name]) for name in node.input if name}
    inputs = [onnx.helper.make_value_info(name, onnx.TypeProto()) for name in feeds]
    outputs = [onnx.helper.make_value_info(name, onnx.TypeProto()) for name in node.output if name]
    model = make_model(
        make_graph([node], "constants", inputs, outputs),
        opset_imports=[make_opsetid("", max(reading.opset, _SINCE.get(node.op_type, 0)))],
    )
    try:
        return list(ReferenceEvaluator(model).run(None, feeds))
    except Exception as error:  # the evaluator raises whatever its parts raise
        raise NetworkError(f"its constants cannot be computed ({error})") from error


def attributes(node: Any) -> dict[str, Any]:
    """A node's attributes."""
    from onnx.helper import get_attribute_value

    return {each.name: get_attribute_value(each) for each in node.attribute}


def refuse(_reading: Graph, node: Any) -> None:
    """There is no exact form of this operator.

    Raises:
        NetworkError: always.
    """
    raise NetworkError(f"there is no exact form of {node.op_type}")


def without_batch(constant: Constant, rank: int) -> Exact:
    """A constant that meets values with a batch before them, as one that meets them without."""
    shape = constant.shape
    if len(shape) > rank:
        if shape[0] != 1 or len(shape) != rank + 1:
            raise NetworkError(f"a constant of shape {shape} meets values of {rank + 1} axes")
        constant = constant[0]
    made: Exact = exact(constant)
    return made


Handler = Callable[[Graph, Any], None]
"""What a node does to what is known."""
