"""Training for robustness that can be proved: adversaries, and intervals through the signs."""

from signflip.training.robust.fold import fold_robust
from signflip.training.robust.loop import RobustReport, train_robust
from signflip.training.robust.module import RobustModule
from signflip.training.robust.scores import Scores
from signflip.training.robust.settings import Convolution, RobustSettings

__all__ = [
    "Convolution",
    "RobustModule",
    "RobustReport",
    "RobustSettings",
    "Scores",
    "fold_robust",
    "train_robust",
]
