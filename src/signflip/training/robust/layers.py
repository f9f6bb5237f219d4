"""Trainable layers through which an image and its box go together.

Values are flat, rows of (positions, channels): the neurons of one place of a convolution lie beside
each other. A box is its middle and its radius; `|W| radius` is how far a sum can move.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from signflip.training.modules import sign
from signflip.training.robust.settings import Convolution

ZERO_BELOW = 0.05
"""A latent weight nearer to 0 than this is the ternary weight 0."""
SPREAD = 0.1
"""First latent weights are drawn from -SPREAD to SPREAD, as in `BinaryLinear`."""
_VARIANCE_FLOOR = 1e-3
_MOMENTUM = 0.1


class Flow(NamedTuple):
    """What goes through the layers: images, their boxes, or both.

    Attributes:
        values: (images, values) or None.
        box: middle and radius, each (boxes, values), or None.
        window: gradients of images come through a sign where its normalised sum is so near to 0.
    """

    values: Tensor | None
    box: tuple[Tensor, Tensor] | None
    window: float = 1.0


class _Quantised(torch.autograd.Function):
    """Whole numbers from -most to most of latent weights; the gradient goes straight through."""

    @staticmethod
    def forward(_context: Any, latent: Tensor, most: int) -> Tensor:
        if most == 1:
            return torch.sign(latent) * (latent.abs() > ZERO_BELOW)
        return torch.round(latent * most)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, values: Tensor) -> Tensor:
        return torch.round(values)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class Weights(nn.Module):
    """Latent real weights, and the weights that they stand for.

    Args:
        rows: neurons or filters.
        columns: what each reads.
        ternary: whether a weight may be 0.
        most: the largest weight; above 1 only where it may be 0.
    """

    def __init__(self, rows: int, columns: int, *, ternary: bool, most: int = 1) -> None:
        super().__init__()
        spread = SPREAD if most == 1 else 0.5
        self.latent = nn.Parameter(torch.empty(rows, columns).uniform_(-spread, spread))
        self.ternary, self.most = ternary, most

    def forward(self) -> Tensor:
        """(rows, columns), whole numbers."""
        if not self.ternary:
            return sign(self.latent)
        weights: Tensor = _Quantised.apply(self.latent, self.most)  # type: ignore[no-untyped-call]
        return weights


class SignBlock(nn.Module):
    """Weights, batch normalisation with a learned shift, and a sign.

    Args:
        shape: (rows, columns, channels) of what it reads; (1, 1, inputs) for a dense layer.
        neurons: neurons, or a convolution.
        ternary: whether a weight may be 0.
    """

    mean: Tensor
    variance: Tensor

    def __init__(
        self, shape: tuple[int, int, int], neurons: int | Convolution, *, ternary: bool
    ) -> None:
        super().__init__()
        rows, columns, channels = shape
        self.shape = shape
        self.convolution = neurons if isinstance(neurons, Convolution) else None
        if isinstance(neurons, Convolution):
            size, stride, twice = neurons.size, neurons.stride, 2 * neurons.padding
            self.outputs = (
                (rows + twice - size) // stride + 1,
                (columns + twice - size) // stride + 1,
                neurons.filters,
            )
            fan_in = channels * size * size
        else:
            self.outputs, fan_in = (1, 1, neurons), rows * columns * channels
        self.weights = Weights(self.outputs[2], fan_in, ternary=ternary)
        self.shift = nn.Parameter(torch.zeros(self.outputs[2]))
        self.register_buffer("mean", torch.zeros(self.outputs[2]))
        self.register_buffer("variance", torch.ones(self.outputs[2]))

    def forward(self, flow: Flow) -> Flow:
        """The signs of images, and the box of signs of their boxes."""
        weight = self.weights()
        values, box, window = flow
        if values is not None:
            normal = functional.batch_norm(
                self._sums(values, weight),
                self.mean,
                self.variance,
                bias=self.shift,
                training=self.training,
                momentum=_MOMENTUM,
                eps=_VARIANCE_FLOOR,
            )
            values = self._rows(sign(normal if window == 1 else normal / window))
        if box is not None:
            box = self._box(box, weight)
        return Flow(values, box, window)

    def _box(self, box: tuple[Tensor, Tensor], weight: Tensor) -> tuple[Tensor, Tensor]:
        # running statistics, which the images of this batch have moved already
        scale = torch.rsqrt(self.variance + _VARIANCE_FLOOR)
        middle = torch.addcmul(self.shift - self.mean * scale, self._sums(box[0], weight), scale)
        reach = self._sums(box[1], weight.abs()) * scale
        low, high = sign(middle - reach), sign(middle + reach)
        return self._rows((low + high) / 2), self._rows((high - low) / 2)

    def _sums(self, values: Tensor, weight: Tensor) -> Tensor:
        """(images x positions, channels)."""
        return self._patches(values) @ weight.T

    def _rows(self, sums: Tensor) -> Tensor:
        rows, columns, channels = self.outputs
        return sums.view(-1, rows * columns * channels)

    def _patches(self, values: Tensor) -> Tensor:
        """What each position reads: (images x positions, channels x window)."""
        if self.convolution is None:
            return values
        window, stride, pad = (
            self.convolution.size,
            self.convolution.stride,
            self.convolution.padding,
        )
        images = values.view(-1, *self.shape)
        padded = functional.pad(images, (0, 0, pad, pad, pad, pad))
        windows = padded.unfold(1, window, stride).unfold(2, window, stride)
        return windows.reshape(-1, self.shape[2] * window * window)

    def thresholds(self) -> Tensor:
        """(channels,) float64: a sum at least this gives +1, in evaluation."""
        mean, variance, shift = (
            each.detach().cpu().double() for each in (self.mean, self.variance, self.shift)
        )
        return mean - shift * torch.sqrt(variance + _VARIANCE_FLOOR)


class Vote(nn.Module):
    """The output: class values of whole weights and whole biases, times one learned scale.

    Args:
        inputs: signs that it reads.
        classes: number of classes.
        ternary: whether a weight may be 0, and there is a bias.
        most: the largest weight.
    """

    def __init__(self, inputs: int, classes: int, *, ternary: bool, most: int) -> None:
        super().__init__()
        self.weights = Weights(classes, inputs, ternary=ternary, most=most)
        self.spread = inputs**0.5 * max(1.0, most / 4)
        self.shift = nn.Parameter(torch.zeros(classes), requires_grad=ternary)
        self.exponent = nn.Parameter(torch.tensor(0.0))

    def biases(self) -> Tensor:
        """(classes,) whole numbers."""
        rounded: Tensor = _Rounded.apply(self.shift * self.spread)  # type: ignore[no-untyped-call]
        return rounded

    def logits(self, values: Tensor) -> Tensor:
        """(images, classes)."""
        sums: Tensor = values @ self.weights().T + self.biases()
        return sums * self._scale()

    def worst_logits(self, box: tuple[Tensor, Tensor], labels: Tensor) -> Tensor:
        """(images, classes): upper bounds of each class's lead over the true one, over the box."""
        weight, biases = self.weights(), self.biases()
        middle, radius = box
        leads: Tensor = middle @ weight.T + biases
        leads = leads - leads.gather(1, labels[:, None])
        # by classes: a table of (images, classes, inputs) would be far larger
        order = torch.argsort(labels, stable=True)
        present, counts = torch.unique_consecutive(labels[order], return_counts=True)
        groups = torch.split(radius[order], counts.tolist())
        reach = torch.cat(
            [
                group @ (weight[label] - weight).abs().T
                for label, group in zip(present.tolist(), groups, strict=True)
            ]
        )
        return (leads + reach[torch.argsort(order)]) * self._scale()

    def _scale(self) -> Tensor:
        scale: Tensor = torch.exp(self.exponent) / self.spread
        return scale
