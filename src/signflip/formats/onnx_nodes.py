"""What each ONNX and QONNX operator means for an `Assembly`."""

from collections.abc import Mapping
from typing import Any

from signflip.formats.onnx_reading import Graph, Handler
from signflip.formats.onnx_shapes import SHAPES
from signflip.formats.onnx_signs import SIGNS
from signflip.formats.onnx_sums import SUMS


def _result(reading: Graph, node: Any) -> None:
    """What follows class values and keeps their order."""
    reading.result = reading.value(node)


RESULTS: Mapping[str, Handler] = {
    "Softmax": _result,
    "LogSoftmax": _result,
    "ArgMax": _result,
    "TopK": _result,
}
NODES: Mapping[str, Handler] = {**SHAPES, **SUMS, **SIGNS, **RESULTS}
"""Operator -> what to do with it. Others are refused, unless they read constants only."""
