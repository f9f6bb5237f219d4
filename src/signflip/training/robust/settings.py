"""What a robust training run depends on, besides its data."""

import re
from dataclasses import dataclass
from typing import Self

import numpy as np

from signflip.errors import SettingError
from signflip.settings import check_each, check_flag, check_number, check_whole, is_number, is_whole
from signflip.training.settings import TrainingSettings

WITNESS_METHODS = ("walk", "exact")
"""The pattern walk, some hundred moves an image, and the exact search, 0.05 s an image."""
MOST_STEPS = 1_000
"""Of the adversary, on each batch: a step is a pass forth and back, and 4 are the default."""
MOST_IN_CONVOLUTION = 10_000
"""Filters, rows of a window, steps between windows: no image and no memory has room for more."""


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """A convolutional layer, padded with zeros by half its size.

    Attributes:
        filters: number of filters.
        size: rows and columns of a window.
        stride: steps from window to window.

    Raises:
        SettingError: a number is not from 1 to `MOST_IN_CONVOLUTION`.
    """

    filters: int
    size: int
    stride: int = 1

    def __post_init__(self) -> None:
        check_whole(filters=self.filters, size=self.size, stride=self.stride)
        numbers = (self.filters, self.size, self.stride)
        if not 1 <= min(numbers) <= max(numbers) <= MOST_IN_CONVOLUTION:
            raise SettingError(
                f"the convolution {self} has a number that is not from 1 to "
                f"{MOST_IN_CONVOLUTION:,}; write FILTERS@SIZExSIZE/STRIDE: 32@5x5/2"
            )

    def __str__(self) -> str:
        return f"{self.filters}@{self.size}x{self.size}/{self.stride}"

    @property
    def padding(self) -> int:
        """Zeros around the image, on each side."""
        return (self.size - 1) // 2

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `32@5x5/2`, or `32@5x5` for a stride of 1.

        Raises:
            SettingError: the text is none.
        """
        found = re.fullmatch(r"\s*(\d+)@(\d+)x(\d+)(?:/(\d+))?\s*", str(text), re.ASCII)
        if found is None or found[2] != found[3]:
            raise SettingError(
                f"{text!r} names no convolution; write FILTERS@SIZExSIZE/STRIDE with a square "
                "window: 32@5x5/2"
            )
        return cls(filters=int(found[1]), size=int(found[2]), stride=int(found[4] or 1))


@dataclass(frozen=True, kw_only=True)
class RobustSettings(TrainingSettings):
    """Settings of a training run for a network that is robust, and can be proved so.

    The loss is `(1 - k) CE(adversarial) + k CE(worst logits by intervals)`; epsilon and k rise from
    0 to their full values early in the run.

    Attributes:
        hidden: widths of the dense layers after the convolutions; empty for a vote right on these.
        epsilon: the radius to be robust at, in the unit of the images.
        interval: k, the share of the interval loss.
        pgd: steps of the adversary, at most `MOST_STEPS`; 0 to train on clean images.
        wider: how many times epsilon the adversary may go: few steps in a larger ball find much of
            what many would find in the ball itself.
        window: the adversary's gradients come through a sign where its normalised sum is so near to
            0. One bit moves a sum by a fraction of that: with bits, a third finds more flips.
        learning_window: the same for the gradients that the weights learn by, from images. Below 1
            only sums that a small step can turn have a say.
        smoothing: share of each label that is spread evenly over all classes, in the loss of
            adversaries: it asks for no more of an image that has a lead already.
        leniency: q, where an adversarial image counts by p**q, and p is the chance that the network
            gives to the true class: what is hopeless anyway counts for less, as in the generalised
            cross-entropy of Zhang and Sabuncu (2018). 0 to count all alike.
        ramp: share of the steps by which epsilon and k are at their full values. They begin to rise
            after an eleventh of that.
        bounded: share of each batch that the interval loss is taken of.
        witnesses: share of each batch after the ramp that is attacked before the step. A flip
            takes the place of the adversary's point, until its image is attacked again.
        witness_method: what finds them: one of `WITNESS_METHODS`.
        witness_reach: how many times epsilon they may go.
        ternary: whether weights may be 0; the output has a bias then.
        vote: largest weight of the output; above 1 its weights are whole numbers up to that.
        levels: thresholds that turn each pixel into bits; empty for real pixels.
        convolutions: the layers before the dense ones.
        image_shape: (rows, columns) of an image; None for a square.
        held_out: share of the images, the last ones, that are scored and not trained on.
    """

    hidden: tuple[int, ...] = (100, 100)
    epochs: int = 10
    learning_rate: float = 0.03
    epsilon: float = 0.02
    interval: float = 0.05
    pgd: int = 4
    wider: float = 1.5
    window: float = 0.35
    learning_window: float = 0.25
    smoothing: float = 0.0
    leniency: float = 0.5
    ramp: float = 0.25
    bounded: float = 1.0
    witnesses: float = 0.0
    witness_method: str = "walk"
    witness_reach: float = 1.25
    ternary: bool = False
    vote: int = 1
    levels: tuple[float, ...] = ()
    convolutions: tuple[Convolution, ...] = ()
    image_shape: tuple[int, int] | None = None
    held_out: float = 0.1

    def __post_init__(self) -> None:
        self._check_kinds()
        if not self.convolutions or self.hidden:
            super().__post_init__()
        else:
            TrainingSettings(
                epochs=self.epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                seed=self.seed,
            )
        for name, least, most in (
            ("epsilon", 0.0, 1.0),
            ("interval", 0.0, 1.0),
            ("bounded", 0.0, 1.0),
            ("witnesses", 0.0, 1.0),
            ("smoothing", 0.0, 0.9),
            ("leniency", 0.0, 1.0),
            ("ramp", 0.0, 1.0),
            ("held_out", 0.0, 0.9),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise SettingError(f"{name} is {value}; it must be from {least:g} to {most:g}")
        for name in ("window", "learning_window"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise SettingError(f"{name} is {value}; it must be above 0 and at most 1: 0.3333")
        for name in ("wider", "witness_reach"):
            value = getattr(self, name)
            if not 1 <= value < float("inf"):
                raise SettingError(f"{name} is {value}; it must be at least 1 and finite: 1.5")
        if self.witness_method not in WITNESS_METHODS:
            raise SettingError(
                f"witness_method is {self.witness_method!r}; it must be one of "
                f"{', '.join(WITNESS_METHODS)}"
            )
        if not 0 <= self.pgd <= MOST_STEPS:
            raise SettingError(f"pgd is {self.pgd}; it must be from 0 to {MOST_STEPS:,} steps")
        if not 1 <= self.vote <= 127:
            raise SettingError(f"vote is {self.vote}; it must be from 1 to 127")
        if self.vote > 1 and not self.ternary:
            raise SettingError(
                f"vote is {self.vote}, and weights are -1 and +1 only; allow 0 too: ternary=True"
            )
        levels = np.array(self.levels, dtype=np.float32)  # as they are trained
        if not np.all(np.diff(levels) > 0) or not np.all((levels > 0) & (levels < 1)):
            raise SettingError(
                f"levels are {self.levels}; they must rise and lie between 0 and 1, as float32 "
                "numbers too: 0.3 and 0.6"
            )

    def _check_kinds(self) -> None:
        check_number(
            epsilon=self.epsilon,
            interval=self.interval,
            wider=self.wider,
            window=self.window,
            learning_window=self.learning_window,
            smoothing=self.smoothing,
            leniency=self.leniency,
            ramp=self.ramp,
            bounded=self.bounded,
            witnesses=self.witnesses,
            witness_reach=self.witness_reach,
            held_out=self.held_out,
        )
        check_whole(pgd=self.pgd, vote=self.vote)
        check_flag(ternary=self.ternary)
        check_each(is_number, "numbers: (0.3, 0.6)", levels=self.levels)
        check_each(
            lambda layer: isinstance(layer, Convolution),
            "Convolution, such as (Convolution.parse('32@5x5/2'),)",
            convolutions=self.convolutions,
        )
        if self.image_shape is not None:
            check_each(is_whole, "two whole numbers: (28, 28)", image_shape=self.image_shape)
            if len(self.image_shape) != 2 or min(self.image_shape) < 1:
                raise SettingError(
                    f"image_shape is {self.image_shape}; it must be (rows, columns), each at "
                    "least 1: (28, 28)"
                )

    @property
    def layers(self) -> str:
        """The layers that are asked for, in words."""
        convolutions = ", ".join(map(str, self.convolutions))
        return (f"convolutions {convolutions} and " if convolutions else "") + super().layers
