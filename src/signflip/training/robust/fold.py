"""From the trained network to a `BinaryNetwork` that is the same function."""

import numpy as np
import numpy.typing as npt
import torch

from signflip.arrays import Floats, Integers
from signflip.network import BinaryNetwork, Conv2d, Dense, LinearMap, OutputLayer, SignLayer, Sparse
from signflip.training.robust.layers import SignBlock
from signflip.training.robust.module import RobustModule


def fold_robust(module: RobustModule) -> BinaryNetwork:
    """The `BinaryNetwork` that predicts what `module` predicts in evaluation.

    Levels become a layer of one neuron for each pixel and level; batch normalisation, whose gain
    is 1, becomes thresholds, in float64; the learned scale of the vote orders no two classes
    differently and is dropped. Flat layers list channels first, as `Conv2d` does.
    """
    hidden: list[SignLayer] = []
    rows, columns = module.image
    levels = module.levels.cpu().numpy()
    if len(levels):
        pixels = np.arange(rows * columns)
        hidden.append(
            SignLayer(
                Sparse.selection(len(pixels), np.tile(pixels, len(levels))),
                np.repeat(_decimal(levels), len(pixels)),
            )
        )
    shape = (rows, columns, max(1, len(levels)))
    for block in module.sign_blocks():
        hidden.append(_layer(block))
        shape = block.outputs
    vote = module.vote
    weight = vote.weights().detach().cpu().numpy()
    output = OutputLayer(
        weight=weight[:, _channels_first(shape)],
        scale=np.ones(len(weight)),
        bias=vote.biases().detach().cpu().double().numpy(),
    )
    return BinaryNetwork(hidden=tuple(hidden), output=output, input_shape=(rows, columns))


def _layer(block: SignBlock) -> SignLayer:
    rows, columns, channels = block.shape
    weight = block.weights().detach().cpu().numpy().astype(np.int8)
    convolution = block.convolution
    made: LinearMap
    if convolution is None:
        made = Dense(weight[:, _channels_first(block.shape)])
        threshold = block.thresholds()
    else:
        size, stride, pad = convolution.size, convolution.stride, convolution.padding
        made = Conv2d(
            weight.reshape(-1, channels, size, size),
            (channels, rows, columns),
            stride=(stride, stride),
            padding=(pad, pad, pad, pad),
        )
        threshold = block.thresholds().repeat_interleave(block.outputs[0] * block.outputs[1])
    return SignLayer(made, _bounded(threshold, made.fan_in))


def _bounded(threshold: torch.Tensor, fan_in: Integers) -> Floats:
    """A threshold that no sum reaches, or every sum, may be moved to just beyond them."""
    limit = fan_in + 1.0
    bounded: Floats = np.clip(threshold.numpy(), -limit, limit)
    return bounded


def _channels_first(shape: tuple[int, int, int]) -> Integers:
    """Where each value of (channels, rows, columns) stands in (rows, columns, channels)."""
    places: Integers = np.arange(np.prod(shape)).reshape(shape).transpose(2, 0, 1).ravel()
    return places


def _decimal(levels: npt.NDArray[np.float32]) -> Floats:
    """The float64 numbers that the levels were written as: 0.3, not the float32 beside it."""
    return np.array([float(str(level)) for level in levels])
