"""Binarized feed-forward networks: a forward pass whose neuron signs are exact.

The layers are those of `signflip.network.layers`. The paper's networks have an output scale of 1.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers, Signs
from signflip.errors import DataError, NetworkError
from signflip.network.layers import HiddenLayer, OutputLayer

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class BinaryNetwork:
    """A binarized classifier: one or more hidden layers and an output layer.

    Attributes:
        hidden: the hidden layers, first layer first.
        output: the output layer.
        card: what is known of the network (data set, accuracy, seed, ...), as texts.

    Raises:
        NetworkError: a weight is not -1 or +1, a number is not finite, or shapes do not chain.
    """

    hidden: tuple[HiddenLayer, ...]
    output: OutputLayer
    card: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if not self.hidden:
            raise NetworkError("the network has 0 hidden layers; it needs at least 1")
        above = [*(layer.inputs for layer in self.hidden[1:]), self.output.inputs]
        for index, (layer, inputs) in enumerate(zip(self.hidden, above, strict=True)):
            if layer.neurons != inputs:
                raise NetworkError(
                    f"hidden layer {index} has {layer.neurons} neurons, and the layer above it "
                    f"reads {inputs}; shapes must chain"
                )

    @property
    def inputs(self) -> int:
        """Number of input values (784 for MNIST)."""
        return self.hidden[0].inputs

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
        """SHA-256 of everything that decides an answer: shapes, weights, thresholds, scales."""
        digest = hashlib.sha256(repr((self.inputs, self.widths, self.classes)).encode())
        for layer in self.hidden:
            digest.update(layer.weight.tobytes())
            digest.update(layer.threshold.astype("<f8").tobytes())
        digest.update(self.output.weight.tobytes())
        digest.update(self.output.scale.astype("<f8").tobytes())
        digest.update(self.output.bias.astype("<f8").tobytes())
        return digest.hexdigest()

    def activations(self, images: npt.ArrayLike) -> list[Signs]:
        """Activations (N, neurons) int8 of each hidden layer, for images (N, inputs).

        Exact for every finite float64 input.

        Raises:
            DataError: the images have another shape, or a value is not finite.
        """
        signs = [self.hidden[0].signs_of_reals(self._checked_images(images))]
        return self._upper(signs)

    def activations_of_pattern(self, pattern: Signs) -> list[Signs]:
        """Activations of each hidden layer, given those (N, neurons) int8 of the first."""
        return self._upper([pattern])

    def _upper(self, signs: list[Signs]) -> list[Signs]:
        for layer in self.hidden[1:]:
            signs.append(layer.signs_of_signs(signs[-1]))
        return signs

    def forward(self, images: npt.ArrayLike) -> Floats:
        """Class values (N, classes) float64 for images (N, inputs).

        Raises:
            DataError: the images have another shape, or a value is not finite.
        """
        return self.output.values(self.output.sums(self.activations(images)[-1]))

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
        sums = self.output.sums(self.activations(images)[-1])
        if self.output.plain:
            return np.argsort(-sums, axis=1, kind="stable").astype(np.int64)
        ranked = [ranking(self.output.exact_values(row)) for row in sums]
        return np.array(ranked, dtype=np.int64).reshape(len(sums), self.classes)

    def to_torch(self, *, slope: str = "ramp", width: float = 1.0) -> "nn.Module":
        """The network as a PyTorch module, see `signflip.adapters.torch_module.TorchNetwork`.

        Args:
            slope: `ramp` or `straight-through`: where the gradient comes from.
            width: half the width of the linear part of the ramp; 1 is the paper's.

        Raises:
            SettingError: no slope has that name, or the width is out of range.
            MissingExtraError: torch is not installed.
        """
        from signflip.adapters.extra import need

        need("torch", "torch", "network.to_torch()")
        from signflip.adapters.torch_module import to_torch

        return to_torch(self, slope=slope, width=width)

    def _checked_images(self, images: npt.ArrayLike) -> Floats:
        array = np.asarray(images, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != self.inputs:
            raise DataError(
                f"images have shape {array.shape}; this network reads (N, {self.inputs}): reshape "
                "them, for example images.reshape(len(images), -1)"
            )
        if not np.isfinite(array).all():
            row, column = np.argwhere(~np.isfinite(array))[0]
            raise DataError(
                f"images[{row}, {column}] is {array[row, column]}; every value must be finite"
            )
        return array


def ranking(values: list[Fraction]) -> list[int]:
    """Classes from the highest value to the lowest, a tie to the lower index first."""
    integers = [value.numerator for value in values if value.denominator == 1]
    # sorting is stable, in reverse as well; integers compare much faster than fractions
    keys: Sequence[int | Fraction] = integers if len(integers) == len(values) else values
    return sorted(range(len(values)), key=keys.__getitem__, reverse=True)
