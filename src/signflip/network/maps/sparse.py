"""Maps whose neurons read few inputs: a sparse matrix, kept as its own or made of a description."""

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers, Signs
from signflip.errors import NetworkError
from signflip.network.maps.blocks import Blocks
from signflip.network.maps.checks import checked_shape, checked_signs, frozen
from signflip.network.maps.linear_map import LinearMap, Number, Shape

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array


MANY = 2**16
"""Weights from which on sums are made by blocks: to find these costs more than a small product."""


class SparseMap(LinearMap):
    """A map that does its sums through a sparse matrix, or through dense blocks of it."""

    @cached_property
    @abstractmethod
    def matrix(self) -> "csr_array":
        """(neurons, inputs) int8 in rows, indices sorted, no entry of 0."""

    @cached_property
    def fan_in(self) -> Integers:
        """See `LinearMap.fan_in`."""
        return frozen(np.diff(self.matrix.indptr).astype(np.int64))

    def blocks(self) -> Blocks:
        """The matrix as dense blocks, and the rest of it."""
        return Blocks.of(self.matrix)

    @cached_property
    def _plain(self) -> Blocks:
        return Blocks((), self.matrix)

    @cached_property
    def _fast(self) -> Blocks:
        return self.blocks() if self.matrix.nnz >= MANY else self._plain

    @cached_property
    def by_columns(self) -> "csc_array":
        """The same in columns."""
        return self.matrix.tocsc()

    def apply(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """See `LinearMap.apply`."""
        return self._for(values).apply(values)

    def transpose(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """See `LinearMap.transpose`."""
        return self._for(values).transpose(values)

    def _for(self, values: npt.NDArray[Any]) -> Blocks:
        # dense products of whole numbers are slow
        return self._fast if np.issubdtype(values.dtype, np.floating) else self._plain

    def magnitude(self, values: Floats) -> Floats:
        """See `LinearMap.magnitude`."""
        sums: Floats = abs(self.matrix) @ values
        return sums

    def counts(self, signs: Signs) -> npt.NDArray[np.float32]:
        """See `LinearMap.counts`."""
        return self._fast.apply(signs.astype(np.float32))

    def rows(self, neurons: Integers | slice) -> Signs:
        """See `LinearMap.rows`."""
        rows: Signs = self.matrix[neurons].toarray()
        return rows

    def columns(self, inputs: Integers | npt.NDArray[np.bool_]) -> Signs:
        """See `LinearMap.columns`."""
        columns: Signs = self.by_columns[:, np.arange(self.inputs)[inputs]].toarray()
        return columns


def as_matrix(layer: LinearMap) -> "csr_array":
    """(neurons, inputs) int8, the weights of any map in rows."""
    from scipy.sparse import csr_array

    return layer.matrix if isinstance(layer, SparseMap) else csr_array(layer.rows(slice(None)))


class Sparse(SparseMap):
    """A sparse matrix of weights.

    Args:
        matrix: (neurons, inputs), a `scipy.sparse` array or matrix; each entry -1 or +1.
        input_shape: shape of what it reads; None for (inputs,).

    Raises:
        NetworkError: a weight is another number, or the shape is.
    """

    def __init__(self, matrix: Any, input_shape: Shape | None = None) -> None:
        from scipy.sparse import csr_array

        # a copy, in which duplicates add up without overflow
        made = csr_array(matrix).astype(np.float64, copy=True)
        made.sum_duplicates()
        made.eliminate_zeros()
        if len(made.shape) != 2 or 0 in made.shape:
            raise NetworkError(
                f"a sparse map has shape {made.shape}; it must be (neurons, inputs), both at least "
                "1"
            )
        signs = checked_signs(made.data, "sparse map entry")
        self._matrix = csr_array((signs, made.indices, made.indptr), shape=made.shape)
        self._shape = checked_shape(input_shape or made.shape[1:], "the sparse map's input shape")
        if np.prod(self._shape) != made.shape[1]:
            raise NetworkError(
                f"a sparse map has input shape {self._shape} and {made.shape[1]} columns; their "
                "numbers must agree"
            )

    @classmethod
    def selection(cls, inputs: int, chosen: npt.ArrayLike) -> "Sparse":
        """Neuron j reads only input `chosen[j]`: what thresholds of an input are made of."""
        index = np.asarray(chosen, dtype=np.int64)
        return cls._of_pairs(np.arange(len(index)), index, (len(index), inputs))

    @classmethod
    def totals(cls, group: npt.ArrayLike, neurons: int) -> "Sparse":
        """Neuron j is the sum of the inputs i with `group[i] == j`."""
        index = np.asarray(group, dtype=np.int64)
        return cls._of_pairs(index, np.arange(len(index)), (neurons, len(index)))

    @classmethod
    def _of_pairs(cls, rows: Integers, columns: Integers, shape: tuple[int, int]) -> "Sparse":
        from scipy.sparse import coo_array

        return cls(coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=shape))

    @property
    def matrix(self) -> "csr_array":
        """See `SparseMap.matrix`."""
        return self._matrix

    @property
    def input_shape(self) -> Shape:
        """See `LinearMap.input_shape`."""
        return self._shape

    @property
    def output_shape(self) -> Shape:
        """(neurons,)."""
        return (int(self._matrix.shape[0]),)

    def parts(self) -> Mapping[str, npt.NDArray[Any]]:
        """Compressed rows: `sign` int8 and `index` of each entry, `start` of each row; shape."""
        return {
            "sign": self._matrix.data,
            "index": self._matrix.indices.astype(np.int32),
            "start": self._matrix.indptr.astype(np.int64),
            "input_shape": np.array(self._shape, dtype=np.int64),
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, npt.NDArray[Any]]) -> "Sparse":
        """See `LinearMap.from_parts`."""
        from scipy.sparse import csr_array

        shape = checked_shape(parts["input_shape"], "the sparse map's input shape")
        sign, index, start = parts["sign"], parts["index"], parts["start"]
        inputs = int(np.prod(shape))
        lengths = np.diff(start)
        if (
            start.ndim != 1
            or len(start) < 2
            or start[0] != 0
            or start[-1] != len(index)
            or len(sign) != len(index)
            or lengths.min() < 0
            or (len(index) and not 0 <= int(index.min()) <= int(index.max()) < inputs)
        ):
            raise NetworkError(
                "a sparse map's rows do not fit its entries: `start` must rise from 0 to the "
                "number of entries, and every `index` must be one of an input"
            )
        return cls(csr_array((sign, index, start), shape=(len(start) - 1, inputs)), shape)
