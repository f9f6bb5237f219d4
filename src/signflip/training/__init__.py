"""Training of binarized networks in PyTorch, and folding of the result into a `BinaryNetwork`.

Nothing else in Signflip imports torch.
"""

from signflip.errors import MissingExtraError

try:
    import torch as _torch  # noqa: F401  # only to answer its absence with a clear error
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise MissingExtraError("torch", "train", "training") from error

from signflip.training.card import training_card
from signflip.training.fold import fold
from signflip.training.loop import EpochReport, train
from signflip.training.modules import BinaryLinear, BinaryModule, sign
from signflip.training.settings import TrainingSettings

__all__ = [
    "BinaryLinear",
    "BinaryModule",
    "EpochReport",
    "TrainingSettings",
    "fold",
    "sign",
    "train",
    "training_card",
]
