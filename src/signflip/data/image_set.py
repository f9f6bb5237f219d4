"""Images, checked once, in the form that every method reads, and their labels if there are any."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers
from signflip.data.layout import Shape, flat_images
from signflip.errors import DataError
from signflip.network import UNIT_RANGE, InputRange

_NEARLY_WHOLE = 2.0**-20  # k / 255 in float32 is off by up to 2^-25

UNLABELLED = -1
"""The label of each image of a set without labels."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageSet:
    """Images and their labels.

    Attributes:
        name: the data set's name, or the file it came from.
        images: (N, inputs) float64 in the range `inputs`, N at least 1; several channels one after
            the other.
        labels: (N,) int64, each the index of a class, or `UNLABELLED` all of them.
        inputs: what the values are; [0, 1] for images as they are loaded.
        shape: of one image: (height, width), (channels, height, width), or (inputs,).

    Raises:
        DataError: a shape, a type or a value breaks a rule above.
    """

    name: str
    images: Floats
    labels: Integers
    inputs: InputRange = UNIT_RANGE
    shape: Shape = ()

    def __post_init__(self) -> None:
        if self.images.dtype != np.float64 or self.images.ndim != 2:
            raise DataError(
                f"{self.name}: images are {self.images.dtype} of shape {self.images.shape}; they "
                "must be float64 of shape (N, inputs): flatten each image"
            )
        if self.labels.dtype != np.int64 or self.labels.shape != (len(self.images),):
            raise DataError(
                f"{self.name}: {len(self.images)} images and labels of shape {self.labels.shape}, "
                f"{self.labels.dtype}; there must be one int64 label for each image"
            )
        if not self.images.size:
            raise DataError(
                f"{self.name}: images have shape {self.images.shape}; at least one image with "
                "one pixel is needed"
            )
        lower, upper = self.inputs.lower, self.inputs.upper
        # a NaN makes both comparisons false
        if not (self.images.min() >= lower and self.images.max() <= upper):
            row, pixel = np.argwhere(~((self.images >= lower) & (self.images <= upper)))[0]
            raise DataError(
                f"{self.name}: pixel {pixel} of image {row} is {self.images[row, pixel]}; floats "
                f"must be in [{lower:g}, {upper:g}]: divide 8-bit values by 255, or store them as "
                "uint8"
            )
        object.__setattr__(self, "shape", self.shape or self.images.shape[1:])
        if self.labels.min() < 0 and self.labelled:
            row = int(np.argmax(self.labels < 0))
            raise DataError(
                f"{self.name}: the label of image {row} is {self.labels[row]}; labels count "
                "classes from 0"
            )
        for field in ("images", "labels"):
            view = getattr(self, field).view()  # the caller's own array stays writable
            view.setflags(write=False)
            object.__setattr__(self, field, view)

    def __len__(self) -> int:
        return len(self.images)

    def check_classes(self, indices: Sequence[int], classes: int, network: str) -> None:
        """Refuse labels that a network has no class for.

        Args:
            indices: which images are used.
            classes: how many classes the network has, from 0.
            network: what to call it.

        Raises:
            DataError: the label of such an image is no class, or labels plainly count from 1.
        """
        beyond = next((index for index in indices if self.labels[index] >= classes), None)
        # where the others show it, also those that have a class of the network have the wrong one
        from_one = self.labels.min() == 1 and self.labels.max() == classes
        if beyond is None and from_one:
            beyond = int(np.argmax(self.labels))
        if beyond is None:
            return
        mend = "subtract 1 from each" if from_one else "take other images, or another network"
        raise DataError(
            f"{self.name}: the label of image {beyond} is {self.labels[beyond]}, and {network} has "
            f"classes 0 to {classes - 1}; labels count classes from 0: {mend}"
        )

    def fitted(self, inputs: InputRange, shape: Shape | None = None) -> "ImageSet":
        """The set as a network with such inputs reads it: [0, 1] is spread over their range.

        Where inputs come in steps, as 0 to 255 in steps of 1, each value is a whole number of them
        exactly: k / 255, which no float64 is, becomes k.

        Args:
            inputs: what the network's inputs are.
            shape: of the images that it reads, channels first, as `network.image_shape`; grey
                images that are kept in colour become grey where it has one channel. None to leave
                the images as they are.

        Raises:
            DataError: a value is plainly no whole number of steps, the set was fitted to another
                range before, or its images have plainly another shape.
        """
        if shape is not None:
            return self._shaped(shape).fitted(inputs)
        if inputs == self.inputs:
            return self
        if not self.inputs.default:
            raise DataError(
                f"{self.name}: the images are in {self.inputs}, and the network reads {inputs}; "
                "load them anew"
            )
        if inputs.step is None:
            spread = inputs.lower + inputs.width * self.images
            return replace(self, images=np.clip(spread, inputs.lower, inputs.upper), inputs=inputs)
        levels = self.images * (inputs.width / inputs.step)
        whole = np.rint(levels)
        off = np.argwhere(np.abs(levels - whole) > _NEARLY_WHOLE * (inputs.width / inputs.step))
        if len(off):
            row, pixel = off[0]
            raise DataError(
                f"{self.name}: pixel {pixel} of image {row} is {self.images[row, pixel]}, which is "
                f"no whole number of steps of the network's inputs, {inputs}; give the images as "
                "they were quantised, 8-bit ones as uint8"
            )
        return replace(self, images=inputs.lower + whole * inputs.step, inputs=inputs)

    def _shaped(self, shape: Shape) -> "ImageSet":
        wanted, size = _long_axes(shape), math.prod(shape)
        if len(wanted) == 2 and len(self.shape) == 3 and math.prod(self.shape) == 3 * size:
            planes = self.images.reshape(len(self), 3, size)
            coloured = (planes != planes[:, :1]).any(axis=(1, 2))
            if coloured.any():
                raise DataError(
                    f"{self.name}: image {int(np.argmax(coloured))} is in colour, and the network "
                    f"reads grey images of {size} pixels; save it as grey"
                )
            grey = replace(self, images=planes[:, 0].copy(), shape=self.shape[1:])
            return grey._shaped(shape)
        # a network whose shape has but two axes may have been given those for a flat vector
        known = len(self.shape) > 1 and len(shape) == 3
        if known and math.prod(self.shape) == size and _long_axes(self.shape) != wanted:
            raise DataError(
                f"{self.name}: images have shape {self.shape}, and the network reads {shape}, as "
                "many values in another order; give images of that shape, or flat ones (N, inputs)"
            )
        return self

    @property
    def labelled(self) -> bool:
        """Whether there are labels."""
        return bool((self.labels != UNLABELLED).any())

    def need_labels(self, purpose: str) -> None:
        """Refuse a set without labels.

        Raises:
            DataError: there are none.
        """
        if not self.labelled:
            raise DataError(
                f"{self.name} has no labels, and {purpose} needs them: an array 'labels', or a "
                "folder for each class"
            )

    @classmethod
    def of_arrays(
        cls, name: str, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None = None
    ) -> "ImageSet":
        """A set of the arrays that files hold.

        Args:
            name: what to call the set, also in errors.
            images: as `signflip.data.layout.flat_images` reads them; integers are divided by 255.
            labels: (N,) of an integer type, or None.

        Raises:
            DataError: an array has another type or shape, or a value is out of range.
        """
        flat, shape = flat_images(name, images)
        if labels is None:
            labels = np.full(len(images), UNLABELLED)
        if not np.issubdtype(labels.dtype, np.integer) or labels.ndim != 1:
            raise DataError(
                f"{name}: labels are {labels.dtype} of shape {labels.shape}; they must be integers "
                "of shape (N,)"
            )
        if labels.dtype == np.uint64 and (beyond := labels > np.uint64(2**63 - 1)).any():
            row = int(np.argmax(beyond))
            raise DataError(
                f"{name}: the label of image {row} is {labels[row]}; labels count classes from 0"
            )
        return cls(name=name, images=flat, labels=labels.astype(np.int64), shape=shape)


def _long_axes(shape: Shape) -> Shape:
    return tuple(size for size in shape if size > 1)
