"""What every training run does with its data: checks, identity, learning rate."""

import hashlib
import math
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from signflip.errors import DataError
from signflip.training.checkpoint import Identity
from signflip.training.settings import TrainingSettings


def cosine(progress: float) -> float:
    """Half a cosine, from 1 at progress 0 to 0 at progress 1."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def run_identity(settings: TrainingSettings, images: Tensor, labels: Tensor) -> Identity:
    """What makes a run this run: its settings and its data."""
    digest = hashlib.sha256(images.numpy().tobytes())
    digest.update(labels.numpy().tobytes())
    return {**asdict(settings), "data_sha256": digest.hexdigest()}


def checked(
    settings: TrainingSettings, images: npt.ArrayLike, labels: npt.ArrayLike
) -> tuple[Tensor, Tensor]:
    """Images (images, inputs) float32 and labels (images,) int64 as tensors.

    Raises:
        DataError: they do not fit each other or the settings.
    """
    pixels, classes = np.asarray(images), np.asarray(labels)
    if pixels.ndim != 2 or classes.shape != pixels.shape[:1]:
        raise DataError(
            f"images have shape {pixels.shape} and labels {classes.shape}; they must be "
            "(images, inputs) and (images,): flatten the images"
        )
    if len(pixels) < settings.batch_size:
        raise DataError(
            f"there are {len(pixels)} images, fewer than a batch of {settings.batch_size}: give "
            "more images or a smaller batch_size"
        )
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= 1):  # also when NaN is among them
        raise DataError(
            f"images range from {low} to {high}; they must lie in [0, 1]: divide bytes by 255"
        )
    if not np.issubdtype(classes.dtype, np.integer) or classes.min() < 0 or classes.max() < 1:
        raise DataError(
            f"labels are {classes.dtype} from {classes.min()} to {classes.max()}; they must be "
            "integers from 0, of at least two classes"
        )
    return torch.tensor(pixels, dtype=torch.float32), torch.tensor(classes, dtype=torch.int64)
