"""Runs that take a second: settings, one that is interrupted, and whether two ended alike."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from signflip.network import Floats, Integers
from signflip.training.robust import (
    Convolution,
    RobustModule,
    RobustReport,
    RobustSettings,
    train_robust,
)

BASE = RobustSettings(
    hidden=(12,), epochs=4, batch_size=32, epsilon=0.05, interval=0.3, pgd=2, device="cpu", seed=1
)
VOTE = replace(
    BASE,
    hidden=(),
    convolutions=(Convolution(filters=6, size=3, stride=2),),
    levels=(0.3, 0.7),
    ternary=True,
    vote=7,
)


def same(first: RobustModule, second: RobustModule) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def interrupted(
    settings: RobustSettings, data: tuple[Floats, Integers], checkpoint: Path, *, epoch: int
) -> None:
    """Train, and be interrupted after an epoch."""

    def stop(report: RobustReport) -> None:
        if report.epoch == epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_robust(settings, *data, on_epoch=stop, checkpoint=checkpoint)
