"""The steps of an array description: each says what one thing of a file means."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from signflip.errors import NetworkError
from signflip.formats.assembly import Assembly
from signflip.formats.value import Exact, Value, exact, refuse_infinite
from signflip.network import Shape
from signflip.network.maps.windows import Windows


class Arrays:
    """The arrays of a file."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        if name not in self._arrays:
            few = ", ".join(sorted(self._arrays)[:12])
            raise NetworkError(f"there is no array {name!r}; there are {few}")
        array = self._arrays[name]
        if array.dtype.kind not in "biuf":
            raise NetworkError(f"the array {name!r} is {array.dtype}; it must be real numbers")
        if array.dtype.itemsize > 8:
            raise NetworkError(
                f"the array {name!r} is {array.dtype}; numbers may have 64 bits at most: "
                "array.astype(float)"
            )
        refuse_infinite(array, f"the array {name!r} holds")
        return array

    def weight(self, name: str, axes: int, values: str) -> npt.NDArray[Any]:
        """Weights of so many axes, as the numbers that they mean."""
        array = self[name]
        if array.ndim != axes or not array.size:
            raise NetworkError(
                f"the weight {name!r} has shape {array.shape}; it must have {axes} axes, and none "
                "of them empty"
            )
        return _weight(array, values)

    def bias(self, name: str, length: int) -> Exact:
        """What is added, a number for each neuron or filter."""
        array = self[name]
        if array.shape not in ((length,), (1,), ()):
            raise NetworkError(
                f"the bias {name!r} has shape {array.shape}; it must have {length} entries, or one "
                "for all"
            )
        return exact(np.broadcast_to(array, (length,)))


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _weight(array: npt.NDArray[Any], values: str) -> npt.NDArray[Any]:
    """Weights as the numbers that they mean."""
    if values == "numbers":
        return array.astype(np.float64)
    if values == "latent":
        return np.where(array >= 0, 1.0, -1.0)
    if not np.all((array == 0) | (array == 1)):
        raise NetworkError("weights are stated to be bits, and some are neither 0 nor 1")
    return 2.0 * array - 1.0


Values = Literal["numbers", "bits", "latent"]


class DenseStep(_Step):
    """Sums of all values.

    Attributes:
        weight: array of the weights.
        bias: array of what is added, or None.
        layout: which axis of the weight is which.
        values: what its numbers are: themselves, bits (1 for +1, 0 for -1), or latent numbers of
            which the sign counts (0 as +1).
        pad_columns: how many inputs of the weight beyond the values there may be, which are
            constant 0 and dropped.
    """

    kind: Literal["dense"]
    weight: str
    bias: str | None = None
    layout: Literal["out in", "in out"] = "out in"
    values: Values = "numbers"
    pad_columns: int = 0

    def apply(self, assembly: Assembly, value: Value, arrays: Arrays) -> Value:
        """The next value."""
        weight = arrays.weight(self.weight, 2, self.values)
        rows = weight if self.layout == "out in" else weight.T
        if self.pad_columns and rows.shape[1] == value.size + self.pad_columns:
            rows = rows[:, : value.size]
        made = assembly.linear(value.arranged((value.size,)), rows)
        return made if self.bias is None else made.scaled(1, arrays.bias(self.bias, len(rows)))


class ConvStep(_Step):
    """A convolution; `weight` is (filters, channels / groups, height, width)."""

    kind: Literal["conv2d"]
    weight: str
    bias: str | None = None
    values: Values = "numbers"
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1

    def apply(self, assembly: Assembly, value: Value, arrays: Arrays) -> Value:
        """The next value."""
        weight = arrays.weight(self.weight, 4, self.values)
        made = assembly.conv2d(
            value,
            weight,
            stride=self.stride,
            padding=self.padding,
            groups=self.groups,
        )
        if self.bias is None:
            return made
        return made.scaled(1, arrays.bias(self.bias, len(weight))[:, None, None])


