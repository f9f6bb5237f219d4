"""How good a network in training is: on images that it is not trained on."""

from dataclasses import dataclass

import torch
from torch import Tensor

from signflip.training.robust.adversary import adversarial
from signflip.training.robust.boxes import box_of
from signflip.training.robust.layers import Flow
from signflip.training.robust.module import RobustModule

_BATCH = 250
_ATTACK_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Shares of the held-out images, in [0, 1].

    They are computed in float32 and choose the best epoch; `signflip certify` proves what the
    finished network is worth. Bounds and attack enclose that.

    Attributes:
        clean: classified rightly.
        attacked: and still so under an attack by projected gradients.
        certified: and proved so by intervals: at the full epsilon, a tie counts as lost.
    """

    clean: float
    attacked: float
    certified: float

    @property
    def middle(self) -> float:
        """Half way between what is proved and what withstands the attack: the truth lies between.

        Bounds alone rise with a network that is so blunt that they are near to the truth.
        """
        return (self.attacked + self.certified) / 2

    def __str__(self) -> str:
        return (
            f"clean {self.clean:.2%}, attacked {self.attacked:.2%}, certified by bounds "
            f"{self.certified:.2%}"
        )


def scores(module: RobustModule, pixels: Tensor, labels: Tensor, epsilon: float) -> Scores:
    """The scores on images (images, inputs), in evaluation; the module is left in training."""
    module.eval()
    random = torch.Generator().manual_seed(0)
    counts = torch.zeros(3, dtype=torch.int64)
    for start in range(0, len(pixels), _BATCH):
        part = slice(start, start + _BATCH)
        counts += _counts(module, pixels[part], labels[part], epsilon, random)
    module.train()
    clean, attacked, certified = (counts / len(pixels)).tolist()
    return Scores(clean=clean, attacked=attacked, certified=certified)


def _counts(
    module: RobustModule, pixels: Tensor, labels: Tensor, epsilon: float, random: torch.Generator
) -> Tensor:
    box = box_of(pixels, epsilon, module.levels)
    point = adversarial(module, box, labels, _ATTACK_STEPS, random)
    with torch.no_grad():
        right = module.logits(box.clean).argmax(dim=1) == labels
        stays = right & (module.logits(point).argmax(dim=1) == labels)
        worst = module.vote.worst_logits(module.boxed(Flow(None, (box.middle, box.radius))), labels)
    worst.scatter_(1, labels[:, None], -1.0)
    proved = right & (worst < 0).all(dim=1)
    return torch.stack([right.sum(), stays.sum(), proved.sum()]).cpu()
