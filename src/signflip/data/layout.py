"""Arrays of images of any usual layout and type, as flat float64 in [0, 1], channels first."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats
from signflip.errors import DataError

Shape = tuple[int, ...]
CHANNELS = (1, 3)
"""Grey, and red, green and blue."""


def flat_images(name: str, images: npt.NDArray[Any]) -> tuple[Floats, Shape]:
    """Images (N, inputs) float64 in [0, 1], and the shape of one.

    The shape is (height, width), (channels, height, width), or (inputs,).

    Args:
        name: what to call them in errors.
        images: (N, inputs), (N, height, width), (N, channels, height, width) or (N, height, width,
            channels) with 1 or 3 channels; bool, integers from 0 to 255, or floats in [0, 1].

    Raises:
        DataError: an array of another shape or type, or integers out of range.
    """
    ordered = _channels_first(name, images)
    shape = ordered.shape[1:]
    if len(shape) == 3 and shape[0] == 1:
        shape = shape[1:]
    values = _unit_range(name, ordered.reshape(len(ordered), math.prod(ordered.shape[1:])))
    return values, shape


def _channels_first(name: str, images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if images.ndim in (2, 3):
        return images
    if images.ndim != 4:
        raise DataError(
            f"{name}: images have shape {images.shape}; it must be (N, inputs), (N, height, "
            "width), (N, channels, height, width) or (N, height, width, channels)"
        )
    first, last = images.shape[1] in CHANNELS, images.shape[3] in CHANNELS
    if first and last and images.shape[1:] != (1, 1, 1):
        raise DataError(
            f"{name}: images have shape {images.shape}, and either end may be the channels; "
            "flatten them, channels first: images.reshape(len(images), -1)"
        )
    if not first and not last:
        alpha = 4 in (images.shape[1], images.shape[3])
        mend = "; leave alpha out: images[..., :3]" if alpha else ""
        raise DataError(
            f"{name}: images have shape {images.shape}; pictures have 1 or 3 channels, first or "
            f"last{mend}"
        )
    return images if first else images.transpose(0, 3, 1, 2)


def _unit_range(name: str, images: npt.NDArray[Any]) -> Floats:
    """Images (N, inputs) float64, integers divided by 255."""
    if images.dtype == np.bool_ or np.issubdtype(images.dtype, np.floating):
        return images.astype(np.float64)
    if not np.issubdtype(images.dtype, np.integer):
        raise DataError(
            f"{name}: images are {images.dtype}; they must be bool, integers from 0 to 255, or "
            "floats in [0, 1]"
        )
    if images.size and (images.min() < 0 or images.max() > 255):
        row, pixel = np.argwhere((images < 0) | (images > 255))[0]
        raise DataError(
            f"{name}: pixel {pixel} of image {row} is {images[row, pixel]}; integers must be grey "
            "levels from 0 to 255: divide others by their largest"
        )
    if images.size and images.max() == 1:
        raise DataError(
            f"{name}: images are {images.dtype} and go up to 1 only, and integers are divided by "
            "255; if 1 is white, store them as bool or as floats: images.astype(float)"
        )
    return images.astype(np.float64) / 255
