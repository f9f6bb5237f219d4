"""The trainable twin of a `BinaryNetwork`: binary layers with straight-through gradients."""

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from signflip.errors import SettingError


class _StraightThroughSign(torch.autograd.Function):
    """Sign with `sign(0) = +1`; its gradient is that of the hard tanh: 1 on [-1, 1], else 0."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        # in place, since two constants of this size would cost more than all else
        return (values >= 0).to(values.dtype).mul_(2).sub_(1)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors  # type: ignore[attr-defined]
        inside: Tensor = values.abs() <= 1
        return gradients[0] * inside


def sign(values: Tensor) -> Tensor:
    """Signs of `values` in {-1, +1}, same shape and type, with the straight-through gradient."""
    signs: Tensor = _StraightThroughSign.apply(values)  # type: ignore[no-untyped-call]
    return signs


class BinaryLinear(nn.Module):
    """A linear layer without bias whose weights are the signs of latent real weights.

    Attributes:
        latent: (outputs, inputs) float, kept in [-1, 1] by `clip`.
    """

    # Small against the learning rate, so that any weight can change sign in the first epochs.
    INITIAL_SPREAD = 0.1

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        spread = self.INITIAL_SPREAD
        self.latent = nn.Parameter(torch.empty(outputs, inputs).uniform_(-spread, spread))

    def forward(self, inputs: Tensor) -> Tensor:
        """Pre-activations, (images, outputs), of inputs (images, inputs)."""
        return functional.linear(inputs, sign(self.latent))

    def clip(self) -> None:
        """Clip the latent weights to [-1, 1], outside of which no gradient would reach them."""
        with torch.no_grad():
            self.latent.clamp_(-1, 1)


class LatentModule(nn.Module):
    """A network of layers with latent weights."""

    def clip(self) -> None:
        """Clip the latent weights of all layers that have some."""
        raise NotImplementedError


class BinaryModule(LatentModule):
    """A feed-forward network of binary layers, with batch normalisation before each sign.

    The output layer has plain -1/+1 weights. A single number divides its values before the
    softmax: without it they are so large that the loss is flat. It orders no two classes
    differently, so folding drops it.

    Args:
        inputs: values of an image.
        hidden: widths of the hidden layers, first to last.
        classes: number of classes.

    Raises:
        SettingError: a size is not positive, or there is no hidden layer.
    """

    def __init__(self, *, inputs: int, hidden: Sequence[int], classes: int) -> None:
        super().__init__()
        if not hidden or min(inputs, classes, *hidden) < 1:
            raise SettingError(
                f"sizes are inputs={inputs}, hidden={tuple(hidden)}, classes={classes}; each must "
                "be at least 1, with at least one hidden layer: hidden=(100, 100)"
            )
        sizes = (inputs, *hidden)
        self.linears = nn.ModuleList(
            BinaryLinear(before, after) for before, after in zip(sizes, hidden, strict=False)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in hidden)
        self.output = BinaryLinear(hidden[-1], classes)
        self.temperature = math.sqrt(hidden[-1])

    def forward(self, images: Tensor) -> Tensor:
        """Logits, (images, classes), of images (images, inputs) in [0, 1]."""
        values = images
        for linear, norm in self.hidden_layers():
            values = sign(norm(linear(values)))
        logits: Tensor = self.output(values) / self.temperature
        return logits

    def hidden_layers(self) -> list[tuple[BinaryLinear, nn.BatchNorm1d]]:
        """Each hidden layer and its normalisation, first to last."""
        pairs = zip(self.linears, self.norms, strict=True)
        return [
            (cast("BinaryLinear", linear), cast("nn.BatchNorm1d", norm)) for linear, norm in pairs
        ]

    def clip(self) -> None:
        """Clip every latent weight to [-1, 1]."""
        for module in self.modules():
            if isinstance(module, BinaryLinear):
                module.clip()
