"""What every training run is: epochs of shuffled batches, Adam, and checkpoints between them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from signflip.errors import SettingError
from signflip.training.checkpoint import (
    Identity,
    State,
    check_replaceable,
    load_checkpoint,
    save_checkpoint,
)
from signflip.training.data import cosine
from signflip.training.modules import LatentModule
from signflip.training.settings import TrainingSettings

_TOO_LARGE = (RuntimeError, MemoryError, TypeError, ValueError, OverflowError)
"""What PyTorch raises for tensors that do not fit in memory, and for sizes that are no int64."""

Module = TypeVar("Module", bound=LatentModule)


class EpochRun(ABC, Generic[Module]):
    """A training run between two epochs; `state` and `restore` are its whole memory.

    Args:
        settings: the run's settings.
        identity: what makes it this run.
        make: the module with its first weights, which are drawn by the settings' seed.
        images: (images, inputs) float32.
        labels: (images,) int64.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        identity: Identity,
        make: Callable[[], Module],
        images: Tensor,
        labels: Tensor,
    ) -> None:
        self.epoch = 0
        self.identity = identity
        self.epochs = settings.epochs
        self._size, self._rate = settings.batch_size, settings.learning_rate
        device = settings.torch_device()
        self.images, self.labels = images.to(device), labels.to(device)
        # The caller's random numbers are left as they were.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            try:
                self.module = make().to(device)
            except _TOO_LARGE as error:
                if not any(word in str(error).lower() for word in ("memory", "overflow")):
                    raise
                raise SettingError(
                    f"the network of {settings.layers} does not fit in memory; name narrower layers"
                ) from error
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=settings.learning_rate)
        self.random = torch.Generator().manual_seed(settings.seed)

    @abstractmethod
    def batch_loss(self, chosen: Tensor, progress: float) -> Tensor:
        """The loss of a batch: the numbers of its images, and the share of the run so far."""

    def step_epoch(self) -> float:
        """Train for one epoch; the mean loss over its batches."""
        size = self._size
        # The images that would make a last, smaller batch wait for a later epoch's shuffle.
        batches = len(self.images) // size
        order = torch.randperm(len(self.images), generator=self.random).to(self.images.device)
        self.module.train()
        total = torch.zeros((), device=self.images.device)
        for batch in range(batches):
            progress = (self.epoch + batch / batches) / self.epochs
            for group in self.optimizer.param_groups:
                group["lr"] = self._rate * cosine(progress)
            chosen = order[batch * size : (batch + 1) * size]
            loss = self.batch_loss(chosen, progress)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.module.clip()
            total += loss.detach()
        self.epoch += 1
        return float(total) / batches

    def state(self) -> State:
        """All that the rest of the run depends on."""
        return {
            "epoch": self.epoch,
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "shuffling": self.random.get_state(),
        }

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        self.epoch = state["epoch"]
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.random.set_state(state["shuffling"])


Run = TypeVar("Run", bound=EpochRun[Any])


def finish(
    begin: Callable[[], Run],
    *,
    checkpoint: str | Path | None,
    resume: bool,
    after: Callable[[Run, float, float], None],
) -> Run:
    """Train to the end.

    Args:
        begin: makes the run, before its first epoch.
        checkpoint: file that is replaced, atomically, after each epoch; one that exists must be a
            checkpoint. None for none.
        resume: go on from `checkpoint`.
        after: called after each epoch with the run, its loss, and the seconds since the start.

    Raises:
        SettingError: the checkpoint is missing, damaged or of another run, or its file is something
            else.
    """
    if resume and checkpoint is None:
        raise SettingError("resume=True needs a checkpoint to go on from: give checkpoint=PATH")
    if checkpoint is not None and not resume:
        check_replaceable(checkpoint)
    run = begin()
    if resume and checkpoint is not None:
        run.restore(load_checkpoint(checkpoint, run.identity))
    start = time.monotonic()
    while run.epoch < run.epochs:
        loss = run.step_epoch()
        if checkpoint is not None:
            save_checkpoint(checkpoint, run.identity, run.state())
        after(run, loss, time.monotonic() - start)
    return run
