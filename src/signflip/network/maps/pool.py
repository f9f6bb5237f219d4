"""Pooling: each neuron is the sum of a window of one channel.

Over signs, with the right thresholds, this is every pooling: of k signs, max-pooling is +1 iff the
sum is at least `2 - k` (one of them is +1), min-pooling iff it is at least `k`.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from signflip.errors import NetworkError
from signflip.network.maps.checks import checked_shape
from signflip.network.maps.linear_map import LinearMap, Shape
from signflip.network.maps.sparse import SparseMap
from signflip.network.maps.windows import Windows

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Pool(SparseMap):
    """Sums of windows, in each channel by itself. What is beyond the image counts nothing.

    Args:
        input_shape: (channels, rows, columns) of what it reads.
        kernel: rows and columns of a window.
        stride: steps down and right from window to window; None for windows side by side.
        padding: of windows beyond the image: above, left, below and right.
        dilation: steps down and right inside a window.

    Raises:
        NetworkError: sizes do not fit.
    """

    def __init__(
        self,
        input_shape: Shape,
        kernel: tuple[int, int],
        *,
        stride: tuple[int, int] | None = None,
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
        dilation: tuple[int, int] = (1, 1),
    ) -> None:
        self._input_shape = checked_shape(input_shape, "the pool's input shape", 3)
        self._windows = Windows(
            image=self._input_shape[1:],
            kernel=kernel,
            stride=stride or kernel,
            padding=padding,
            dilation=dilation,
        )

    @property
    def input_shape(self) -> Shape:
        """(channels, rows, columns)."""
        return self._input_shape

    @property
    def output_shape(self) -> Shape:
        """(channels, rows, columns)."""
        return (self._input_shape[0], *self._windows.shape)

    @cached_property
    def matrix(self) -> "csr_array":
        """See `SparseMap.matrix`."""
        from scipy.sparse import coo_array

        place, _, pixel = self._windows.pairs()
        channels, pixels = self._input_shape[0], int(np.prod(self._input_shape[1:]))
        channel = np.repeat(np.arange(channels), len(place))
        rows = channel * self._windows.count + np.tile(place, channels)
        columns = channel * pixels + np.tile(pixel, channels)
        signs = np.ones(len(rows), dtype=np.int8)
        made = coo_array((signs, (rows, columns)), shape=(self.neurons, self.inputs)).tocsr()
        made.sort_indices()
        return made

    def parts(self) -> Mapping[str, npt.NDArray[Any]]:
        """`input_shape`, and `window`: kernel, stride, padding and dilation, int64."""
        return {
            "input_shape": np.array(self._input_shape, dtype=np.int64),
            "window": np.array([*self._windows.kernel, *self._windows.numbers], dtype=np.int64),
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, npt.NDArray[Any]]) -> LinearMap:
        """See `LinearMap.from_parts`."""
        numbers = [int(number) for number in parts["window"].ravel()]
        if len(numbers) != 10:
            raise NetworkError(
                f"a pool's window has {len(numbers)} numbers; it must have 10: kernel, stride, "
                "padding, dilation"
            )
        return cls(
            checked_shape(parts["input_shape"], "the pool's input shape", 3),
            (numbers[0], numbers[1]),
            stride=(numbers[2], numbers[3]),
            padding=(numbers[4], numbers[5], numbers[6], numbers[7]),
            dilation=(numbers[8], numbers[9]),
        )
