"""Masks: which pixels may change."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from signflip.arrays import Booleans
from signflip.errors import ProblemError


@dataclass(frozen=True)
class Mask:
    """A mask as a file has it, for networks of any shape of image that it fits.

    Attributes:
        name: of the file, for reports and errors.
        shape: of the array.
        bits: the array's values, packed in C order: masks are equal if their pixels are.
    """

    name: str = field(compare=False)
    shape: tuple[int, ...]
    bits: bytes = field(repr=False)

    @classmethod
    def of(cls, free: npt.ArrayLike, name: str = "mask") -> "Mask":
        """The mask of an array: true, or not 0, where a pixel may change.

        Raises:
            ProblemError: it is neither of bool nor of real numbers, or no pixel may change.
        """
        array = np.asarray(free)
        if array.dtype.kind not in "biuf":
            raise ProblemError(
                f"{name} holds {array.dtype}; a mask holds bool or real numbers, true or not 0 "
                "where a pixel may change"
            )
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise ProblemError(
                f"{name} holds NaN, which says neither that a pixel may change nor that it may "
                "not; write 1 or 0 there"
            )
        bits = array != 0
        if not bits.any():
            raise ProblemError(
                f"{name} lets no pixel change; it must be true, or not 0, where one may"
            )
        return cls(name, bits.shape, np.packbits(bits).tobytes())

    @property
    def digest(self) -> str:
        """SHA-256 of the mask; of any name."""
        return hashlib.sha256(f"{self.shape}".encode() + self.bits).hexdigest()

    @property
    def free(self) -> Booleans:
        """Bool of the mask's shape, true where a pixel may change."""
        count = int(np.prod(self.shape))
        bits = np.unpackbits(np.frombuffer(self.bits, dtype=np.uint8), count=count)
        return bits.astype(np.bool_).reshape(self.shape)

    def flat(self, image_shape: tuple[int, ...]) -> Booleans:
        """(inputs,) bool for images of a shape; one for all channels where the mask has none.

        Raises:
            ProblemError: it does not fit.
        """
        inputs = int(np.prod(image_shape))
        free = self.free
        if self.shape in ((inputs,), image_shape):
            return free.ravel()
        if len(image_shape) == 3 and self.shape == image_shape[1:]:
            return np.broadcast_to(free, image_shape).ravel()
        if len(image_shape) == 3 and self.shape == (*image_shape[1:], image_shape[0]):
            return np.moveaxis(free, -1, 0).ravel()
        raise ProblemError(
            f"{self.name} has the shape {self.shape}; the network reads images of {image_shape}: "
            "give a mask of that shape, or one flat array of all inputs"
        )
