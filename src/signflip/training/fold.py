"""Folding: batch normalisation before a sign becomes a threshold on integers or reals."""

import numpy as np
import torch
from torch import nn

from signflip.arrays import Signs
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.training.modules import BinaryLinear, BinaryModule


def fold(module: BinaryModule) -> BinaryNetwork:
    """The `BinaryNetwork` that predicts what `module` predicts in evaluation.

    With running mean mu and variance var, batch normalisation of the pre-activation a is
    `g (a - mu) / s + b`, `s = sqrt(var + eps)`; it is >= 0 iff

        a >= mu - b s / g     for g > 0,
        -a >= -(mu - b s / g) for g < 0 (the weights are negated),
        b >= 0                for g = 0 (a constant neuron).

    All of it is computed in float64. The temperature of the loss is dropped: scale 1, bias 0.
    """
    hidden = tuple(_fold_layer(linear, norm) for linear, norm in module.hidden_layers())
    weight = _signs(module.output)
    classes = len(weight)
    output = OutputLayer(weight=weight, scale=np.ones(classes), bias=np.zeros(classes))
    return BinaryNetwork(hidden=hidden, output=output)


def _fold_layer(linear: BinaryLinear, norm: nn.BatchNorm1d) -> SignLayer:
    weight = _signs(linear)
    state = {name: values.cpu().double() for name, values in norm.state_dict().items()}
    gain, shift = state["weight"], state["bias"]
    mean, variance = state["running_mean"], state["running_var"]
    threshold = mean - shift * torch.sqrt(variance + norm.eps) / gain
    threshold = torch.where(gain < 0, -threshold, threshold)
    # |a| <= fan-in, so a threshold beyond fan-in + 1 (a gain near 0) may be moved there.
    beyond = weight.shape[1] + 1.0
    constant = torch.where(shift >= 0, -beyond, beyond)
    threshold = torch.where(gain == 0, constant, threshold.clamp(-beyond, beyond))
    weight = np.where(gain.numpy()[:, None] < 0, -weight, weight)
    return SignLayer.dense(weight, threshold.numpy())


def _signs(linear: BinaryLinear) -> Signs:
    return np.where(linear.latent.detach().cpu().numpy() >= 0, 1, -1).astype(np.int8)
