"""What a linear map is: a matrix of -1, 0 and +1 that nobody reads but through this.

A hidden layer is a linear map and thresholds; what looks like other layers (convolution, pooling,
input thresholds) is another map. A new map is a class of this interface in a file of its own, and a
line in `signflip.network.maps.MAPS`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers, Signs

Shape = tuple[int, ...]
"""Of an image or of a layer's neurons: (784,), (28, 28), or channels first, (3, 30, 30)."""
Number = TypeVar("Number", bound=np.generic)


class LinearMap(ABC):
    """A matrix (neurons, inputs) of -1, 0 and +1.

    Inputs and neurons are flat, in C order of their shapes.
    """

    @property
    @abstractmethod
    def input_shape(self) -> Shape:
        """Shape of what it reads."""

    @property
    @abstractmethod
    def output_shape(self) -> Shape:
        """Shape of its neurons."""

    @cached_property
    def inputs(self) -> int:
        """Number of inputs."""
        return math.prod(self.input_shape)

    @cached_property
    def neurons(self) -> int:
        """Number of neurons."""
        return math.prod(self.output_shape)

    @property
    @abstractmethod
    def fan_in(self) -> Integers:
        """(neurons,) int64: weights of each row that are not 0.

        A sum of so many signs lies in [-fan_in, fan_in] and has the parity of `fan_in`.
        """

    @cached_property
    def most_read(self) -> int:
        """The largest `fan_in`."""
        return int(self.fan_in.max())

    @abstractmethod
    def apply(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """The sums (N, neurons) of `values` (N, inputs), of the type of the values.

        Of integers they are exact; of floats each is rounded as a sum of `fan_in` terms in some
        order.
        """

    @abstractmethod
    def transpose(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """The matrix read the other way: (N, inputs) for `values` (N, neurons)."""

    @abstractmethod
    def magnitude(self, values: Floats) -> Floats:
        """(neurons,) float64: the sum of `values` (inputs,) over the inputs that a neuron reads."""

    @abstractmethod
    def counts(self, signs: Signs) -> npt.NDArray[np.float32]:
        """The sums (N, neurons) of `signs` (N, inputs) of -1, 0 and 1. Exact."""

    @abstractmethod
    def rows(self, neurons: Integers | slice) -> Signs:
        """(k, inputs) int8: what these neurons read."""

    @abstractmethod
    def columns(self, inputs: Integers | npt.NDArray[np.bool_]) -> Signs:
        """(neurons, k) int8: what reads these inputs."""

    @abstractmethod
    def parts(self) -> Mapping[str, npt.NDArray[Any]]:
        """The arrays that a file keeps: `from_parts` makes the same map of them."""

    @classmethod
    @abstractmethod
    def from_parts(cls, parts: Mapping[str, npt.NDArray[Any]]) -> "LinearMap":
        """The map of a file's arrays.

        Raises:
            NetworkError: they break a rule.
        """
