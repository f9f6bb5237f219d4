"""The training loop: cross-entropy, Adam, and clipped latent weights."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy.typing as npt
from torch import Tensor
from torch.nn import functional

from signflip.training.data import checked, run_identity
from signflip.training.epochs import EpochRun, finish
from signflip.training.modules import BinaryModule
from signflip.training.settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """What the progress callback hears after each epoch.

    Attributes:
        epoch: epochs finished, from 1 to `epochs`.
        epochs: epochs of the whole run.
        loss: mean training loss of the epoch.
        seconds: since the call of `train`.
    """

    epoch: int
    epochs: int
    loss: float
    seconds: float


def train(
    settings: TrainingSettings,
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    on_epoch: Callable[[EpochReport], None] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
) -> BinaryModule:
    """Train a network as in the paper and return the weights of the last epoch.

    Args:
        settings: the run's settings.
        images: (images, inputs) floats in [0, 1]; used as they are, without normalisation.
        labels: (images,) integers, 0 up to the number of classes less 1.
        on_epoch: called after each epoch.
        checkpoint: file that is replaced, atomically, after each epoch; one that exists must be a
            checkpoint.
        resume: go on from `checkpoint`; the weights at the end are those of a run that was never
            interrupted.

    Returns:
        The module, in evaluation mode, on the CPU.

    Raises:
        DataError: images and labels do not fit each other or the settings.
        SettingError: the device cannot be used, the checkpoint is missing, damaged or of another
            run, or its file is something else.
    """

    def after(run: _Run, loss: float, seconds: float) -> None:
        if on_epoch is not None:
            on_epoch(EpochReport(epoch=run.epoch, epochs=run.epochs, loss=loss, seconds=seconds))

    def begin() -> _Run:
        return _Run(settings, *checked(settings, images, labels))

    run = finish(begin, checkpoint=checkpoint, resume=resume, after=after)
    return run.module.cpu().eval()


class _Run(EpochRun[BinaryModule]):
    """A run of the paper's training."""

    def __init__(self, settings: TrainingSettings, images: Tensor, labels: Tensor) -> None:
        def make() -> BinaryModule:
            classes = int(labels.max()) + 1
            return BinaryModule(inputs=images.shape[1], hidden=settings.hidden, classes=classes)

        super().__init__(settings, run_identity(settings, images, labels), make, images, labels)

    def batch_loss(self, chosen: Tensor, progress: float) -> Tensor:
        """Cross-entropy."""
        del progress
        return functional.cross_entropy(self.module(self.images[chosen]), self.labels[chosen])