class BatchNormStep(_Step):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, an entry for each channel."""

    kind: Literal["batch_norm"]
    mean: str
    variance: str
    gamma: str | None = None
    beta: str | None = None
    epsilon: float

    def apply(self, assembly: Assembly, value: Value, arrays: Arrays) -> Value:
        """The next value."""
        del assembly
        channels = value.shape[0] if value.shape else 1

        def entries(name: str) -> npt.NDArray[Any]:
            array = arrays[name]
            if array.size not in (channels, 1) or array.squeeze().ndim > 1:
                raise NetworkError(
                    f"the array {name!r} has shape {array.shape}; it must have an entry for each "
                    f"of {channels} channels, or one for all"
                )
            return np.broadcast_to(array.ravel(), (channels,))

        variance = entries(self.variance).astype(np.float64) + self.epsilon
        if not np.all(variance > 0):
            raise NetworkError(f"a variance is {variance.min()}; it must be above 0")
        gamma = exact(entries(self.gamma)) if self.gamma else exact(np.ones(channels))
        factor = gamma / exact(np.sqrt(variance))
        offset = -factor * exact(entries(self.mean))
        if self.beta:
            offset = offset + exact(entries(self.beta))
        shape = (-1, *(1,) * (len(value.shape) - 1))
        return value.scaled(factor.reshape(shape), offset.reshape(shape))


class AffineStep(_Step):
    """scale x + shift, by numbers."""

    kind: Literal["affine"]
    scale: float = 1.0
    shift: float = 0.0

    def apply(self, assembly: Assembly, value: Value, arrays: Arrays) -> Value:
        """The next value."""
        del assembly, arrays
        return value.scaled(self.scale, self.shift)


class SignStep(_Step):
    """The sign; `at_zero` is what it answers at 0."""

    kind: Literal["sign"]
    at_zero: Literal[1, -1, 0]

    def apply(self, assembly: Assembly, value: Value, arrays: Arrays) -> Value:
        """The next value."""
        del arrays
        return assembly.sign(value, at_zero=self.at_zero)


class ThresholdStep(_Step):
    """+1 where a sum, or a number of matches, compares with a threshold.

    Attributes:
        threshold: its array, an entry for each value, or for each channel of values of shape
            (channels, rows, columns).
        of: whether the threshold is of the sum, or of the number of inputs that match their weight
            (popcount of XNOR): a sum is 2 matches - inputs.
        compare: `>=` or `>`.
    """

    kind: Literal["threshold"]
    threshold: str
    of: Literal["sum", "matches"]
    compare: Literal[">=", ">"]

    def apply(self, assembly: Assembly, value: Value, arrays: Arrays) -> Value:
        """The next value."""
        level = self._levels(arrays[self.threshold], value.shape)
        if self.of == "matches":
            value.refuse_maximum()
            level = 2 * level - exact(np.diff(value.matrix.indptr)).reshape(value.shape)
        return assembly.sign(value.scaled(1, -level), at_zero=1 if self.compare == ">=" else -1)

    def _levels(self, array: npt.NDArray[Any], shape: Shape) -> Exact:
        """The thresholds of values of a shape."""
        entries = array.squeeze()
        # in another order of axes they would be those of other values
        if array.size == math.prod(shape) and (array.shape == shape or entries.ndim < 2):
            return exact(array.reshape(shape))
        if len(shape) == 3 and array.size == shape[0] and entries.ndim < 2:
            return exact(np.broadcast_to(array.reshape(-1, 1, 1), shape))
        channels = f", or {shape[0]}, one for each channel" if len(shape) == 3 else ""
        raise NetworkError(
            f"the threshold {self.threshold!r} has shape {array.shape}; values of shape {shape} "
            f"have {math.prod(shape)} entries{channels}"
        )


class MaxPoolStep(_Step):
    """The maximum of windows of each channel."""

    kind: Literal["max_pool"]
    size: tuple[int, int]
    stride: tuple[int, int] | None = None
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def apply(self, assembly: Assembly, value: Value, arrays: Arrays) -> Value:
        """The next value."""
        del arrays
        if len(value.shape) != 3:
            raise NetworkError(f"values of shape {value.shape} have no windows; reshape them")
        windows = Windows(
            image=value.shape[1:],
            kernel=self.size,
            stride=self.stride or self.size,
            padding=self.padding,
        )
        return assembly.max_pool(value, windows)


class ReshapeStep(_Step):
    """Another shape, in C order; `axes` brings the old axes into another order before."""

    kind: Literal["reshape"]
    shape: tuple[int, ...]
    axes: tuple[int, ...] | None = None

    def apply(self, assembly: Assembly, value: Value, arrays: Arrays) -> Value:
        """The next value."""
        del assembly, arrays
        if self.axes is not None:
            if sorted(self.axes) != list(range(len(value.shape))):
                raise NetworkError(f"axes are {self.axes}, of values of shape {value.shape}")
            value = value.transposed(self.axes)
        return value.arranged(self.shape)


Step = Annotated[
    DenseStep
    | ConvStep
    | BatchNormStep
    | AffineStep
    | SignStep
    | ThresholdStep
    | MaxPoolStep
    | ReshapeStep,
    Field(discriminator="kind"),
]
"""Any step; a new one is a class and a line."""
