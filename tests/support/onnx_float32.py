"""Networks of one hidden layer as ONNX files in float32, as most exporters write them."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from signflip.network import BinaryNetwork
from tests.support.weights import weights_of


def write_float32(
    network: BinaryNetwork, path: Path, *, shape: tuple[int | str, ...] = (), argmax: bool = False
) -> None:
    """Write the network, which reads (N, *shape) float32, as it stands and without care for 0."""
    (first,) = network.hidden
    arrays = {
        "flat": np.array([-1, network.inputs]),
        "weight": weights_of(first).T.astype(np.float32),
        "threshold": first.threshold.astype(np.float32),
        "zero": np.zeros(1, dtype=np.float32),
        "plus": np.ones(1, dtype=np.float32),
        "minus": -np.ones(1, dtype=np.float32),
        "output": network.output.weight.T.astype(np.float32),
    }
    nodes = [
        helper.make_node("Reshape", ["image", "flat"], ["pixels"]),
        helper.make_node("MatMul", ["pixels", "weight"], ["sums"]),
        helper.make_node("Sub", ["sums", "threshold"], ["gaps"]),
        helper.make_node("GreaterOrEqual", ["gaps", "zero"], ["positive"]),
        helper.make_node("Where", ["positive", "plus", "minus"], ["signs"]),
        helper.make_node("MatMul", ["signs", "output"], ["values"]),
    ]
    made = helper.make_tensor_value_info("values", TensorProto.FLOAT, ["N", network.classes])
    if argmax:
        nodes.append(helper.make_node("ArgMax", ["values"], ["class"], axis=1, keepdims=1))
        made = helper.make_tensor_value_info("class", TensorProto.INT64, ["N", 1])
    image = helper.make_tensor_value_info(
        "image", TensorProto.FLOAT, ["N", *(shape or network.image_shape)]
    )
    constants = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "test", [image], [made], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    onnx.save(model, str(path))
