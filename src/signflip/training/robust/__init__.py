"""Training for robustness that can be proved: adversaries, and intervals through the signs."""

from signflip.training.robust.fold import fold_robust
from signflip.training.robust.loop import RobustReport, train_robust
from signflip.training.robust.module import RobustModule
from signflip.training.robust.scores import Scores
from signflip.training.robust.settings import Convolution, RobustSettings
from signflip.training.robust.start import best_of

__all__ = [
    "Convolution",
    "RobustModule",
    "RobustReport",
    "RobustSettings",
    "Scores",
    "best_of",
    "fold_robust",
    "train_robust",
]
