"""ONNX operators that only move values about."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from signflip.errors import NetworkError
from signflip.formats.onnx_casts import cast
from signflip.formats.onnx_reading import Graph, Handler, attributes


def _same(reading: Graph, node: Any) -> None:
    reading.put(node, reading.value(node))


def _dropout(reading: Graph, node: Any) -> None:
    if len(node.input) > 2 and node.input[2] and reading.constant(node, 2).any():
        raise NetworkError("it drops values (training_mode); export it for inference")
    reading.put(node, reading.value(node))


def _flatten(reading: Graph, node: Any) -> None:
    value = reading.value(node)
    if attributes(node).get("axis", 1) not in (1, -len(value.shape)):
        raise NetworkError("it joins the batch with other axes; its axis must be 1")
    reading.put(node, value.arranged((value.size,)))


def _reshape(reading: Graph, node: Any) -> None:
    value = reading.value(node)
    wanted = [int(size) for size in reading.constant(node, 1).tolist()]
    sizes = [1, *value.shape]
    if not attributes(node).get("allowzero", 0):
        wanted = [
            sizes[i] if size == 0 and i < len(sizes) else size for i, size in enumerate(wanted)
        ]
    if wanted.count(-1) == 1:
        known = int(np.prod([size for size in wanted if size != -1]))
        wanted[wanted.index(-1)] = value.size // known if known else 0
    if not wanted or wanted[0] != 1 or int(np.prod(wanted)) != value.size:
        raise NetworkError(f"it makes the shape {wanted} of {sizes}; the batch must stay first")
    reading.put(node, value.arranged(tuple(wanted[1:])))


def _transpose(reading: Graph, node: Any) -> None:
    value = reading.value(node)
    order = list(attributes(node).get("perm", range(len(value.shape), -1, -1)))
    if order[0] != 0:
        raise NetworkError(f"its order of axes is {order}; the batch must stay first")
    reading.put(node, value.transposed(tuple(axis - 1 for axis in order[1:])))


def _axes(reading: Graph, node: Any, rank: int) -> list[int]:
    given = attributes(node).get("axes")
    axes = given if given is not None else reading.constant(node, 1).tolist()
    return sorted(int(axis) % rank for axis in axes)


def _squeeze(reading: Graph, node: Any) -> None:
    value = reading.value(node)
    shape = [1, *value.shape]
    gone = _axes(reading, node, len(shape))
    if 0 in gone or any(shape[axis] != 1 for axis in gone):
        raise NetworkError(f"it takes the axes {gone} from the shape {shape}")
    left = [size for axis, size in enumerate(shape) if axis not in gone]
    reading.put(node, value.arranged(tuple(left[1:])))


def _unsqueeze(reading: Graph, node: Any) -> None:
    value = reading.value(node)
    shape = [1, *value.shape]
    added = attributes(node).get("axes")
    axes = added if added is not None else reading.constant(node, 1).tolist()
    for axis in _axes(reading, node, len(shape) + len(axes)):
        shape.insert(axis, 1)
    if shape[0] != 1 or len(shape) < 2:
        raise NetworkError("the batch must stay first")
    reading.put(node, value.arranged(tuple(shape[1:])))


def _pad(reading: Graph, node: Any) -> None:
    value, settings = reading.value(node), attributes(node)
    if settings.get("mode", b"constant") not in (b"constant", "constant"):
        raise NetworkError("it pads with values of the image; only a constant can be said")
    pads = settings.get("pads")
    amounts = list(pads) if pads is not None else reading.constant(node, 1).tolist()
    number = settings.get("value", 0.0)
    if pads is None and len(node.input) > 2 and node.input[2]:
        number = float(reading.constant(node, 2).ravel()[0])
    rank = len(value.shape) + 1
    axes = list(range(rank))
    if pads is None and len(node.input) > 3 and node.input[3]:
        axes = [int(axis) % rank for axis in reading.constant(node, 3).tolist()]
    half = len(amounts) // 2
    if len(amounts) != 2 * len(axes) or len(set(axes)) < len(axes):
        raise NetworkError(f"its pads are {amounts}; it must have two for each of its axes {axes}")
    before, after = ([0] * rank for _ in range(2))
    for axis, first, last in zip(axes, amounts[:half], amounts[half:], strict=True):
        before[axis], after[axis] = int(first), int(last)
    if before[0] or after[0] or min(before + after) < 0:
        raise NetworkError(f"its pads are {amounts}; the batch cannot be padded, and nothing cut")
    reading.put(node, value.padded(tuple(before[1:]), tuple(after[1:]), float(number)))


SHAPES: Mapping[str, Handler] = {
    "Identity": _same,
    "Dropout": _dropout,
    "Cast": cast,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Pad": _pad,
}
"""Operator -> what it does."""
