"""Attacks of other libraries as methods, for the tables of `attacks_at_size`.

Foolbox 3.3.4, ART 1.20.1 and torchattacks 3.5.1 run through `network.to_torch()`. They have no
clock: each is called again and again, with more and more steps, all ramps and its best attacks in
turn, until the time is up or an image flips; what a call finds counts from when it returns.

Where the objective is that of one rival, they see a module of the two class values that count, and
two far below them: the loss of AutoAttack divides by a difference of the third. Against any other
class they see the network.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import nn

from signflip import Problem
from signflip.attack import Outcome
from signflip.network import BinaryNetwork
from signflip.result import Stop
from signflip.search import Search

RAMPS = (("ramp", 1.0), ("ramp", 0.3), ("straight-through", 1.0), ("straight-through", 0.5))
"""Slopes and widths of `network.to_torch()`."""
STEPS = (5, 20, 100)
"""Steps of the first calls, of the next ones, and of all that follow."""
FAR = -1e5

Images = torch.Tensor
Attack = Callable[[Images, torch.Tensor], Images]


class Duel(nn.Module):
    """Class values (N, 4): of the prediction, of a rival, and two that never win."""

    def __init__(self, module: nn.Module, prediction: int, rival: int) -> None:
        super().__init__()
        self.module, self.pair = module, [prediction, rival]

    def forward(self, images: Images) -> torch.Tensor:
        """The class values of images (N, 1, height, width)."""
        pair = self.module(images)[:, self.pair]
        return torch.cat([pair, torch.full_like(pair, FAR) * torch.tensor([1.0, 2.0])], dim=1)


class Logits(nn.Module):
    """Class values less 1000: where those of the LFC are 0 and 1, ART thinks them probabilities."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Images) -> torch.Tensor:
        """The class values of images (N, 1, height, width)."""
        values: torch.Tensor = self.module(images)
        return values - 1000.0


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a library sees of a problem.

    Attributes:
        module: images (N, 1, height, width) to class values (N, classes).
        classes: how many there are, of which the first `attacked` may win.
        attacked: see there.
        label: the class to be left.
    """

    module: nn.Module
    classes: int
    attacked: int
    label: int


@cache
def _seen(
    network: BinaryNetwork,
    prediction: int,
    rivals: tuple[int, ...],
    ramp: tuple[str, float],
    epsilon: float,
) -> Seen:
    slope, width = ramp
    module = network.to_torch(slope=slope, width=width, epsilon=epsilon).eval()
    if len(rivals) == 1:
        return Seen(module=Duel(module, prediction, rivals[0]), classes=4, attacked=2, label=0)
    count = network.classes
    return Seen(module=Logits(module).eval(), classes=count, attacked=count, label=prediction)


def _foolbox(seen: Seen, epsilon: float, steps: int) -> Mapping[str, Attack]:
    from foolbox import PyTorchModel
    from foolbox import attacks as fa

    model = PyTorchModel(seen.module, bounds=(0, 1), device="cpu")

    def of(attack: Any) -> Attack:
        return lambda images, labels: attack(model, images, labels, epsilons=epsilon)[1]

    return {
        "LinfPGD": of(fa.LinfPGD(steps=steps)),
        "LinfBasicIterativeAttack": of(fa.LinfBasicIterativeAttack(steps=steps)),
        "LinfDeepFoolAttack": of(fa.LinfDeepFoolAttack(steps=steps)),
    }


def _art(seen: Seen, epsilon: float, steps: int) -> Mapping[str, Attack]:
    from art.attacks import evasion
    from art.estimators.classification import PyTorchClassifier

    classifier = PyTorchClassifier(
        seen.module,
        loss=nn.CrossEntropyLoss(),
        input_shape=(1, 28, 28),
        nb_classes=seen.classes,
        clip_values=(0, 1),
        device_type="cpu",
    )

    def of(kind: Any, **settings: Any) -> Attack:
        attack = kind(classifier, eps=epsilon, verbose=False, **settings)
        return lambda images, labels: torch.from_numpy(
            attack.generate(images.numpy(), labels.numpy())
        )

    each = {"eps_step": epsilon / 5, "max_iter": steps}
    return {
        "ProjectedGradientDescent": of(evasion.ProjectedGradientDescent, num_random_init=1, **each),
        "AutoProjectedGradientDescent": of(
            evasion.AutoProjectedGradientDescent, nb_random_init=1, **each
        ),
        "SquareAttack": of(evasion.SquareAttack, max_iter=10 * steps),
    }


def _torchattacks(seen: Seen, epsilon: float, steps: int) -> Mapping[str, Attack]:
    import torchattacks as ta

    module, count = seen.module, seen.attacked
    return {
        "MIFGSM": ta.MIFGSM(module, eps=epsilon, alpha=epsilon / 10, steps=steps),
        "APGDT": ta.APGDT(module, eps=epsilon, steps=steps, n_classes=count),
        "AutoAttack": ta.AutoAttack(module, eps=epsilon, n_classes=count),
    }


LIBRARIES: Mapping[str, Callable[[Seen, float, int], Mapping[str, Attack]]] = {
    "foolbox": _foolbox,
    "art": _art,
    "torchattacks": _torchattacks,
}


def installed() -> tuple[str, ...]:
    """The libraries that are there."""
    return tuple(name for name in LIBRARIES if find_spec(name) is not None)


@dataclass(frozen=True, kw_only=True)
class Borrowed:
    """The attacks of one library, in turn.

    Attributes:
        library: its module.
        seed: of its random numbers.
    """

    library: str
    seed: int = 0

    def run(self, run: Search) -> Outcome:
        """Call them until an image flips or the time is up."""
        torch.manual_seed(self.seed)
        np.random.seed(self.seed)  # noqa: NPY002 - what ART and foolbox draw from
        warnings.simplefilter("ignore")
        problem = run.problem
        images = torch.from_numpy(problem.image.astype(np.float32).reshape(1, 1, 28, 28))
        for attack, label in self._calls(problem):
            found = attack(images, torch.tensor([label])).detach().double().numpy().reshape(-1)
            # float32 may be a rounding beyond the ball
            run.offer(np.clip(found, problem.box.lower, problem.box.upper))
            if run.flipped:
                return Outcome(Stop.DECIDED)
            if run.clock.expired():
                break
        return Outcome(Stop.TIME_LIMIT)

    def _calls(self, problem: Problem) -> Iterator[tuple[Attack, int]]:
        reach = np.maximum(problem.box.upper - problem.image, problem.image - problem.box.lower)
        epsilon = float(reach.max())
        rivals = tuple(problem.rivals)
        for number in count():
            steps = STEPS[min(number, len(STEPS) - 1)]
            for ramp in RAMPS:
                seen = _seen(problem.network, problem.prediction, rivals, ramp, epsilon)
                attacks = LIBRARIES[self.library](seen, epsilon, steps)
                for name, attack in attacks.items():
                    if name != "AutoAttack" or number:  # it has no steps, and takes longest by far
                        yield attack, seen.label
