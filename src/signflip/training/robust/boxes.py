"""Boxes of images as tensors: real pixels, or the bits of their levels."""

from typing import NamedTuple

import torch
from torch import Tensor


class Box(NamedTuple):
    """A box for each image: the values that an adversary may choose from.

    Attributes:
        clean: (images, values), what the image itself has.
        middle: (images, values), the centre of the box.
        radius: (images, values), at least 0.
    """

    clean: Tensor
    middle: Tensor
    radius: Tensor

    def part(self, images: slice) -> "Box":
        """The boxes of some images."""
        return Box(self.clean[images], self.middle[images], self.radius[images])


def box_of(pixels: Tensor, epsilon: float, levels: Tensor) -> Box:
    """The box of an epsilon ball, cut with [0, 1].

    Args:
        pixels: (images, pixels) in [0, 1].
        epsilon: its radius.
        levels: (levels,), none for real pixels. Else the values are bits -1 and +1, those of a
            pixel one beside the other, +1 iff the pixel is at least the level.
    """
    low, high = (pixels - epsilon).clamp_(min=0), (pixels + epsilon).clamp_(max=1)
    if len(levels) == 0:
        return Box(pixels, (low + high) / 2, (high - low) / 2)
    clean, least, most = (_bits(each, levels) for each in (pixels, low, high))
    return Box(clean, (least + most) / 2, (most - least) / 2)


def _bits(pixels: Tensor, levels: Tensor) -> Tensor:
    above = pixels[:, :, None] >= levels
    return above.flatten(1).to(torch.float32).mul_(2).sub_(1)
