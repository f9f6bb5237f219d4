"""What a training run depends on, besides its data."""

from dataclasses import dataclass

import torch

from signflip.errors import SettingError
from signflip.settings import check_each, check_number, check_whole, is_whole

MOST_EPOCHS = 100_000
"""A thousand times the default: more is a slip of the keys, and a run that never ends."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Settings of a training run; the same settings and data give the same network.

    That holds to the bit on one kind of machine with one version of PyTorch, one number of
    threads, and the CPU as device.

    Attributes:
        hidden: widths of the hidden layers, first to last.
        epochs: passes over the images, at most `MOST_EPOCHS`; the learning rate falls to 0 along
            half a cosine.
        batch_size: images in a step, at least 2 (batch normalisation needs a variance).
        learning_rate: of Adam, at the start.
        seed: of the first weights and of the order of the images.
        device: "auto" (a GPU if there is one), or any name that PyTorch knows: "cpu", "cuda:1".
    """

    hidden: tuple[int, ...] = (100, 100)
    epochs: int = 100
    batch_size: int = 256
    learning_rate: float = 0.005
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        check_each(is_whole, "whole numbers, one a layer: (100, 100)", hidden=self.hidden)
        check_number(learning_rate=self.learning_rate)
        if not isinstance(self.device, str | torch.device):
            raise SettingError(f"device is {self.device!r}; it must be a name: 'auto' or 'cpu'")
        if not self.hidden or min(self.hidden) < 1:
            raise SettingError(
                f"hidden is {self.hidden}; it must name one width, at least 1, a layer: (100, 100)"
            )
        check_whole(epochs=self.epochs, batch_size=self.batch_size, seed=self.seed)
        if not 1 <= self.epochs <= MOST_EPOCHS:
            raise SettingError(f"epochs is {self.epochs}; it must be from 1 to {MOST_EPOCHS:,}")
        if self.batch_size < 2:
            raise SettingError(
                f"batch_size is {self.batch_size}; it must be at least 2: batch normalisation "
                "needs a variance"
            )
        if not 0 < self.learning_rate <= 1:
            raise SettingError(
                f"learning_rate is {self.learning_rate}; it must be above 0 and at most 1, as a "
                "step of Adam is about so long and weights lie between -1 and 1: 0.005"
            )
        if not 0 <= self.seed < 2**63:
            raise SettingError(f"seed is {self.seed}; it must be from 0 to 2**63 - 1")

    @property
    def layers(self) -> str:
        """The layers that are asked for, in words."""
        return f"hidden layers {self.hidden}"

    def torch_device(self) -> torch.device:
        """The device to train on.

        Raises:
            SettingError: PyTorch does not know the device, or the machine has none.
        """
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            device = torch.device(self.device)
            torch.zeros(1, device=device).item()  # also "meta", which holds no numbers, is refused
        except (RuntimeError, AssertionError) as error:
            # A build of PyTorch without CUDA answers with an AssertionError.
            raise SettingError(
                f"device {self.device!r} cannot be used ({str(error).splitlines()[0]}): use "
                "'auto' or 'cpu'"
            ) from error
        return device
