"""The training loop: cross-entropy, Adam, and clipped latent weights."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from signflip.errors import SettingError
from signflip.training.checkpoint import (
    State,
    check_replaceable,
    load_checkpoint,
    save_checkpoint,
)
from signflip.training.data import checked, cosine, run_identity
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
    if resume and checkpoint is None:
        raise SettingError("resume=True needs a checkpoint to go on from: give checkpoint=PATH")
    if checkpoint is not None and not resume:
        check_replaceable(checkpoint)
    run = _Run(settings, *checked(settings, images, labels))
    if resume and checkpoint is not None:
        run.restore(load_checkpoint(checkpoint, run.identity))
    start = time.monotonic()
    while run.epoch < settings.epochs:
        loss = run.step_epoch()
        if checkpoint is not None:
            save_checkpoint(checkpoint, run.identity, run.state())
        if on_epoch is not None:
            on_epoch(
                EpochReport(
                    epoch=run.epoch,
                    epochs=settings.epochs,
                    loss=loss,
                    seconds=time.monotonic() - start,
                )
            )
    return run.module.cpu().eval()


class _Run:
    """A training run between two epochs; `state` and `restore` are its whole memory."""

    def __init__(self, settings: TrainingSettings, images: Tensor, labels: Tensor) -> None:
        self.settings = settings
        self.epoch = 0
        self.identity = run_identity(settings, images, labels)
        device = settings.torch_device()
        self.images, self.labels = images.to(device), labels.to(device)
        # The caller's random numbers are left as they were.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.module = BinaryModule(
                inputs=images.shape[1], hidden=settings.hidden, classes=int(labels.max()) + 1
            ).to(device)
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=settings.learning_rate)
        self.shuffling = torch.Generator().manual_seed(settings.seed)

    def step_epoch(self) -> float:
        """Train for one epoch; the mean loss over its batches."""
        size = self.settings.batch_size
        # The images that would make a last, smaller batch wait for a later epoch's shuffle.
        batches = len(self.images) // size
        order = torch.randperm(len(self.images), generator=self.shuffling).to(self.images.device)
        self.module.train()
        total = torch.zeros((), device=self.images.device)
        for batch in range(batches):
            self._set_learning_rate((self.epoch + batch / batches) / self.settings.epochs)
            chosen = order[batch * size : (batch + 1) * size]
            loss = functional.cross_entropy(self.module(self.images[chosen]), self.labels[chosen])
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.module.clip()
            total += loss.detach()
        self.epoch += 1
        return float(total) / batches

    def _set_learning_rate(self, progress: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * cosine(progress)

    def state(self) -> State:
        return {
            "epoch": self.epoch,
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "shuffling": self.shuffling.get_state(),
        }

    def restore(self, state: State) -> None:
        self.epoch = state["epoch"]
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.shuffling.set_state(state["shuffling"])
