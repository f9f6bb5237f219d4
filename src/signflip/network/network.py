"""Binarized feed-forward networks: a forward pass whose neuron signs are exact.

A network is hidden layers (`SignLayer`) and an output (`OutputLayer`). The paper's networks have
dense layers of -1 and +1, an output scale of 1, and inputs in [0, 1].
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers, Signs
from signflip.errors import DataError, NetworkError
from signflip.network.checks import real_numbers
from signflip.network.domains import NUMBERS, propagate
from signflip.network.input_range import UNIT_RANGE, InputRange, check_range
from signflip.network.maps import Dense, Shape, kind_of
from signflip.network.output_layer import OutputLayer
from signflip.network.sign_layer import SignLayer

if TYPE_CHECKING:
    from torch import nn

_AT_ONCE = 2**24
"""Neurons of a layer, of all images together, that are summed at once: some hundred megabytes."""


@dataclass(frozen=True, eq=False)
class BinaryNetwork:
    """A binarized classifier: one or more hidden layers and an output layer.

    Attributes:
        hidden: the hidden layers, first layer first.
        output: the output layer.
        card: what is known of the network (data set, accuracy, seed, ...), as texts.
        input_range: what the inputs are; [0, 1] for the paper's networks.
        input_shape: shape of an image, for pictures: (28, 28), or channels first, (3, 30, 30). None
            for what the first layer says, or a square if that is flat.

    Raises:
        NetworkError: shapes do not chain, or layers, card or range are of another type.
    """

    hidden: tuple[SignLayer, ...]
    output: OutputLayer
    card: Mapping[str, str] = field(default_factory=dict)
    input_range: InputRange = UNIT_RANGE
    input_shape: Shape | None = None

    def __post_init__(self) -> None:
        if isinstance(self.hidden, SignLayer):
            raise NetworkError("hidden is a layer; it must be a tuple of layers, first layer first")
        hidden = tuple(self.hidden) if isinstance(self.hidden, Iterable) else (self.hidden,)
        object.__setattr__(self, "hidden", hidden)
        for index, found in enumerate(hidden):
            if not isinstance(found, SignLayer):
                raise NetworkError(
                    f"hidden layer {index} is {found!r:.60}; it must be a SignLayer, such as "
                    "SignLayer.dense(weight, threshold)"
                )
        if not isinstance(self.output, OutputLayer):
            raise NetworkError(
                f"the output is {self.output!r:.60}; it must be OutputLayer(weight, scale, bias)"
            )
        check_card(self.card)
        check_range(self.input_range)
        if not self.hidden:
            raise NetworkError("the network has 0 hidden layers; it needs at least 1")
        above = [*(layer.inputs for layer in self.hidden[1:]), self.output.inputs]
        for index, (layer, inputs) in enumerate(zip(self.hidden, above, strict=True)):
            if layer.neurons != inputs:
                raise NetworkError(
                    f"hidden layer {index} has {layer.neurons} neurons, and the layer above it "
                    f"reads {inputs}; shapes must chain"
                )
        shape: object = self.input_shape or _image_shape(self.hidden[0].map.input_shape)
        if not isinstance(shape, Iterable) or math.prod(shape) != self.inputs:
            raise NetworkError(
                f"the input shape is {shape}, and the first layer reads {self.inputs} inputs; the "
                "sizes must multiply to that number"
            )
        object.__setattr__(self, "input_shape", tuple(shape))

    @property
    def inputs(self) -> int:
        """Number of input values (784 for MNIST)."""
        return self.hidden[0].inputs

    @property
    def image_shape(self) -> Shape:
        """`input_shape`, which is never None once the network is made."""
        return self.input_shape or (self.inputs,)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.output.classes

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of neurons of each hidden layer."""
        return tuple(layer.neurons for layer in self.hidden)

    @property
    def architecture(self) -> str:
        """The paper's name: `2x100` for equal widths, else the widths, `100-50`."""
        if len(set(self.widths)) == 1:
            return f"{len(self.widths)}x{self.widths[0]}"
        return "-".join(map(str, self.widths))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that decides an answer: weights, thresholds, scales, range."""
        digest = hashlib.sha256(repr((self.inputs, self.widths, self.classes)).encode())
        for layer in self.hidden:
            # a dense layer and a default range say nothing of themselves, as in version 0.1.0
            if not isinstance(layer.map, Dense):
                digest.update(kind_of(layer.map).encode())
            for name, array in layer.map.parts().items():
                if name != "weight":
                    digest.update(name.encode())
                digest.update(array.tobytes())
            digest.update(layer.threshold.astype("<f8").tobytes())
        digest.update(self.output.weight.tobytes())
        digest.update(self.output.scale.astype("<f8").tobytes())
        digest.update(self.output.bias.astype("<f8").tobytes())
        if not self.input_range.default:
            digest.update(repr(self.input_range).encode())
        return digest.hexdigest()

    def activations(self, images: npt.ArrayLike) -> list[Signs]:
        """Activations (N, neurons) int8 of each hidden layer, for images (N, inputs).

        Exact for every finite float64 input.

        Raises:
            DataError: the images have another shape, or a value is not finite.
        """
        return [_joined(parts) for parts in zip(*self._passes(images), strict=True)]

    def activations_of_pattern(self, pattern: Signs) -> list[Signs]:
        """Activations of each hidden layer, given those (N, neurons) int8 of the first.

        Raises:
            DataError: they are of another shape or kind.
        """
        signs = np.asarray(pattern)
        if signs.ndim != 2 or signs.shape[1] != self.widths[0] or signs.dtype != np.int8:
            raise DataError(
                f"the pattern has shape {signs.shape} and is {signs.dtype}; it must be "
                f"(N, {self.widths[0]}) int8, such as network.activations(images)[0]"
            )
        return [pattern, *propagate(self.hidden[1:], NUMBERS, pattern)]

    def forward(self, images: npt.ArrayLike) -> Floats:
        """Class values (N, classes) float64 for images (N, inputs).

        Raises:
            DataError: the images have another shape, or a value is not finite.
        """
        return _joined([self.output.values(each[-1]) for each in self._passes(images)])

    def predict(self, images: npt.ArrayLike) -> Integers:
        """Classes (N,) int64 with the highest value, a tie to the lower index. Exact.

        Raises:
            DataError: the images have another shape, or a value is not finite.
        """
        return self.rankings(images)[:, 0]

    def rankings(self, images: npt.ArrayLike) -> Integers:
        """Classes (N, classes) int64, the highest value first, a tie to the lower index. Exact.

        Raises:
            DataError: the images have another shape, or a value is not finite.
        """
        return _joined([self.output.rankings(each[-1]) for each in self._passes(images)])

    def _passes(self, images: npt.ArrayLike) -> Iterator[list[Signs]]:
        """`activations` of some images at a time: sums take four bytes a neuron and more."""
        array: npt.NDArray[Any] = self._checked_images(images)
        most = max(1, _AT_ONCE // self._widest)
        for start in range(0, max(1, len(array)), most):
            yield propagate(self.hidden, NUMBERS, array[start : start + most])

    @cached_property
    def _widest(self) -> int:
        return max(self.inputs, *self.widths)

    def to_torch(
        self, *, slope: str = "ramp", width: float = 1.0, epsilon: float | None = None
    ) -> "nn.Module":
        """The network as a PyTorch module, see `signflip.adapters.torch_module.TorchNetwork`.

        Args:
            slope: `ramp` or `straight-through`: where the gradient comes from.
            width: half the width of the linear part of the ramp; 1 is the paper's.
            epsilon: radius of the ball that an attack keeps to, which narrows the first layer's
                ramps to what it can use; None for ramps of any image.

        Raises:
            SettingError: no slope has that name, or the width is out of range.
            ProblemError: epsilon is.
            MissingExtraError: torch is not installed.
        """
        from signflip.adapters.extra import need

        need("torch", "torch", "network.to_torch()")
        from signflip.adapters.torch_module import to_torch

        return to_torch(self, slope=slope, width=width, epsilon=epsilon)

    def _checked_images(self, images: npt.ArrayLike) -> Floats:
        array = real_numbers(images, "images")
        if array.ndim != 2 or array.shape[1] != self.inputs:
            if array.shape == (self.inputs,):
                mend = "one image is image[None]"
            elif array.ndim > 2 and array.size == len(array) * self.inputs:
                mend = "reshape them: images.reshape(len(images), -1)"
            else:
                mend = "give images of as many values, or the network that they are for"
            raise DataError(
                f"images have shape {array.shape}; this network reads (N, {self.inputs}): {mend}"
            )
        if not np.isfinite(array).all():
            row, column = np.argwhere(~np.isfinite(array))[0]
            raise DataError(
                f"images[{row}, {column}] is {array[row, column]}; every value must be finite"
            )
        return array


def _joined(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def check_network(network: object) -> None:
    """Refuse what is no network: a name or a file of one, or a module of PyTorch.

    Raises:
        NetworkError: it is none.
    """
    if not isinstance(network, BinaryNetwork):
        raise NetworkError(
            f"the network is {network!r:.60}; it must be a BinaryNetwork, such as "
            "load_network('net.safetensors') gives"
        )


def check_card(card: object) -> None:
    """Refuse what no file can hold as a card: it is of texts alone.

    Raises:
        NetworkError: it is of anything else.
    """
    if not isinstance(card, Mapping) or not all(
        isinstance(text, str) for item in card.items() for text in item
    ):
        raise NetworkError(
            f"the card is {card!r:.60}; it must be texts by their names, such as "
            "{'dataset': 'mnist', 'seed': '7'}"
        )


def _image_shape(shape: Shape) -> Shape:
    """The shape of an image: a square where a flat number of inputs is one."""
    side = math.isqrt(math.prod(shape))
    return (side, side) if len(shape) == 1 and side * side == shape[0] else shape
