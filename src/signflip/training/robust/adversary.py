"""Adversarial examples for training: projected gradient steps on the surrogate, inside the box."""

import torch
from torch import Tensor
from torch.nn import functional

from signflip.training.robust.boxes import Box
from signflip.training.robust.module import RobustModule

_REACH = 2.5
"""All steps together go so many radii far (Madry et al. 2018)."""


def adversarial(
    module: RobustModule,
    box: Box,
    labels: Tensor,
    steps: int,
    random: torch.Generator,
    window: float = 1.0,
) -> Tensor:
    """What the first layer reads (images, values) of images in the box that are hard to classify.

    Bits stay bits: each goes where the gradient points. Gradients are straight-through.

    Args:
        module: the network; statistics of its batch normalisation are not moved.
        box: the boxes.
        labels: true classes.
        steps: of the gradient; 0 for the clean images.
        random: draws the corner to start from.
        window: that of `RobustSettings`.
    """
    if steps == 0:
        return box.clean
    bits = len(module.levels) > 0
    draws = torch.rand(box.radius.shape, generator=random).to(box.radius.device)
    offset = torch.where(draws < 0.5, -1.0, 1.0) if bits else draws.mul_(2).sub_(1)
    point = torch.addcmul(box.middle, box.radius, offset)
    training = module.training
    module.eval().requires_grad_(False)
    for _ in range(steps):
        point.requires_grad_(True)
        loss = functional.cross_entropy(module.logits(point, window), labels)
        (gradient,) = torch.autograd.grad(loss, point)
        uphill = torch.sign(gradient)
        if bits:
            corner = torch.addcmul(box.middle, box.radius, uphill)
            point = torch.where(uphill == 0, point.detach(), corner)
        else:
            moved = torch.addcmul(point.detach(), box.radius, uphill, value=_REACH / steps)
            point = moved.clamp_(box.middle - box.radius, box.middle + box.radius)
    module.train(training).requires_grad_(True)
    module.vote.shift.requires_grad_(module.vote.weights.ternary)
    return point.detach()
