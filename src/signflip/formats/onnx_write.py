"""Writing ONNX, so that others can check what Signflip says with their own tools.

The graph is of plain operators (MatMul, Conv, Sub, Sign, Mul, Add) in float64, and exact: a layer
that reads signs subtracts a number that no sum has, so that its Sign never meets 0. The first layer
reads real numbers: its sign is `Sign, Add 0.5, Sign`, which is +1 at 0.
"""

from pathlib import Path
from typing import Any

import numpy as np

from signflip.errors import MissingExtraError, NetworkError
from signflip.files import write_bytes, writing
from signflip.formats.onnx_layout import stated
from signflip.network import BinaryNetwork, Conv2d, SignLayer

OPSET = 15
IR_VERSION = 8  # of ONNX 1.10: old enough for every runtime in use
FLOAT, DOUBLE = 1, 11  # onnx.TensorProto
MOST_WEIGHTS = 2**22
"""A first layer with more is written as the convolution that it is, in float32."""


def write_onnx(network: BinaryNetwork, path: Path) -> None:
    """Write a network as an ONNX file, whole or not at all.

    Its input is `image`, (N, *image_shape) float64; its output `values`, (N, classes) float64. The
    metadata states the range of inputs, and that channels come first.

    Raises:
        MissingExtraError: the package `onnx` is not installed.
        NetworkError: the system refused the file.
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError as error:
        raise MissingExtraError("onnx", "onnx", "writing an ONNX file") from error
    made = _Graph()
    made.reshape((network.inputs,))
    for index, layer in enumerate(network.hidden):
        made.layer(layer, first=index == 0)
    made.output(network)
    image = helper.make_tensor_value_info("image", TensorProto.DOUBLE, ["N", *network.image_shape])
    values = helper.make_tensor_value_info("values", TensorProto.DOUBLE, ["N", network.classes])
    graph = helper.make_graph(made.nodes, "signflip", [image], [values], made.constants)
    model = helper.make_model(
        graph, producer_name="signflip", opset_imports=[helper.make_opsetid("", OPSET)]
    )
    model.ir_version = IR_VERSION
    helper.set_model_props(model, stated(network.input_range))
    onnx.checker.check_model(model)
    with writing(path, NetworkError):
        write_bytes(path, model.SerializeToString(deterministic=True))


class _Graph:
    """Nodes in a chain."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._last = "image"

    def add(self, kind: str, *others: Any, output: str | None = None, **attributes: Any) -> None:
        from onnx import helper, numpy_helper

        names = []
        for other in others:
            names.append(f"constant_{len(self.constants)}")
            array = np.ascontiguousarray(other)
            self.constants.append(numpy_helper.from_array(array, names[-1]))
        name = output or f"{kind.lower()}_{len(self.nodes)}"
        inputs = [self._last, *names]
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        self._last = name

    def reshape(self, shape: tuple[int, ...]) -> None:
        self.add("Reshape", np.array([-1, *shape], dtype=np.int64))

    def layer(self, layer: SignLayer, *, first: bool) -> None:
        small = layer.neurons * layer.inputs <= MOST_WEIGHTS
        if isinstance(layer.map, Conv2d) and not (first and small):
            self._convolve(layer.map)
        else:
            self.add("MatMul", layer.map.rows(slice(None)).T.astype(np.float64))
        if first:
            self.add("Sub", layer.threshold)
            self.add("Sign")
            self.add("Add", np.array(0.5))
        else:
            self.add("Sub", layer.integer_threshold.astype(np.float64) - 1)
        self.add("Sign")

    def _convolve(self, conv: Conv2d) -> None:
        # onnxruntime has no convolution in float64; float32 holds sums of signs exactly
        parts = conv.parts()
        numbers = [int(number) for number in parts["window"]]
        self.reshape(conv.input_shape)
        self.add("Cast", to=FLOAT)
        self.add(
            "Conv",
            parts["weight"].astype(np.float32),
            strides=numbers[:2],
            pads=numbers[2:6],
            dilations=numbers[6:8],
            group=numbers[8],
        )
        self.add("Cast", to=DOUBLE)
        self.reshape((conv.neurons,))

    def output(self, network: BinaryNetwork) -> None:
        self.add("MatMul", network.output.weight.T.astype(np.float64))
        self.add("Mul", network.output.scale)
        self.add("Add", network.output.bias, output="values")
