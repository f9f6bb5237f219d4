"""Products by dense blocks: of rows that read the same inputs, as the filters of a window do.

A sparse matrix of a convolution has each filter once for every window. Rows that read the same
inputs are one dense block, and windows whose blocks have the same weights share one matrix: a
product of the matrix is then a few products of dense matrices, which need no index for each weight.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Integers, Signs
from signflip.network.maps.linear_map import Number

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FEWEST_ROWS = 4
"""Rows of a block at least: with fewer, an index for each weight costs no more."""
_AT_ONCE = 2**20
"""Inputs of blocks that are gathered at once: few enough for the cache."""


@dataclass(frozen=True, eq=False)
class Block:
    """Windows whose rows have the same weights.

    Attributes:
        reads: (windows, k) the inputs of each window.
        rows: (windows, f) its rows.
        weight: (f, k) their weights.
    """

    reads: Integers
    rows: Integers
    weight: Signs

    @cached_property
    def _order(self) -> tuple[Integers, Integers, Integers]:
        """What is read, sorted by input: where it stands, which inputs, where each begins."""
        flat = self.reads.ravel()
        order = np.argsort(flat, kind="stable")
        inputs, first = np.unique(flat[order], return_index=True)
        return order, inputs, first

    def write_sums(self, values: npt.NDArray[Any], sums: npt.NDArray[Any]) -> None:
        """Write the rows' sums to `sums` (N, neurons), for `values` (N, inputs)."""
        weight = self.weight.T.astype(values.dtype)
        for some in _slices(len(values), self.reads.size):
            read = values[some].take(self.reads.ravel(), axis=1).reshape(-1, len(weight))
            sums[some, self.rows.ravel()] = (read @ weight).reshape(-1, self.rows.size)

    def add_transposed(self, values: npt.NDArray[Any], sums: npt.NDArray[Any]) -> None:
        """Add to `sums` (N, inputs) the product by the block read the other way, of (N, rows)."""
        order, inputs, first = self._order
        weight = self.weight.astype(values.dtype)
        for some in _slices(len(values), self.reads.size):
            from_rows = values[some].take(self.rows.ravel(), axis=1).reshape(-1, len(weight))
            each = (from_rows @ weight).reshape(-1, self.reads.size)
            sums[some, inputs] += np.add.reduceat(each.take(order, axis=1), first, axis=1)


@dataclass(frozen=True, eq=False)
class Blocks:
    """A sparse matrix as blocks, and what is left of it.

    Attributes:
        blocks: none shares a row with another.
        rest: the matrix without the blocks' entries.
    """

    blocks: tuple[Block, ...]
    rest: "csr_array"

    @classmethod
    def of(cls, matrix: "csr_array") -> "Blocks":
        """The blocks of a matrix of -1 and +1 in sorted rows."""
        return cls.beside(tuple(_blocks(matrix)), matrix)

    @classmethod
    def beside(cls, blocks: tuple[Block, ...], matrix: "csr_array") -> "Blocks":
        """Blocks that are known, and the rest of their matrix."""
        if not blocks:
            return cls((), matrix)
        keep = np.ones(matrix.shape[0], dtype=np.bool_)
        for block in blocks:
            keep[block.rows.ravel()] = False
        rest = matrix.multiply(keep[:, None].astype(np.int8)).tocsr()
        rest.eliminate_zeros()
        return cls(blocks, rest)

    def apply(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """`values @ matrix.T`, of the type of the values."""
        sums = product(self.rest, values)
        for block in self.blocks:
            block.write_sums(values, sums)
        return sums

    @cached_property
    def _rest_transposed(self) -> "csr_array":
        return self.rest.T.tocsr()

    def transpose(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """`values @ matrix`, of the type of the values."""
        sums = product(self._rest_transposed, values)
        for block in self.blocks:
            block.add_transposed(values, sums)
        return sums


def product(matrix: "csr_array", values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """`values @ matrix.T`, of the type of the values."""
    if matrix.nnz == 0:
        return np.zeros((len(values), matrix.shape[0]), dtype=values.dtype)
    sums = (matrix.astype(values.dtype) @ values.T).T
    return np.ascontiguousarray(sums)


def _slices(count: int, reads: int) -> Iterator[slice]:
    step = max(1, _AT_ONCE // reads)
    return (slice(start, start + step) for start in range(0, count, step))


def _blocks(matrix: "csr_array") -> Iterator[Block]:
    """Blocks of at least `FEWEST_ROWS` rows."""
    start = matrix.indptr.astype(np.int64)
    fan_in = np.diff(start)
    for k in np.unique(fan_in[fan_in > 0]).tolist():
        rows = np.flatnonzero(fan_in == k)
        at = start[rows][:, None] + np.arange(k)
        reads, signs = matrix.indices[at], matrix.data[at]
        _, window, height = np.unique(_marks(reads), return_inverse=True, return_counts=True)
        order = np.argsort(window, kind="stable")
        first = np.cumsum(height) - height
        for f in np.unique(height[height >= FEWEST_ROWS]).tolist():
            # (windows, f) places in `rows`, those of a window rising
            members = order[first[height == f][:, None] + np.arange(f)]
            alike = (reads[members] == reads[members[:, :1]]).all(axis=(1, 2))
            members = members[alike]
            weights = signs[members].reshape(len(members), -1)
            _, kind = np.unique(_marks(weights), return_inverse=True)
            for number in range(int(kind.max(initial=-1)) + 1):
                same = members[kind == number]
                same = same[(signs[same] == signs[same[:1]]).all(axis=(1, 2))]
                yield Block(reads[same[:, 0]].astype(np.int64), rows[same], signs[same[0]])


def _marks(numbers: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """(N,) one number for each row of (N, k): equal rows have equal ones, others hardly ever."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 2**64, size=numbers.shape[1], dtype=np.uint64)
    return numbers.astype(np.uint64) @ factors
