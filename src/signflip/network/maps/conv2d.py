"""Convolution: each neuron reads a window of the image, with the weights of its filter."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from signflip.errors import NetworkError
from signflip.network.maps.blocks import Block, Blocks
from signflip.network.maps.checks import checked_shape, checked_signs
from signflip.network.maps.linear_map import LinearMap, Shape
from signflip.network.maps.sparse import SparseMap
from signflip.network.maps.windows import Windows

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Conv2d(SparseMap):
    """A convolution (cross-correlation, as everywhere in deep learning), padded with zeros.

    Neurons are (filters, rows, columns), filters first. A padding that is not 0 adds a constant to
    each sum: it belongs into the thresholds.

    Args:
        weight: (filters, channels / groups, height, width), each -1, 0 or +1.
        input_shape: (channels, rows, columns) of what it reads.
        stride: steps down and right from window to window.
        padding: zeros above, left, below and right of the image.
        dilation: steps down and right from weight to weight.
        groups: filters and channels are split into so many groups that do not meet.

    Raises:
        NetworkError: a weight is another number, or sizes do not fit.
    """

    def __init__(
        self,
        weight: npt.ArrayLike,
        input_shape: Shape,
        *,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
    ) -> None:
        array = np.asarray(weight)
        if array.ndim != 4 or 0 in array.shape:
            raise NetworkError(
                f"a convolution's weight has shape {array.shape}; it must be (filters, channels / "
                "groups, height, width), all at least 1"
            )
        self._weight = checked_signs(array, "convolution weight")
        self._input_shape = checked_shape(input_shape, "the convolution's input shape", 3)
        self._groups = int(groups)
        self._windows = Windows(
            image=self._input_shape[1:],
            kernel=(int(array.shape[2]), int(array.shape[3])),
            stride=stride,
            padding=padding,
            dilation=dilation,
        )
        filters, channels = array.shape[:2]
        if groups < 1 or filters % groups or channels * groups != self._input_shape[0]:
            raise NetworkError(
                f"a convolution has {filters} filters of {channels} channels in {groups} groups "
                f"over {self._input_shape[0]} channels; the groups' channels must add up to those "
                "of the image, and the filters must split evenly"
            )

    @classmethod
    def joined(cls, maps: Sequence["Conv2d"], *, apart: bool) -> "Conv2d | None":
        """Convolutions of the same windows as one, the filters of the first first.

        Args:
            maps: at least 1.
            apart: whether each reads channels of its own, those of the first first; else all read
                the same image.

        Returns:
            It, or None where windows, shapes or groups say that they are not one convolution.
        """
        first = maps[0]
        for each in maps:
            alike = each._windows == first._windows and each._groups == first._groups
            if not alike or each._weight.shape[1:] != first._weight.shape[1:]:
                return None
            if apart and len(each._weight) != len(first._weight):
                return None
        if first._groups > 1 and not apart:
            return None
        count = len(maps) if apart else 1
        return cls(
            np.concatenate([each._weight for each in maps]),
            (first._input_shape[0] * count, *first._input_shape[1:]),
            stride=first._windows.stride,
            padding=first._windows.padding,
            dilation=first._windows.dilation,
            groups=first._groups * count,
        )

    @property
    def input_shape(self) -> Shape:
        """(channels, rows, columns)."""
        return self._input_shape

    @property
    def output_shape(self) -> Shape:
        """(filters, rows, columns)."""
        return (int(self._weight.shape[0]), *self._windows.shape)

    @cached_property
    def matrix(self) -> "csr_array":
        """See `SparseMap.matrix`."""
        from scipy.sparse import coo_array

        filters, channels = self._weight.shape[:2]
        place, tap, pixel = self._windows.pairs()
        pixels = int(np.prod(self._input_shape[1:]))
        flat = self._weight.reshape(filters, channels, -1)
        rows, columns, signs = [], [], []
        for number in range(filters):
            first = number // (filters // self._groups) * channels
            for channel in range(channels):
                taps = flat[number, channel][tap]
                read = taps != 0
                rows.append(number * self._windows.count + place[read])
                columns.append((first + channel) * pixels + pixel[read])
                signs.append(taps[read])
        entries = np.concatenate(signs), (np.concatenate(rows), np.concatenate(columns))
        made = coo_array(entries, shape=(self.neurons, self.inputs)).tocsr()
        made.sort_indices()
        return made

    def blocks(self) -> Blocks:
        """See `SparseMap.blocks`: a block for each group, of the windows inside the image."""
        place, _, pixel = self._windows.pairs()
        filters, channels = self._weight.shape[:2]
        taps, pixels = self._weight[0, 0].size, int(np.prod(self._input_shape[1:]))
        inside = np.bincount(place, minlength=self._windows.count) == taps
        kept = inside[place]
        # pairs are in order of windows, and of taps in each
        read = pixel[kept].reshape(-1, 1, taps)
        windows = np.flatnonzero(inside)
        each = filters // self._groups
        made = []
        for group in range(self._groups if len(windows) else 0):
            channel = np.arange(group * channels, (group + 1) * channels)
            number = np.arange(group * each, (group + 1) * each)
            reads = (read + channel[:, None] * pixels).reshape(len(windows), -1)
            rows = number * self._windows.count + windows[:, None]
            made.append(Block(reads, rows, self._weight[number].reshape(each, -1)))
        return Blocks.beside(tuple(made), self.matrix)

    def parts(self) -> Mapping[str, npt.NDArray[Any]]:
        """`weight` int8, `input_shape`, and the `window`'s numbers with `groups` last, int64."""
        return {
            "weight": self._weight,
            "input_shape": np.array(self._input_shape, dtype=np.int64),
            "window": np.array([*self._windows.numbers, self._groups], dtype=np.int64),
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, npt.NDArray[Any]]) -> LinearMap:
        """See `LinearMap.from_parts`."""
        numbers = [int(number) for number in parts["window"].ravel()]
        if len(numbers) != 9:
            raise NetworkError(
                f"a convolution's window has {len(numbers)} numbers; it must have 9: stride, "
                "padding, dilation, groups"
            )
        shape = checked_shape(parts["input_shape"], "the convolution's input shape", 3)
        return cls(
            parts["weight"],
            shape,
            stride=(numbers[0], numbers[1]),
            padding=(numbers[2], numbers[3], numbers[4], numbers[5]),
            dilation=(numbers[6], numbers[7]),
            groups=numbers[8],
        )
