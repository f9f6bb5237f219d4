"""What each ONNX and QONNX operator means for an `Assembly`.

Axes are those of the graph, with the batch first; a `Value` has no batch, so its axes are one less.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.errors import NetworkError
from signflip.formats.assembly import Assembly
from signflip.formats.value import Exact, Value, exact
from signflip.network.maps.windows import Windows

Constant = npt.NDArray[Any]
Pads = tuple[int, int, int, int]


class Graph:
    """A pass over a graph's nodes.

    Attributes:
        assembly: the layers so far.
        values: name -> a value that depends on the image, or a constant.
        consumers: name -> the nodes that read it.
        opset: version of the standard operators.
        result: the class values, once a node has said that they are.
    """

    def __init__(
        self,
        assembly: Assembly,
        values: dict[str, Value | Constant],
        consumers: Mapping[str, list[Any]],
        opset: int,
    ) -> None:
        self.assembly = assembly
        self.values = values
        self.consumers = consumers
        self.opset = opset
        self.result: Value | None = None

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

    def put(self, node: Any, value: Value | Constant) -> None:
        """Note the node's first output."""
        self.values[node.output[0]] = value

    def fold(self, node: Any) -> None:
        """Compute a node that does not depend on the image."""
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
        opset_imports=[make_opsetid("", reading.opset)],
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


# --- moving values about --------------------------------------------------------------------------


def _same(reading: Graph, node: Any) -> None:
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
    half = len(amounts) // 2
    before, after = amounts[:half], amounts[half:]
    if half != len(value.shape) + 1 or before[0] or after[0] or min(amounts) < 0:
        raise NetworkError(f"its pads are {amounts}; the batch cannot be padded, and nothing cut")
    reading.put(node, value.padded(tuple(before[1:]), tuple(after[1:]), float(number)))


# --- affine nodes ---------------------------------------------------------------------------------


def _without_batch(constant: Constant, rank: int) -> Exact:
    """A constant that meets values with a batch before them, as one that meets them without."""
    shape = constant.shape
    if len(shape) > rank:
        if shape[0] != 1 or len(shape) != rank + 1:
            raise NetworkError(f"a constant of shape {shape} meets values of {rank + 1} axes")
        constant = constant[0]
    made: Exact = exact(constant)
    return made


def _affine(combine: Callable[[Value, Exact, bool], Value]) -> Callable[[Graph, Any], None]:
    """A node of a value and a constant; `combine` is told whether the constant comes first."""

    def handle(reading: Graph, node: Any) -> None:
        first = isinstance(reading.values.get(node.input[0]), Value)
        second = isinstance(reading.values.get(node.input[1]), Value)
        if first and second:
            raise NetworkError("both of its inputs depend on the image; one must be a constant")
        value = reading.value(node, 0 if first else 1)
        constant = reading.constant(node, 1 if first else 0)
        reading.put(node, combine(value, _without_batch(constant, len(value.shape)), not first))

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
    value = reading.value(node)
    gain, shift, mean, variance = (
        reading.constant(node, place).astype(np.float64) for place in (1, 2, 3, 4)
    )
    widened = variance + float(attributes(node).get("epsilon", 1e-5))
    if not np.all(widened > 0):
        raise NetworkError(f"its variance is {variance.min()}; it must be above 0")
    root = exact(np.sqrt(widened))
    factor = exact(gain) / root
    offset = exact(shift) - factor * exact(mean)
    rest = (1,) * (len(value.shape) - 1)
    reading.put(node, value.scaled(factor.reshape(-1, *rest), offset.reshape(-1, *rest)))


# --- sums -----------------------------------------------------------------------------------------


def _matmul(reading: Graph, node: Any) -> None:
    value, weight = reading.value(node), reading.constant(node, 1)
    if weight.ndim != 2 or len(value.shape) != 1:
        raise NetworkError(f"it multiplies {value.shape} by {weight.shape}; both must be flat")
    reading.put(node, reading.assembly.linear(value, weight.T))


