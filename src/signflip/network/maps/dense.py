"""A map whose neurons may read every input: a matrix as it is."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers, Signs
from signflip.blas import quiet
from signflip.errors import NetworkError
from signflip.network.maps.bit_rows import BitRows
from signflip.network.maps.checks import checked_signs, frozen
from signflip.network.maps.linear_map import LinearMap, Number, Shape

MOST_COPIED = 2**19
"""Weights up to which a matrix is kept as floats too, whose products with few rows are fastest."""
_AT_ONCE = 128
"""Neurons of a larger one whose weights are made floats together: few enough for the cache."""
_TILE, _AS_THEY_ARE, _RESULTS = 16, 10**6, 2**10
"""OpenBLAS takes matrices as they are up to so many multiplications and results; it packs larger
ones first. With four to sixteen rows of values, as a gradient's first points are, that takes two
to six times as long: then fewer neurons go together, by tiles of its kernels."""


class Dense(LinearMap):
    """A matrix of weights: a byte each, and a bit where signs are summed.

    Args:
        weight: (neurons, inputs), each -1, 0 or +1.
        where: what to call it in errors.

    Raises:
        NetworkError: a weight is another number, or the shape is.
    """

    def __init__(self, weight: npt.ArrayLike, where: str = "hidden layer weight") -> None:
        array = np.asarray(weight)
        if array.ndim != 2 or 0 in array.shape:
            raise NetworkError(
                f"{where} has shape {array.shape}; it must be (neurons, inputs), both at least 1"
            )
        self._weight = checked_signs(array, where)

    @property
    def input_shape(self) -> Shape:
        """(inputs,)."""
        return (int(self._weight.shape[1]),)

    @property
    def output_shape(self) -> Shape:
        """(neurons,)."""
        return (int(self._weight.shape[0]),)

    @cached_property
    def fan_in(self) -> Integers:
        """See `LinearMap.fan_in`."""
        counts: Integers = np.count_nonzero(self._weight, axis=1).astype(np.int64)
        return frozen(counts)

    @cached_property
    def _full(self) -> bool:
        return bool((self.fan_in == self.inputs).all())

    @property
    def _small(self) -> bool:
        return self._weight.size <= MOST_COPIED

    @cached_property
    def _bits(self) -> BitRows:
        return BitRows(self._weight, self.fan_in)

    @cached_property
    def _float64(self) -> Floats:
        # a view of a copy: a transposed copy takes ten times as long, and products no less
        return self._weight.astype(np.float64).T

    @cached_property
    def _float32(self) -> npt.NDArray[np.float32]:
        return self._weight.astype(np.float32).T

    def _as(self, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """The weights (inputs, neurons) in a type whose products are fast."""
        if dtype == np.float64:
            return self._float64
        return self._float32 if dtype == np.float32 else self._weight.T.astype(dtype)

    def apply(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """See `LinearMap.apply`."""
        sums: npt.NDArray[Number]
        together = self._together(len(values))
        if self._small and together == self.neurons:
            with quiet():
                sums = values @ self._as(values.dtype)
            return sums
        sums = np.empty((len(values), self.neurons), dtype=values.dtype)
        with quiet():
            for block in self._blocks(together):
                sums[:, block] = values @ self._block_as(block, values.dtype)
        return sums

    def _block_as(self, block: slice, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """The weights (inputs, k) of some neurons in a type whose products are fast."""
        kept = self._small and dtype.kind == "f"  # others are converted anew each time
        return self._as(dtype)[:, block] if kept else self._weight[block].T.astype(dtype)

    def transpose(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """See `LinearMap.transpose`."""
        sums: npt.NDArray[Number]
        if self._small:
            with quiet():
                sums = values @ self._as(values.dtype).T
            return sums
        sums = np.zeros((len(values), self.inputs), dtype=values.dtype)
        with quiet():
            for block in self._blocks(self._together(len(values))):
                np.add(sums, values[:, block] @ self._weight[block].astype(values.dtype), out=sums)
        return sums

    def _together(self, rows: int) -> int:
        """Neurons whose products with so many rows of values are made at once."""
        most = self.neurons if self._small else _AT_ONCE
        if rows < 2 or rows * self._weight.size < _AS_THEY_ARE:
            return most
        quick = min(_AS_THEY_ARE // (rows * self.inputs), _RESULTS // rows) // _TILE * _TILE
        return min(most, quick) or most

    def _blocks(self, together: int = _AT_ONCE) -> Iterator[slice]:
        """Neurons that are worked on together."""
        return (slice(start, start + together) for start in range(0, self.neurons, together))

    def magnitude(self, values: Floats) -> Floats:
        """See `LinearMap.magnitude`."""
        if self._full:
            return np.full(self.neurons, values.sum())
        blocks = (np.abs(self._weight[block]) @ values for block in self._blocks())
        return np.concatenate(list(blocks))

    def counts(self, signs: Signs) -> npt.NDArray[np.float32]:
        """See `LinearMap.counts`."""
        if self._small:
            # float32 holds these sums exactly, and a product of float32 matrices is the fast one
            return self.apply(signs.astype(np.float32))
        zero = signs == 0
        if not zero.any():
            return self._bits.sums(signs)
        # with all zeros as +1 and then as -1 what they add cancels, and the rest is there twice
        up, down = (self._bits.sums(np.where(zero, np.int8(end), signs)) for end in (1, -1))
        sums: npt.NDArray[np.float32] = (up + down) / np.float32(2)
        return sums

    def rows(self, neurons: Integers | slice) -> Signs:
        """See `LinearMap.rows`."""
        return self._weight[neurons]

    def columns(self, inputs: Integers | npt.NDArray[np.bool_]) -> Signs:
        """See `LinearMap.columns`."""
        return self._weight[:, inputs]

    def parts(self) -> Mapping[str, npt.NDArray[Any]]:
        """`weight` (neurons, inputs) int8."""
        return {"weight": self._weight}

    @classmethod
    def from_parts(cls, parts: Mapping[str, npt.NDArray[Any]]) -> "Dense":
        """See `LinearMap.from_parts`."""
        return cls(parts["weight"])
