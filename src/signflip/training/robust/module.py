"""The network that is trained: bits of levels if any, sign blocks, and a vote."""

import math
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from signflip.errors import SettingError
from signflip.training.modules import LatentModule
from signflip.training.robust.boxes import box_of
from signflip.training.robust.layers import Flow, SignBlock, Vote, Weights
from signflip.training.robust.settings import Convolution, RobustSettings


class RobustModule(LatentModule):
    """A trainable network of a `RobustSettings`.

    Args:
        settings: what it is made of.
        inputs: pixels of an image.
        classes: number of classes.

    Raises:
        SettingError: the image's shape does not fit, or a window does not.
    """

    levels: Tensor

    def __init__(self, settings: RobustSettings, *, inputs: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("levels", torch.tensor(settings.levels, dtype=torch.float32))
        self.image = _image_shape(settings, inputs)
        shape = (*self.image, max(1, len(settings.levels)))
        layers: list[int | Convolution] = [*settings.convolutions, *settings.hidden]
        blocks = []
        for layer in layers:
            block = SignBlock(shape, layer, ternary=settings.ternary)
            if min(block.outputs) < 1:
                raise SettingError(
                    f"the convolution {layer} does not fit {shape[0]}x{shape[1]} pixels; no "
                    "neuron is left"
                )
            blocks.append(block)
            shape = block.outputs
        self.blocks = nn.ModuleList(blocks)
        self.vote = Vote(math.prod(shape), classes, ternary=settings.ternary, most=settings.vote)

    def sign_blocks(self) -> list[SignBlock]:
        """The hidden layers, first to last."""
        return [cast("SignBlock", block) for block in self.blocks]

    def forward(self, flow: Flow) -> Flow:
        """The last hidden layer of images and boxes, as `box_of` gives them."""
        for block in self.sign_blocks():
            flow = block(flow)
        return flow

    def logits(self, values: Tensor, window: float = 1.0) -> Tensor:
        """(images, classes), of what the first layer reads (images, values)."""
        return self.vote.logits(cast("Tensor", self.forward(Flow(values, None, window)).values))

    def boxed(self, flow: Flow) -> tuple[Tensor, Tensor]:
        """Middle and radius of the last hidden layer, of boxes of what the first layer reads."""
        return cast("tuple[Tensor, Tensor]", self.forward(flow).box)

    def predict(self, pixels: Tensor) -> Tensor:
        """(images,) classes of pixels (images, inputs) in [0, 1]."""
        return self.logits(box_of(pixels, 0.0, self.levels).clean).argmax(dim=1)

    def clip(self) -> None:
        """Clip every latent weight to [-1, 1]."""
        with torch.no_grad():
            for weights in self._weights():
                weights.latent.clamp_(-1, 1)

    def _weights(self) -> Iterable[Weights]:
        return (module for module in self.modules() if isinstance(module, Weights))


def _image_shape(settings: RobustSettings, inputs: int) -> tuple[int, int]:
    """(rows, columns); a dense network may read an image that is no square."""
    shape, side = settings.image_shape, math.isqrt(inputs)
    if shape is None:
        shape = (side, side) if side * side == inputs or settings.convolutions else (inputs, 1)
    if math.prod(shape) != inputs:
        raise SettingError(
            f"images have {inputs} pixels, and image_shape is {shape}; it must be (rows, columns) "
            "of that many pixels"
        )
    return shape
