"""Settings of runs that take a second, and whether two of them ended alike."""

from dataclasses import replace

import torch

from signflip.training.robust import Convolution, RobustModule, RobustSettings

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
