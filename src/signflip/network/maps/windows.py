"""Windows over an image: which pixels each reads."""

from dataclasses import dataclass

import numpy as np

from signflip.arrays import Integers
from signflip.errors import NetworkError
from signflip.network.maps.checks import MOST


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Windows of one size, at even steps over an image padded with zeros.

    Attributes:
        image: rows and columns.
        kernel: rows and columns of a window.
        stride: steps down and right from window to window.
        padding: zeros above, left, below and right of the image.
        dilation: steps down and right inside a window.

    Raises:
        NetworkError: a number is out of range, or no window fits.
    """

    image: tuple[int, ...]
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        for name, least in (("stride", 1), ("padding", 0), ("dilation", 1), ("kernel", 1)):
            numbers = getattr(self, name)
            if min(numbers) < least:
                raise NetworkError(f"a window's {name} is {numbers}; each must be at least {least}")
        if max(self.numbers) > MOST or (min(self.shape) > 0 and self.count * self.taps > MOST):
            raise NetworkError(
                f"windows of {self.kernel[0]}x{self.kernel[1]} with stride, padding and dilation "
                f"{self.numbers} over {self.image[0]}x{self.image[1]} pixels are too many"
            )
        if min(self.shape) < 1:
            raise NetworkError(
                f"windows of {self.kernel[0]}x{self.kernel[1]} do not fit an image of "
                f"{self.image[0]}x{self.image[1]} with padding {self.padding}; no neuron is left"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        sizes = []
        for axis in (0, 1):
            padded = self.image[axis] + self.padding[axis] + self.padding[axis + 2]
            extent = self.dilation[axis] * (self.kernel[axis] - 1) + 1
            sizes.append((padded - extent) // self.stride[axis] + 1)
        return sizes[0], sizes[1]

    @property
    def count(self) -> int:
        """Number of windows."""
        return self.shape[0] * self.shape[1]

    @property
    def taps(self) -> int:
        """Number of pixels in a window, with those beyond the image."""
        return self.kernel[0] * self.kernel[1]

    def need_whole(self) -> None:
        """Refuse windows that end before the padded image does: `ceil_mode` would add one there.

        Raises:
            NetworkError: they do.
        """
        for axis in (0, 1):
            padded = self.image[axis] + self.padding[axis] + self.padding[axis + 2]
            extent = self.dilation[axis] * (self.kernel[axis] - 1) + 1
            if (padded - extent) % self.stride[axis]:
                raise NetworkError("its last windows reach beyond the image (ceil_mode)")

    @property
    def numbers(self) -> tuple[int, ...]:
        """Stride, padding and dilation, for a file."""
        return (*self.stride, *self.padding, *self.dilation)

    def pairs(self) -> tuple[Integers, Integers, Integers]:
        """Window, place in the window and pixel, all flat, of each pixel that a window reads."""
        rows, columns = (self._axis(axis) for axis in (0, 1))
        inside = (rows >= 0)[:, None, :, None] & (columns >= 0)[None, :, None, :]
        down, right, tap_down, tap_right = np.nonzero(inside)
        place = down * self.shape[1] + right
        tap = tap_down * self.kernel[1] + tap_right
        pixel = rows[down, tap_down] * self.image[1] + columns[right, tap_right]
        return place.astype(np.int64), tap.astype(np.int64), pixel.astype(np.int64)

    def _axis(self, axis: int) -> Integers:
        """(windows, taps) int64: the row or column of the image, -1 in the padding."""
        first = np.arange(self.shape[axis]) * self.stride[axis] - self.padding[axis]
        index = first[:, None] + np.arange(self.kernel[axis]) * self.dilation[axis]
        return np.where((index >= 0) & (index < self.image[axis]), index, -1).astype(np.int64)
