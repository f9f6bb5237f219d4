"""ONNX operators that scale, shift and add up: affine ones, products with weights, pooling."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from signflip.errors import NetworkError
from signflip.formats.onnx_casts import refuse_overflow
from signflip.formats.onnx_reading import Graph, Handler, attributes, without_batch
from signflip.formats.value import Exact, Value, exact
from signflip.network.maps.windows import Windows

Pads = tuple[int, int, int, int]


def _affine(combine: Callable[[Value, Exact, bool], Value]) -> Handler:
    """A node of a value and a constant; `combine` is told whether the constant comes first."""

    def handle(reading: Graph, node: Any) -> None:
        value, constant, first = reading.value_and_constant(node)
        made = combine(value, constant, first)
        refuse_overflow(reading, made, reading.constant(node, 0 if first else 1))
        reading.put(node, made)

    return handle


def _divide(value: Value, constant: Exact, constant_first: bool) -> Value:
    if constant_first or any(number == 0 for number in constant.ravel().tolist()):
        raise NetworkError("it divides by the image, or by 0")
    return value.scaled(1 / constant, 0)


def _subtract(value: Value, constant: Exact, constant_first: bool) -> Value:
    return value.scaled(-1, constant) if constant_first else value.scaled(1, -constant)


def _negate(reading: Graph, node: Any) -> None:
    reading.put(node, reading.value(node).scaled(-1, 0))


def _batch_norm(reading: Graph, node: Any) -> None:
    value, settings = reading.value(node), attributes(node)
    if settings.get("training_mode", 0):
        raise NetworkError("it normalises by the batch (training_mode); export it for inference")
    gain, shift, mean, variance = (
        reading.constant(node, place).astype(np.float64) for place in (1, 2, 3, 4)
    )
    widened = variance + float(settings.get("epsilon", 1e-5))
    if not np.all(widened > 0):
        raise NetworkError(f"its variance is {variance.min()}; it must be above 0")
    root = exact(np.sqrt(widened))
    factor = exact(gain) / root
    offset = exact(shift) - factor * exact(mean)
    rest = (1,) * (len(value.shape) - 1)
    reading.put(node, value.scaled(factor.reshape(-1, *rest), offset.reshape(-1, *rest)))


def _matmul(reading: Graph, node: Any) -> None:
    value, weight = reading.value(node), reading.constant(node, 1)
    if weight.ndim != 2 or not value.shape or value.shape[-1] != value.size:
        raise NetworkError(f"it multiplies {value.shape} by {weight.shape}; both must be flat")
    made = reading.assembly.linear(value, weight.T)
    refuse_overflow(reading, made, weight)
    reading.put(node, made.arranged((*value.shape[:-1], made.size)))


def _gemm(reading: Graph, node: Any) -> None:
    value, weight, settings = reading.value(node), reading.constant(node, 1), attributes(node)
    if settings.get("transA", 0):
        raise NetworkError("it turns the batch round (transA)")
    rows = weight if settings.get("transB", 0) else weight.T
    made = reading.assembly.linear(value, rows)
    made = made.scaled(Fraction(float(settings.get("alpha", 1.0))), 0)
    if len(node.input) > 2 and node.input[2]:
        bias = without_batch(reading.constant(node, 2), 1)
        made = made.scaled(1, bias * Fraction(float(settings.get("beta", 1.0))))
    refuse_overflow(reading, made, weight)
    reading.put(node, made)


def _conv(reading: Graph, node: Any) -> None:
    value, weight, settings = reading.value(node), reading.constant(node, 1), attributes(node)
    if weight.ndim != 4 or len(value.shape) != 3:
        raise NetworkError("only convolutions of two dimensions can be said")
    stride, dilation = _pair(settings, "strides"), _pair(settings, "dilations")
    kernel = (int(weight.shape[2]), int(weight.shape[3]))
    stated = tuple(settings.get("kernel_shape", kernel))
    if stated != kernel:
        raise NetworkError(f"its kernel_shape is {stated}, and its weight's {kernel}")
    made = reading.assembly.conv2d(
        value,
        weight,
        stride=stride,
        dilation=dilation,
        groups=int(settings.get("group", 1)),
        padding=_pads(settings, value.shape, kernel, stride, dilation),
    )
    if len(node.input) > 2 and node.input[2]:
        made = made.scaled(1, exact(reading.constant(node, 2))[:, None, None])
    reading.put(node, made)


def _windows(reading: Graph, node: Any) -> Windows:
    value, settings = reading.value(node), attributes(node)
    kernel = settings["kernel_shape"]
    if len(kernel) != 2 or len(value.shape) != 3:
        raise NetworkError("only pooling of two dimensions can be said")
    size = (int(kernel[0]), int(kernel[1]))
    stride, dilation = _pair(settings, "strides"), _pair(settings, "dilations")
    if dilation != (1, 1) and _auto_pad(settings).startswith("SAME"):
        raise NetworkError("runtimes differ in what auto_pad is of a dilated pool; state its pads")
    made = Windows(
        image=value.shape[1:],
        kernel=size,
        stride=stride,
        dilation=dilation,
        padding=_pads(settings, value.shape, size, stride, dilation),
    )
    if settings.get("ceil_mode", 0):
        made.need_whole()
    return made


def _max_pool(reading: Graph, node: Any) -> None:
    reading.put(node, reading.assembly.max_pool(reading.value(node), _windows(reading, node)))


def _average_pool(reading: Graph, node: Any) -> None:
    windows = _windows(reading, node)
    over = windows.taps if attributes(node).get("count_include_pad", 0) else None
    reading.put(node, reading.assembly.average_pool(reading.value(node), windows, over))


def _global_average_pool(reading: Graph, node: Any) -> None:
    reading.put(node, reading.assembly.channel_means(reading.value(node)))


def _reduce_mean(reading: Graph, node: Any) -> None:
    """The mean of each channel, as `GlobalAveragePool` has it."""
    value, settings = reading.value(node), attributes(node)
    given = settings.get("axes")
    if given is None and len(node.input) > 1 and node.input[1]:
        given = reading.constant(node, 1).tolist()
    axes = sorted(int(axis) % 4 for axis in given or ())
    if len(value.shape) != 3 or axes != [2, 3]:
        raise NetworkError("only the mean of each channel, of its rows and columns, can be said")
    made = reading.assembly.channel_means(value)
    reading.put(node, made if settings.get("keepdims", 1) else made.arranged((made.size,)))


def _pair(settings: Mapping[str, Any], name: str) -> tuple[int, int]:
    down, right = settings.get(name, (1, 1))
    return int(down), int(right)


def _auto_pad(settings: Mapping[str, Any]) -> str:
    mode = settings.get("auto_pad", b"NOTSET")
    return mode.decode() if isinstance(mode, bytes) else str(mode)


def _pads(
    settings: Mapping[str, Any],
    shape: tuple[int, ...],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> Pads:
    mode = _auto_pad(settings)
    if mode in ("NOTSET", ""):
        top, left, bottom, right = settings.get("pads", (0, 0, 0, 0))
        return int(top), int(left), int(bottom), int(right)
    if mode == "VALID":
        return 0, 0, 0, 0
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise NetworkError(f"its auto_pad is {mode!r}")
    first, last = [], []
    for axis in (0, 1):
        extent = dilation[axis] * (kernel[axis] - 1) + 1
        steps = -(-shape[1 + axis] // stride[axis])
        total = max(0, (steps - 1) * stride[axis] + extent - shape[1 + axis])
        small, large = total // 2, total - total // 2
        first.append(small if mode == "SAME_UPPER" else large)
        last.append(large if mode == "SAME_UPPER" else small)
    return first[0], first[1], last[0], last[1]


SUMS: Mapping[str, Handler] = {
    "Add": _affine(lambda value, constant, _: value.scaled(1, constant)),
    "Sub": _affine(_subtract),
    "Mul": _affine(lambda value, constant, _: value.scaled(constant, 0)),
    "Div": _affine(_divide),
    "Neg": _negate,
    "BatchNormalization": _batch_norm,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Conv": _conv,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average_pool,
    "ReduceMean": _reduce_mean,
}
"""Operator -> what it does."""
