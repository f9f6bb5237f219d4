"""What each ONNX and QONNX operator means for an `Assembly`."""

from collections.abc import Mapping

from signflip.formats.onnx_reading import Handler
from signflip.formats.onnx_shapes import SHAPES
from signflip.formats.onnx_signs import SIGNS
from signflip.formats.onnx_sums import SUMS
from signflip.formats.onnx_tails import TAILS

NODES: Mapping[str, Handler] = {**SHAPES, **SUMS, **SIGNS, **TAILS}
"""Operator -> what to do with it. Others are refused, unless they read constants only."""
