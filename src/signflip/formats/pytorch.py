"""PyTorch modules: a sequence of layers becomes a network.

Read are modules that call their children one after the other: `Linear`, `Conv2d`, batch norms,
`MaxPool2d`, `AvgPool2d`, `Flatten`, `Hardtanh` before a sign, `Dropout`, softmax at the end, and
the layers of BinaryNet.pytorch by their names. A class of your own is a sign where it is passed as
one; anything else is refused by its place.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers
from signflip.errors import MissingExtraError, NetworkError
from signflip.formats.agreement import CHECKED, check_agreement
from signflip.formats.assembly import Assembly
from signflip.formats.value import Value, exact
from signflip.network import UNIT_RANGE, BinaryNetwork, InputRange, Shape
from signflip.network.maps.windows import Windows

if TYPE_CHECKING:
    from torch import nn


def from_torch(
    module: "nn.Module",
    input_shape: Shape,
    *,
    signs: Mapping[type, int] | None = None,
    input_range: InputRange = UNIT_RANGE,
    card: Mapping[str, str] | None = None,
) -> BinaryNetwork:
    """The network that a module computes in evaluation.

    Args:
        module: its children are called in their order; containers are opened.
        input_shape: shape of one image, channels first: (784,) or (3, 32, 32).
        signs: module class -> what its sign of 0 is (1, -1 or 0), for activations of your own.
        input_range: what the inputs are.
        card: what is known of the network.

    Raises:
        NetworkError: a child cannot be said exactly; the message names it.
        MissingExtraError: PyTorch is not installed.
    """
    try:
        import torch  # noqa: F401 - the rules below need it
    except ImportError as error:
        raise MissingExtraError("torch", "torch", "reading a PyTorch module") from error
    assembly = Assembly(tuple(input_shape), input_range)
    value = assembly.image()
    children = list(_children(module, ""))
    own = {} if signs is None else dict(signs)
    for place, (name, child) in enumerate(children):
        after = ["Sign" if type(each) in own else type(each).__name__ for _, each in children]
        try:
            value = _step(assembly, value, child, after[place + 1 :], own)
        except NetworkError as error:
            kind = type(child).__name__
            raise NetworkError(f"the module {name!r} ({kind} of {value.shape}): {error}") from error
    network = assembly.finish(value, dict(card or {}))
    runtime = _TorchRuntime(module, tuple(input_shape))
    try:
        compared = check_agreement(network, runtime, "PyTorch")
    except (RuntimeError, TypeError, ValueError) as error:  # what a user's module may raise
        compared = f"not compared: the module cannot run ({error})"
    return replace(network, card={**network.card, CHECKED: compared})


class _TorchRuntime:
    """A module in evaluation, on a copy in float64."""

    def __init__(self, module: "nn.Module", shape: Shape) -> None:
        self.dtype: np.dtype[Any] = np.dtype(np.float64)
        self._module = copy.deepcopy(module).double().cpu().eval()
        self._shape = shape

    def read(self, images: Floats) -> Floats:
        """The images as they are."""
        return images

    def predict(self, images: Floats) -> Integers:
        """Classes (N,) of images (N, inputs) float64."""
        import torch

        with torch.no_grad():
            values = self._module(torch.from_numpy(images).reshape(-1, *self._shape))
        array: Floats = values.reshape(len(images), -1).numpy()
        classes = array[:, 0] >= 0 if array.shape[1] == 1 else array.argmax(axis=1)
        return classes.astype(np.int64)


def _children(module: "nn.Module", name: str) -> Iterator[tuple[str, "nn.Module"]]:
    """Modules without children of their own, in order; and those that have a rule."""
    if type(module).__name__ in RULES or not any(True for _ in module.children()):
        yield name or "module", module
        return
    for inner, child in module.named_children():
        yield from _children(child, f"{name}.{inner}" if name else inner)


def _step(
    assembly: Assembly,
    value: Value,
    child: "nn.Module",
    after: list[str],
    signs: dict[type, int],
) -> Value:
    if type(child) in signs:
        return assembly.sign(value, at_zero=signs[type(child)])
    rule = RULES.get(type(child).__name__)
    if rule is None:
        raise NetworkError(
            f"there is no exact form of {type(child).__name__}; if it is a sign, say what it "
            f"answers at 0: signs={{{type(child).__name__}: 1}}"
        )
    return rule(assembly, value, child, after)


def _array(tensor: Any) -> npt.NDArray[np.float64]:
    numbers: npt.NDArray[np.float64] = tensor.detach().cpu().double().numpy()
    return numbers


Rule = Callable[[Assembly, Value, Any, list[str]], Value]


def _linear(assembly: Assembly, value: Value, child: Any, _after: list[str]) -> Value:
    made = assembly.linear(value.arranged((value.size,)), _array(child.weight))
    return made if child.bias is None else made.scaled(1, exact(_array(child.bias)))


def _conv(assembly: Assembly, value: Value, child: Any, _after: list[str]) -> Value:
    if child.padding_mode != "zeros" or isinstance(child.padding, str):
        raise NetworkError(f"its padding is {child.padding!r} of {child.padding_mode}, not zeros")
    down, right = child.padding
    made = assembly.conv2d(
        value,
        _array(child.weight),
        stride=tuple(child.stride),
        padding=(down, right, down, right),
        dilation=tuple(child.dilation),
        groups=int(child.groups),
    )
    return made if child.bias is None else made.scaled(1, exact(_array(child.bias))[:, None, None])


def _batch_norm(_assembly: Assembly, value: Value, child: Any, _after: list[str]) -> Value:
    if child.running_mean is None:
        raise NetworkError("it normalises each batch by itself (track_running_stats=False)")
    root = exact(np.sqrt(_array(child.running_var) + float(child.eps)))
    factor = 1 / root
    offset = exact(np.zeros(len(root)))
    if child.affine:
        factor, offset = factor * exact(_array(child.weight)), exact(_array(child.bias))
    offset = offset - factor * exact(_array(child.running_mean))
    shape = (-1, *(1,) * (len(value.shape) - 1))
    return value.scaled(factor.reshape(shape), offset.reshape(shape))


def _windows(value: Value, child: Any) -> Windows:
    def pair(number: Any) -> tuple[int, int]:
        return (int(number), int(number)) if isinstance(number, int) else (number[0], number[1])

    if len(value.shape) != 3 or child.ceil_mode:
        raise NetworkError("only pooling of (channels, rows, columns), with whole windows")
    down, right = pair(child.padding)
    return Windows(
        image=value.shape[1:],
        kernel=pair(child.kernel_size),
        stride=pair(child.stride),
        padding=(down, right, down, right),
        dilation=pair(getattr(child, "dilation", 1)),
    )


def _max_pool(assembly: Assembly, value: Value, child: Any, _after: list[str]) -> Value:
    return assembly.max_pool(value, _windows(value, child))


def _average_pool(assembly: Assembly, value: Value, child: Any, _after: list[str]) -> Value:
    windows = _windows(value, child)
    if any(windows.padding) and child.count_include_pad:
        raise NetworkError("it counts the padding (count_include_pad)")
    return assembly.average_pool(value, windows)


def _flatten(_assembly: Assembly, value: Value, _child: Any, _after: list[str]) -> Value:
    return value.arranged((value.size,))


def _same(_assembly: Assembly, value: Value, _child: Any, _after: list[str]) -> Value:
    return value


def _hardtanh(_assembly: Assembly, value: Value, child: Any, after: list[str]) -> Value:
    """A clip around 0 changes no sign; in BinaryNet.pytorch the next layer signs its input."""
    following = [each for each in after if each not in ("Dropout", "Dropout2d", "Identity")]
    if child.min_val >= 0 or child.max_val <= 0:
        raise NetworkError(f"it clips to [{child.min_val}, {child.max_val}], not around 0")
    if not following or following[0] not in ("Sign", "BinarizeLinear", "BinarizeConv2d"):
        raise NetworkError("a clip can be said only where a sign follows at once")
    return value


class _Signed:
    """A layer whose weights are the signs of its own."""

    def __init__(self, child: Any) -> None:
        import torch

        self._child = child
        self.weight = torch.sign(child.weight)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._child, name)


def _binarize_linear(assembly: Assembly, value: Value, child: Any, after: list[str]) -> Value:
    """BinaryNet.pytorch signs weights and, unless they are 784, inputs; sign(0) = 0."""
    read = value if value.size == 784 else assembly.sign(value, at_zero=0)
    return _linear(assembly, read, _Signed(child), after)


def _binarize_conv(assembly: Assembly, value: Value, child: Any, after: list[str]) -> Value:
    """The same, for inputs of other than 3 channels."""
    read = value if value.shape[0] == 3 else assembly.sign(value, at_zero=0)
    return _conv(assembly, read, _Signed(child), after)


RULES: Mapping[str, Rule] = {
    "Linear": _linear,
    "Conv2d": _conv,
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "MaxPool2d": _max_pool,
    "AvgPool2d": _average_pool,
    "Flatten": _flatten,
    "Dropout": _same,
    "Dropout2d": _same,
    "Identity": _same,
    "LogSoftmax": _same,
    "Softmax": _same,
    "Hardtanh": _hardtanh,
    "BinarizeLinear": _binarize_linear,
    "BinarizeConv2d": _binarize_conv,
}
"""Name of a module's class -> what it means. Another is a function and a line."""
