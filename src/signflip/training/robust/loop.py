"""The loop of robust training: adversaries, intervals, and the best epoch."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy.typing as npt
from torch import Tensor
from torch.nn import functional

from signflip.errors import DataError
from signflip.training.checkpoint import State
from signflip.training.data import checked, run_identity
from signflip.training.epochs import EpochRun, finish
from signflip.training.robust.adversary import adversarial
from signflip.training.robust.boxes import Box, box_of
from signflip.training.robust.layers import Flow
from signflip.training.robust.module import RobustModule
from signflip.training.robust.scores import Scores, scores
from signflip.training.robust.settings import RobustSettings
from signflip.training.robust.witnesses import Witnesses

WARM_UP = 1 / 11
"""Part of the ramp, its first, in which images are still clean."""


@dataclass(frozen=True, kw_only=True)
class RobustReport:
    """What the progress callback hears after each epoch.

    Attributes:
        epoch: epochs finished, from 1 to `epochs`.
        epochs: epochs of the whole run.
        loss: mean training loss of the epoch.
        scores: on the held-out images, at the full epsilon; None where there are none.
        witnesses: how many training images had a known flip in the place of an adversary's point.
        seconds: since the call of `train_robust`.
    """

    epoch: int
    epochs: int
    loss: float
    scores: Scores | None
    witnesses: int
    seconds: float


def train_robust(
    settings: RobustSettings,
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    on_epoch: Callable[[RobustReport], None] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    start: RobustModule | None = None,
) -> RobustModule:
    """Train a network to be robust, and return the best epoch after the ramps.

    Best is what has the largest share of held-out images by `Scores.middle`; without held-out
    images the last epoch.

    Args:
        settings: the run's settings.
        images: (images, inputs) floats in [0, 1].
        labels: (images,) integers, 0 up to the number of classes less 1.
        on_epoch: called after each epoch.
        checkpoint: file that is replaced, atomically, after each epoch; one that exists must be a
            checkpoint.
        resume: go on from `checkpoint`, as if the run had never been interrupted.
        start: a trained network of the same layers to fine-tune, with epsilon and intervals at
            their full values from the first step; None to begin with random weights and ramps.

    Returns:
        The module, in evaluation mode, on the CPU.

    Raises:
        DataError: images and labels do not fit each other or the settings.
        SettingError: the device cannot be used, the layers do not fit the images, or the
            checkpoint is missing, damaged or of another run.
    """

    def begin() -> _RobustRun:
        return _RobustRun(settings, *checked(settings, images, labels), start)

    def after(run: _RobustRun, loss: float, seconds: float) -> None:
        if on_epoch is not None:
            on_epoch(
                RobustReport(
                    epoch=run.epoch,
                    epochs=run.epochs,
                    loss=loss,
                    scores=run.scores,
                    witnesses=len(run.witnesses or ()),
                    seconds=seconds,
                )
            )

    run = finish(begin, checkpoint=checkpoint, resume=resume, after=after)
    run.module.load_state_dict(run.best)
    return run.module.cpu().eval()


class _RobustRun(EpochRun[RobustModule]):
    """A robust training run."""

    def __init__(
        self, settings: RobustSettings, images: Tensor, labels: Tensor, start: RobustModule | None
    ) -> None:
        self.settings = settings
        kept = len(images) - round(settings.held_out * len(images))
        if kept < settings.batch_size:
            raise DataError(
                f"{len(images) - kept} of {len(images)} images are held out, and the rest are "
                f"fewer than a batch of {settings.batch_size}: lower held_out or batch_size"
            )

        def make() -> RobustModule:
            classes = int(labels.max()) + 1
            module = RobustModule(settings, inputs=images.shape[1], classes=classes)
            if start is not None:
                module.load_state_dict(start.state_dict())
            return module

        identity = {**run_identity(settings, images, labels), "start": _digest(start)}
        super().__init__(settings, identity, make, images[:kept], labels[:kept])
        device = self.images.device
        self.held_images, self.held_labels = images[kept:].to(device), labels[kept:].to(device)
        self.ramp = settings.ramp if start is None else 0.0
        self.scores: Scores | None = None
        self.witnesses: Witnesses | None = None
        if settings.witnesses > 0:
            self.witnesses = Witnesses(settings, self.images, self.labels)
        self.best: State = {}
        self.best_score = -1.0

    def step_epoch(self) -> float:
        """Train for one epoch, and score it."""
        loss = super().step_epoch()
        self._judge()
        return loss

    def _share(self, progress: float) -> float:
        """How much of epsilon and of the interval loss is there, from 0 to 1."""
        begin = WARM_UP * self.ramp
        return 1.0 if progress >= self.ramp else max(0.0, (progress - begin) / (self.ramp - begin))

    def batch_loss(self, chosen: Tensor, progress: float) -> Tensor:
        """Of adversaries, and of the worst class values that intervals allow."""
        pixels, labels = self.images[chosen], self.labels[chosen]
        settings, module, share = self.settings, self.module, self._share(progress)
        epsilon = share * settings.epsilon
        box = box_of(pixels, epsilon, module.levels)
        wide = box
        if settings.wider > 1:
            wide = box_of(pixels, settings.wider * epsilon, module.levels)
        steps = settings.pgd if share > 0 else 0
        point = adversarial(module, wide, labels, steps, self.random, settings.window)
        if self.witnesses is not None:
            if share == 1:
                self.witnesses.renew(module, chosen)
            point = self.witnesses.replacing(point, chosen, module.levels)
        loss = self._loss(module.logits(point, settings.learning_window), labels)
        weight = share * settings.interval
        bounded = round(settings.bounded * len(pixels))
        if weight == 0 or bounded == 0:
            return loss
        part = slice(0, bounded)
        worst = self._worst(box.part(part), labels[part])
        return (1 - weight) * loss + weight * functional.cross_entropy(worst, labels[part])

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy with smoothed labels, in which hopeless images count for less."""
        each = functional.cross_entropy(
            logits, labels, label_smoothing=self.settings.smoothing, reduction="none"
        )
        chances = functional.softmax(logits.detach(), dim=1).gather(1, labels[:, None])[:, 0]
        weights = chances**self.settings.leniency
        return (weights * each).sum() / weights.sum()

    def _worst(self, box: Box, labels: Tensor) -> Tensor:
        above = self.module.boxed(Flow(None, (box.middle, box.radius)))
        return self.module.vote.worst_logits(above, labels)

    def _judge(self) -> None:
        """Score the epoch, and keep it if it is the best after the ramps."""
        self.scores, score = None, 0.0
        if len(self.held_images):
            epsilon = self.settings.epsilon
            self.scores = scores(self.module, self.held_images, self.held_labels, epsilon)
            score = self.scores.middle
        ramped = self.epoch >= self.ramp * self.epochs
        if (ramped and score >= self.best_score) or self.epoch == self.epochs == 1:
            self.best_score, self.best = score, copy.deepcopy(self.module.state_dict())

    def state(self) -> State:
        """All that the rest of the run depends on."""
        witnesses = {} if self.witnesses is None else self.witnesses.state()
        best = {"best": self.best, "best_score": self.best_score}
        return {**super().state(), **best, "witnesses": witnesses}

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        super().restore(state)
        self.best, self.best_score = state["best"], state["best_score"]
        if self.witnesses is not None:
            self.witnesses.restore(state["witnesses"])


def _digest(module: RobustModule | None) -> str | None:
    """SHA-256 of a module's weights; None for none."""
    if module is None:
        return None
    digest = hashlib.sha256()
    for name, values in module.state_dict().items():
        digest.update(name.encode())
        digest.update(values.cpu().numpy().tobytes())
    return digest.hexdigest()
