"""PyTorch modules: a sequence of layers becomes a network.

Read are modules that call their children one after the other: `Linear`, `Conv2d`, batch norms,
`MaxPool2d`, `AvgPool2d`, `Flatten`, `Hardtanh` before a sign, `Dropout`, softmax or sigmoid at the
end, and the layers of BinaryNet.pytorch by their names. A class of your own is a sign where it is
passed as one; anything else is refused by its place.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from signflip.errors import MissingExtraError, NetworkError
from signflip.formats.agreement import CHECKED, check_agreement
from signflip.formats.assembly import Assembly
from signflip.formats.outputs import ORDERED
from signflip.formats.pytorch_run import TorchRuntime
from signflip.formats.value import Value, exact, refuse_infinite
from signflip.network import UNIT_RANGE, BinaryNetwork, InputRange, Shape, check_card, check_range
from signflip.network.maps.windows import Windows

if TYPE_CHECKING:
    from torch import nn

_ARRANGING = ("Dropout", "Dropout2d", "Flatten", "Identity")
"""What leaves class values as they are."""


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
        NetworkError: it is no module, or a child cannot be said exactly; the message names it. Or
            shape, signs, range or card are of another type.
        MissingExtraError: PyTorch is not installed.
    """
    try:
        from torch import nn
    except ImportError as error:
        raise MissingExtraError("torch", "torch", "reading a PyTorch module") from error
    if not isinstance(module, nn.Module):
        raise NetworkError(
            f"the module is {module!r:.60}; it must be an object of torch.nn.Module, such as "
            "torch.nn.Sequential(...)"
        )
    check_range(input_range)
    known: Mapping[str, str] = {} if card is None else card
    check_card(known)
    shape, own = _checked_shape(input_shape), _checked_signs(signs)
    assembly = Assembly(shape, input_range)
    value = assembly.image()
    children = list(_children(module, ""))
    for place, (name, child) in enumerate(children):
        after = ["Sign" if type(each) in own else type(each).__name__ for _, each in children]
        try:
            value = _step(assembly, value, child, after[place + 1 :], own)
        except NetworkError as error:
            kind = type(child).__name__
            raise NetworkError(f"the module {name!r} ({kind} of {value.shape}): {error}") from error
    last = [type(child).__name__ for _, child in children if type(child) not in own]
    ends = [each for each in last if each in ORDERED.values()]
    network = assembly.finish(value, dict(known), after=ends[-1] if ends else None)
    compared = _compared(network, module, shape, least=0.5 if "Sigmoid" in last else 0.0)
    return replace(network, card={**network.card, CHECKED: compared})


def _compared(network: BinaryNetwork, module: "nn.Module", shape: Shape, least: float) -> str:
    """What the network and the module were compared on, for the card."""
    failure = ""
    # a module that makes numbers itself, by `torch.where(x >= 0, 1.0, -1.0)`, runs in float32 alone
    for double, name in ((True, "PyTorch"), (False, "PyTorch in float32")):
        try:
            runtime = TorchRuntime(module, shape, least, double=double)
            return check_agreement(network, runtime, name)
        except (RuntimeError, TypeError, ValueError, AttributeError) as error:  # of a user's module
            failure = failure or str(error)
    return f"not compared: the module cannot run ({failure})"


def _checked_shape(shape: Any) -> Shape:
    sizes = tuple(shape) if isinstance(shape, Iterable) else ()
    if not sizes or not all(isinstance(size, int | np.integer) and size >= 1 for size in sizes):
        raise NetworkError(
            f"input_shape is {shape!r}; it must be the shape of one image, whole numbers from 1: "
            "(784,) or (3, 32, 32)"
        )
    return tuple(int(size) for size in sizes)


def _checked_signs(signs: Any) -> dict[type, int]:
    own: Any = {} if signs is None else signs
    if not isinstance(own, Mapping):
        raise NetworkError(
            f"signs is {signs!r:.60}; it must be such as {{Sign: 1}}: class of modules -> what it "
            "answers at 0"
        )
    for kind, at_zero in own.items():
        if not isinstance(kind, type) or at_zero not in (1, -1, 0):
            raise NetworkError(
                f"signs has {kind!r}: {at_zero!r}; it must name classes of modules, and for each "
                "what it answers at 0: 1, -1 or 0"
            )
    return dict(own)


def _children(module: "nn.Module", name: str) -> Iterator[tuple[str, "nn.Module"]]:
    """Modules without children of their own, in order; and those that have a rule."""
    if type(module).__name__ in RULES or not any(True for _ in module.children()):
        yield name or "module", module
        return
    # unlike `named_children`, which leaves out a module that comes again
    for inner, child in module._modules.items():
        if child is None:
            continue
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
    refuse_infinite(numbers, "one of its numbers is", "every one must be finite")
    return numbers


Rule = Callable[[Assembly, Value, Any, list[str]], Value]


def _linear(assembly: Assembly, value: Value, child: Any, _after: list[str]) -> Value:
    made = assembly.linear(value.arranged((value.size,)), _array(child.weight))
    return made if child.bias is None else made.scaled(1, exact(_array(child.bias)))


