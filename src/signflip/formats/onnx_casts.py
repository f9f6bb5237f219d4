"""ONNX's Cast: nothing at all, or refused.

A cast to whole numbers cuts what is behind the point, and one to bool makes 1 of all but 0: they
change nothing only where values are whole, or 0 and 1, already.
"""

from fractions import Fraction
from typing import Any

import numpy as np

from signflip.errors import NetworkError
from signflip.formats.onnx_reading import Constant, Graph, attributes
from signflip.formats.value import Value

FLOATS = frozenset({1, 10, 11, 16})
"""onnx.TensorProto: FLOAT, FLOAT16, DOUBLE, BFLOAT16."""
_WHOLE = {
    2: (0, 2**8 - 1),
    3: (-(2**7), 2**7 - 1),
    4: (0, 2**16 - 1),
    5: (-(2**15), 2**15 - 1),
    6: (-(2**31), 2**31 - 1),
    7: (-(2**63), 2**63 - 1),
    9: (0, 1),
    12: (0, 2**32 - 1),
    13: (0, 2**64 - 1),
}
"""Whole numbers, and bool: the type -> the least and the greatest number of it."""


def cast(reading: Graph, node: Any) -> None:
    """A cast that changes no value.

    Raises:
        NetworkError: it changes one, or may.
    """
    value, kind = reading.value(node), int(attributes(node)["to"])
    if kind in FLOATS:
        reading.put(node, value)
        return
    if kind not in _WHOLE:
        raise NetworkError(f"it casts to the type {kind} of ONNX, which has no exact form")
    name = _name(kind)
    ends = whole_range(reading, value)
    if ends is None:
        raise NetworkError(
            f"it casts to {name} values that need not be whole, and cuts them: export the graph "
            "without it, or round in the images"
        )
    least, most = _WHOLE[kind]
    if ends[0] < least or ends[1] > most:
        raise NetworkError(
            f"it casts to {name} values from {ends[0]} to {ends[1]}, which must be from {least} to "
            f"{most}: export the graph without it, or with a wider type"
        )
    reading.put(node, value)


def _name(kind: int) -> str:
    from onnx import TensorProto

    return str(TensorProto.DataType.Name(kind)).lower()


def refuse_overflow(reading: Graph, value: Value, constant: Constant) -> None:
    """Refuse what whole numbers that are computed with a constant, of its type, cannot hold.

    Raises:
        NetworkError: a value is none of its type, or may be none.
    """
    if constant.dtype.kind not in "iu":
        return
    name, ends = constant.dtype.name, whole_range(reading, value)
    limits = np.iinfo(constant.dtype)
    if ends is None:
        raise NetworkError(
            f"it computes in {name} values that need not be whole, and cuts them; where images are "
            "of whole numbers, state it: --inputs 0:255:1"
        )
    if ends[0] < limits.min or ends[1] > limits.max:
        raise NetworkError(
            f"it computes values from {ends[0]} to {ends[1]} in {name}, which must be from "
            f"{limits.min} to {limits.max}: export the graph with a wider type"
        )


def whole_range(reading: Graph, value: Value) -> tuple[Fraction, Fraction] | None:
    """The least and the greatest that the values may be; None where one need not be whole."""
    if value.pooled is not None or value.real or not value.size:
        return None
    lower, upper, step = Fraction(-1), Fraction(1), Fraction(2)  # of signs
    if not reading.assembly.layers:
        inputs = reading.assembly.input_range
        if inputs.step is None:
            return None
        lower, upper, step = Fraction(inputs.lower), Fraction(inputs.upper), Fraction(inputs.step)
    # a sum is at its least where inputs are at the end that makes it small, and steps from there
    plus, minus = (
        np.asarray(part.sum(axis=1)).ravel().astype(np.int64).tolist()
        for part in (value.matrix.maximum(0), value.matrix.minimum(0))
    )
    ends: set[Fraction] = set()
    for gain, shift, above, below in zip(
        value.gain.tolist(), value.shift.tolist(), plus, minus, strict=True
    ):
        reads = gain != 0 and bool(above or below)
        first = gain * (above * lower + below * upper) + shift if reads else shift
        if Fraction(first).denominator != 1 or (reads and (gain * step).denominator != 1):
            return None
        ends |= {first, gain * (above * upper + below * lower) + shift if reads else shift}
    return min(ends), max(ends)
