"""ONNX and QONNX operators that take signs, and what goes with these."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from signflip.errors import NetworkError
from signflip.formats.onnx_reading import Graph, Handler, attributes, without_batch
from signflip.formats.value import Value, exact


def _sign(reading: Graph, node: Any) -> None:
    """ONNX's Sign is 0 at 0. Sign, Add c, Sign with 0 < c < 1 is one sign that is +1 there."""
    offset = _offset_of_a_second_sign(reading, node)
    at_zero = 0 if offset is None else (1 if offset > 0 else -1)
    reading.put(node, reading.assembly.sign(reading.value(node), at_zero=at_zero))


def _offset_of_a_second_sign(reading: Graph, node: Any) -> float | None:
    following = reading.consumers.get(node.output[0], [])
    if len(following) != 1 or following[0].op_type != "Add":
        return None
    after = reading.consumers.get(following[0].output[0], [])
    if len(after) != 1 or after[0].op_type != "Sign":
        return None
    other = [name for name in following[0].input if name != node.output[0]]
    constant = reading.values.get(other[0]) if other else None
    if constant is None or isinstance(constant, Value) or np.size(constant) != 1:
        return None
    offset = float(np.ravel(constant)[0])
    return offset if 0 < abs(offset) < 1 else None


def _bipolar_quant(reading: Graph, node: Any) -> None:
    scale = exact(reading.constant(node, 1))
    reading.put(node, reading.assembly.sign(reading.value(node)).scaled(scale, 0))


def _multi_threshold(reading: Graph, node: Any) -> None:
    value, settings = reading.value(node), attributes(node)
    layout = settings.get("data_layout", b"")
    if layout in (b"NHWC", "NHWC") and len(value.shape) == 3:
        raise NetworkError("its layout is NHWC; convert it to channels first")
    levels = reading.constant(node, 1)
    if levels.ndim != 2:
        raise NetworkError(f"its thresholds have shape {levels.shape}; they must be (channels, k)")
    shaped = levels.reshape(len(levels), *(1,) * (len(value.shape) - 1), levels.shape[1])
    counted = reading.assembly.steps(value, shaped)
    scale, bias = (
        Fraction(float(settings.get(key, d))) for key, d in (("out_scale", 1.0), ("out_bias", 0.0))
    )
    reading.put(node, counted.scaled(scale, bias))


def _comparison(sense: int, at_equal: int) -> Handler:
    """1 where first - second has the sign `sense`, else 0; `at_equal`: +1 where equal counts."""

    def handle(reading: Graph, node: Any) -> None:
        value, number, constant_first = reading.value_and_constant(node)
        side = -sense if constant_first else sense
        gap = value.scaled(side, -side * number)
        half = Fraction(1, 2)
        reading.put(node, reading.assembly.sign(gap, at_zero=at_equal).scaled(half, half))

    return handle


def _where(reading: Graph, node: Any) -> None:
    condition = reading.value(node)
    yes, no = (
        without_batch(reading.constant(node, place), len(condition.shape)) for place in (1, 2)
    )
    reading.put(node, condition.scaled(yes - no, no))


def _not(reading: Graph, node: Any) -> None:
    reading.put(node, reading.value(node).scaled(-1, 1))


def _clip(reading: Graph, node: Any) -> None:
    """A clip around 0 changes no sign: it is passed over where only signs follow."""
    settings = attributes(node)
    limits = [settings.get("min"), settings.get("max")]
    for place in (1, 2):
        if len(node.input) > place and node.input[place]:
            limits[place - 1] = float(reading.constant(node, place).ravel()[0])
    lower, upper = limits
    following = reading.consumers.get(node.output[0], [])
    signs = {"Sign", "BipolarQuant"}
    if (
        (lower is not None and not lower < 0)  # not even a number, perhaps
        or (upper is not None and not upper > 0)
        or not following
        or any(each.op_type not in signs for each in following)
    ):
        raise NetworkError("a clip can be said only around 0, and where nothing but signs follows")
    reading.put(node, reading.value(node))


SIGNS: Mapping[str, Handler] = {
    "Sign": _sign,
    "BipolarQuant": _bipolar_quant,
    "MultiThreshold": _multi_threshold,
    "Greater": _comparison(1, -1),
    "GreaterOrEqual": _comparison(1, 1),
    "Less": _comparison(-1, -1),
    "LessOrEqual": _comparison(-1, 1),
    "Where": _where,
    "Not": _not,
    "Clip": _clip,
    "HardTanh": _clip,
}
"""Operator -> what it does."""
