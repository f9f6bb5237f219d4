"""The card of a trained network: what one must know to use it, or to train it again."""

import json
from dataclasses import asdict

import torch

from signflip.training.settings import TrainingSettings


def training_card(
    settings: TrainingSettings, *, dataset: str, training_images: str, accuracy: float
) -> dict[str, str]:
    """Card of a network trained with `settings`, ready for `BinaryNetwork.card`.

    Args:
        settings: the run's settings.
        dataset: name of the data set.
        training_images: which of its images were trained on, in words.
        accuracy: share of the test images that the folded network classifies rightly, in [0, 1].
    """
    return {
        "dataset": dataset,
        "training_images": training_images,
        "accuracy": f"{accuracy:.4f}",
        "seed": str(settings.seed),
        "settings": json.dumps(asdict(settings), sort_keys=True),
        "torch": torch.__version__,
    }