def _gemm(reading: Graph, node: Any) -> None:
    value, weight, settings = reading.value(node), reading.constant(node, 1), attributes(node)
    if settings.get("transA", 0):
        raise NetworkError("it turns the batch round (transA)")
    rows = weight if settings.get("transB", 0) else weight.T
    made = reading.assembly.linear(value, rows)
    made = made.scaled(Fraction(float(settings.get("alpha", 1.0))), 0)
    if len(node.input) > 2 and node.input[2]:
        bias = exact(reading.constant(node, 2).ravel())
        made = made.scaled(1, bias * Fraction(float(settings.get("beta", 1.0))))
    reading.put(node, made)


def _conv(reading: Graph, node: Any) -> None:
    value, weight, settings = reading.value(node), reading.constant(node, 1), attributes(node)
    if weight.ndim != 4 or len(value.shape) != 3:
        raise NetworkError("only convolutions of two dimensions can be said")
    stride, dilation = _pair(settings, "strides"), _pair(settings, "dilations")
    kernel = (int(weight.shape[2]), int(weight.shape[3]))
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
    if len(kernel) != 2 or len(value.shape) != 3 or settings.get("ceil_mode", 0):
        raise NetworkError("only pooling of two dimensions, with whole windows, can be said")
    size = (int(kernel[0]), int(kernel[1]))
    stride, dilation = _pair(settings, "strides"), _pair(settings, "dilations")
    return Windows(
        image=value.shape[1:],
        kernel=size,
        stride=stride,
        dilation=dilation,
        padding=_pads(settings, value.shape, size, stride, dilation),
    )


def _max_pool(reading: Graph, node: Any) -> None:
    reading.put(node, reading.assembly.max_pool(reading.value(node), _windows(reading, node)))


def _average_pool(reading: Graph, node: Any) -> None:
    windows = _windows(reading, node)
    if any(windows.padding) and attributes(node).get("count_include_pad", 0):
        raise NetworkError("it counts the padding (count_include_pad)")
    reading.put(node, reading.assembly.average_pool(reading.value(node), windows))


def _global_average_pool(reading: Graph, node: Any) -> None:
    value = reading.value(node)
    size = (value.shape[1], value.shape[2])
    windows = Windows(image=size, kernel=size)
    reading.put(node, reading.assembly.average_pool(value, windows))


def _pair(settings: Mapping[str, Any], name: str) -> tuple[int, int]:
    down, right = settings.get(name, (1, 1))
    return int(down), int(right)


def _pads(
    settings: Mapping[str, Any],
    shape: tuple[int, ...],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> Pads:
    mode = settings.get("auto_pad", b"NOTSET")
    mode = mode.decode() if isinstance(mode, bytes) else mode
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


# --- signs ----------------------------------------------------------------------------------------


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


def _comparison(sense: int, at_equal: int) -> Callable[[Graph, Any], None]:
    """1 where first - second has the sign `sense`, else 0; `at_equal`: +1 where equal counts."""

    def handle(reading: Graph, node: Any) -> None:
        first = isinstance(reading.values.get(node.input[0]), Value)
        second = isinstance(reading.values.get(node.input[1]), Value)
        if first and second:
            raise NetworkError("both of its inputs depend on the image; one must be a constant")
        value = reading.value(node, 0 if first else 1)
        constant = reading.constant(node, 1 if first else 0)
        number = _without_batch(constant, len(value.shape))
        side = sense if first else -sense
        gap = value.scaled(side, -side * number)
        half = Fraction(1, 2)
        reading.put(node, reading.assembly.sign(gap, at_zero=at_equal).scaled(half, half))

    return handle


def _where(reading: Graph, node: Any) -> None:
    condition = reading.value(node)
    yes, no = (
        _without_batch(reading.constant(node, place), len(condition.shape)) for place in (1, 2)
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
        (lower is not None and lower >= 0)
        or (upper is not None and upper <= 0)
        or not following
        or any(each.op_type not in signs for each in following)
    ):
        raise NetworkError("a clip can be said only around 0, and where nothing but signs follows")
    reading.put(node, reading.value(node))


def _result(reading: Graph, node: Any) -> None:
    """What follows class values and keeps their order."""
    reading.result = reading.value(node)


NODES: Mapping[str, Callable[[Graph, Any], None]] = {
    "Identity": _same,
    "Dropout": _same,
    "Cast": _same,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Pad": _pad,
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
    "Softmax": _result,
    "LogSoftmax": _result,
    "ArgMax": _result,
    "TopK": _result,
}
"""Operator -> what to do with it. Others are refused, unless they read constants only."""