def _conv(assembly: Assembly, value: Value, child: Any, _after: list[str]) -> Value:
    if child.padding_mode != "zeros":
        raise NetworkError(f"its padding is of {child.padding_mode}; only zeros can be read")
    made = assembly.conv2d(
        value,
        _array(child.weight),
        stride=tuple(child.stride),
        padding=_padding(child),
        dilation=tuple(child.dilation),
        groups=int(child.groups),
    )
    return made if child.bias is None else made.scaled(1, exact(_array(child.bias))[:, None, None])


def _padding(child: Any) -> tuple[int, int, int, int]:
    """Rows and columns of zeros above, left, below and right; the odd ones of `same` come after."""
    if child.padding == "valid":
        return 0, 0, 0, 0
    if child.padding == "same":
        lacking = [
            apart * (size - 1)
            for apart, size in zip(child.dilation, child.kernel_size, strict=True)
        ]
        top, left = (each // 2 for each in lacking)
        return top, left, lacking[0] - top, lacking[1] - left
    down, right = child.padding
    return down, right, down, right


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

    if len(value.shape) != 3:
        raise NetworkError("only pooling of (channels, rows, columns)")
    down, right = pair(child.padding)
    made = Windows(
        image=value.shape[1:],
        kernel=pair(child.kernel_size),
        stride=pair(child.stride),
        padding=(down, right, down, right),
        dilation=pair(getattr(child, "dilation", 1)),
    )
    if child.ceil_mode:
        made.need_whole()
    return made


def _max_pool(assembly: Assembly, value: Value, child: Any, _after: list[str]) -> Value:
    return assembly.max_pool(value, _windows(value, child))


def _average_pool(assembly: Assembly, value: Value, child: Any, _after: list[str]) -> Value:
    windows = _windows(value, child)
    over = child.divisor_override or (windows.taps if child.count_include_pad else None)
    return assembly.average_pool(value, windows, over)


def _adaptive_pool(assembly: Assembly, value: Value, child: Any, _after: list[str]) -> Value:
    if child.output_size not in (1, (1, 1)) or len(value.shape) != 3:
        raise NetworkError(
            "only the mean of each channel, output_size 1, of (channels, rows, columns)"
        )
    return assembly.channel_means(value)


def _flatten(_assembly: Assembly, value: Value, child: Any, _after: list[str]) -> Value:
    if child.start_dim != 1 or child.end_dim not in (-1, len(value.shape)):
        raise NetworkError("it joins the images, or leaves axes apart; it must be nn.Flatten()")
    return value.arranged((value.size,))


def _same(_assembly: Assembly, value: Value, _child: Any, _after: list[str]) -> Value:
    return value


def _hardtanh(_assembly: Assembly, value: Value, child: Any, after: list[str]) -> Value:
    """A clip around 0 changes no sign; in BinaryNet.pytorch the next layer signs its input."""
    following = [each for each in after if each not in _ARRANGING]
    if child.min_val >= 0 or child.max_val <= 0:
        raise NetworkError(f"it clips to [{child.min_val}, {child.max_val}], not around 0")
    if not following or following[0] not in ("Sign", "BinarizeLinear", "BinarizeConv2d"):
        raise NetworkError("a clip can be said only where a sign follows at once")
    if (following[0] == "BinarizeLinear" and value.size == 784) or (
        following[0] == "BinarizeConv2d" and value.shape[0] == 3
    ):
        raise NetworkError(
            f"{following[0]} signs no values of shape {value.shape}, so that the clip remains"
        )
    return value


def _keeps_order(value: Value, after: list[str]) -> Value:
    """Class values before a function that rises with each of them, at the end."""
    following = [each for each in after if each not in _ARRANGING]
    if following:
        raise NetworkError(
            f"it is followed by {following[0]}, which reads its values; there is an exact form "
            "only of one of the class values, at the end"
        )
    return value


def _sigmoid(_assembly: Assembly, value: Value, _child: Any, after: list[str]) -> Value:
    return _keeps_order(value, after)


def _softmax(_assembly: Assembly, value: Value, child: Any, after: list[str]) -> Value:
    axes = 1 + len(value.shape)
    # without a dim, PyTorch takes the first axis of some arrays: that of the images
    dim = child.dim if child.dim is not None else int(axes not in (1, 3))
    if dim % axes == 0 or value.shape[dim % axes - 1] != value.size or value.size == 1:
        raise NetworkError(
            f"it is over the axis {child.dim} of images of shape {value.shape}; there is an exact "
            "form only of one over all of at least 2 class values"
        )
    return _keeps_order(value, after)


class _Signed:
    """A layer whose weights are the signs of its own."""

    def __init__(self, child: Any) -> None:
        import torch

        self._child = child
        _array(child.weight)  # the sign of an infinite one would be finite
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
    "AdaptiveAvgPool2d": _adaptive_pool,
    "Flatten": _flatten,
    "Dropout": _same,
    "Dropout2d": _same,
    "Identity": _same,
    "LogSoftmax": _softmax,
    "Softmax": _softmax,
    "Sigmoid": _sigmoid,
    "Hardtanh": _hardtanh,
    "BinarizeLinear": _binarize_linear,
    "BinarizeConv2d": _binarize_conv,
}
"""Name of a module's class -> what it means. Another is a function and a line."""
