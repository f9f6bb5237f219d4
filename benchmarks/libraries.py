"""What attacks of other libraries flip through `network.to_torch()`, beside ours: docs/adapters.md.

    .venv/bin/python -m benchmarks.libraries fashion-3x100 fashion-mnist-sample 0.02 20

Each library's attacks run on the module with several ramps, on all images at once; the row is of
the best. Ours run through the adapter for foolbox, one image after the other. An image counts as
flipped where the network, exactly, gives the float32 image another class than the original, inside
of the ball. Seconds are of all cores together. Not installed with Signflip: torchattacks.
"""

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.library_attacks import RAMPS
from signflip.adapters.art import art_classifier
from signflip.adapters.foolbox import SignflipAttack, SignflipModel
from signflip.attack import Method, Preparing
from signflip.data import load_dataset
from signflip.methods import Apgd, Auto, Exact, Fgsm, Pgd, Square, Walk
from signflip.network import BinaryNetwork
from signflip.zoo.named import open_network

SEED = 0

Images = torch.Tensor
Attack = Callable[[Images, torch.Tensor], Images]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Images (N, 1, height, width) float32, their predictions (N,), and the radius."""

    network: BinaryNetwork
    images: Images
    labels: torch.Tensor
    epsilon: float

    def flipped(self, found: Images) -> int:
        """How many of the images found flip inside of the ball, up to float32's rounding."""
        flat = found.detach().reshape(len(found), -1).double().numpy()
        inside = np.abs(flat - self.images.reshape(flat.shape).double().numpy()).max(axis=1)
        other = self.network.predict(flat) != self.labels.numpy()
        return int((other & (inside <= self.epsilon + 2.0**-23)).sum())


def foolbox_attacks(case: Case, slope: str, width: float) -> Mapping[str, Attack]:
    """Attacks of foolbox."""
    from foolbox import attacks as fa

    model = SignflipModel(case.network, slope=slope, width=width, epsilon=case.epsilon)

    def of(attack: Any) -> Attack:
        return lambda images, labels: attack(model, images, labels, epsilons=case.epsilon)[1]

    return {
        "LinfPGD, 100 steps, 5 times": of(fa.LinfPGD(steps=100).repeat(5)),
        "LinfBasicIterativeAttack, 100 steps": of(fa.LinfBasicIterativeAttack(steps=100)),
        "LinfDeepFoolAttack": of(fa.LinfDeepFoolAttack(steps=50)),
    }


def art_attacks(case: Case, slope: str, width: float) -> Mapping[str, Attack]:
    """Attacks of ART."""
    from art.attacks import evasion

    classifier = art_classifier(case.network, slope=slope, width=width, epsilon=case.epsilon)
    step = case.epsilon / 5

    def of(kind: Any, **settings: Any) -> Attack:
        attack = kind(classifier, eps=case.epsilon, verbose=False, **settings)
        return lambda images, labels: torch.from_numpy(
            attack.generate(images.numpy(), labels.numpy())
        )

    pgd = {"eps_step": step, "max_iter": 100, "num_random_init": 5}
    auto = {"eps_step": step, "max_iter": 100, "nb_random_init": 5}
    return {
        "ProjectedGradientDescent, 100 steps, 5 starts": of(
            evasion.ProjectedGradientDescent, **pgd
        ),
        "AutoProjectedGradientDescent, 100 steps, 5 starts": of(
            evasion.AutoProjectedGradientDescent, **auto
        ),
        "SquareAttack, 5000 queries": of(evasion.SquareAttack, max_iter=5000),
    }


def torchattacks_attacks(case: Case, slope: str, width: float) -> Mapping[str, Attack]:
    """Attacks of torchattacks."""
    import torchattacks as ta

    module = case.network.to_torch(slope=slope, width=width, epsilon=case.epsilon)
    classes = case.network.classes
    eps, steps = case.epsilon, 100
    return {
        "MIFGSM, 100 steps": ta.MIFGSM(module, eps=eps, alpha=eps / 10, steps=steps),
        "APGDT, 100 steps": ta.APGDT(module, eps=eps, steps=steps, n_classes=classes),
        "AutoAttack": ta.AutoAttack(module, eps=eps, n_classes=classes),
    }


LIBRARIES = {
    "foolbox": foolbox_attacks,
    "ART": art_attacks,
    "torchattacks": torchattacks_attacks,
}
OURS: Mapping[str, Method] = {
    "`Fgsm()`, the paper's": Fgsm(),
    "`Pgd()`": Pgd(goal="decide"),  # type: ignore[arg-type]
    "`Apgd()`": Apgd(goal="decide"),  # type: ignore[arg-type]
    "`Square()`": Square(goal="decide"),  # type: ignore[arg-type]
    "`Walk()`": Walk(),
    "`Exact()`": Exact(),
    "`Auto()`": Auto(),
}


def measured(case: Case, attack: Attack) -> tuple[int, float]:
    """Flips, and seconds of a core for an image."""
    torch.manual_seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - the generator that ART and foolbox draw from
    started = time.process_time()
    found = attack(case.images, case.labels)
    return case.flipped(found), (time.process_time() - started) / len(case.images)


def theirs(case: Case) -> Iterator[tuple[str, str, int, float]]:
    """The best attack of each library: name, attack and ramp, flips, seconds."""
    for library, attacks_of in LIBRARIES.items():
        rows = []
        for slope, width in RAMPS:
            for name, attack in attacks_of(case, slope, width).items():
                flips, seconds = measured(case, attack)
                rows.append((library, f"{name} ({slope} {width})", flips, seconds))
                print("  ", *rows[-1], file=sys.stderr, flush=True)
        yield max(rows, key=lambda row: (row[2], -row[3]))


def ours(case: Case, limit: float) -> Iterator[tuple[str, str, int, float]]:
    """Our methods, through the adapter for foolbox."""
    model = SignflipModel(case.network)
    for name, method in OURS.items():
        if isinstance(method, Preparing):
            method.prepare()
        attack = SignflipAttack(method, time_limit=limit)
        flips, seconds = measured(
            case, lambda x, y, a=attack: a(model, x, y, epsilons=case.epsilon)[1]
        )
        yield "Signflip", name, flips, seconds


def main(network_name: str, images_name: str, epsilon: str, count: str, limit: str = "10") -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    network = open_network(network_name)
    chosen = load_dataset(images_name).images[: int(count)].astype(np.float32)
    images = torch.from_numpy(chosen.reshape(len(chosen), 1, *network.image_shape[-2:]))
    labels = torch.from_numpy(network.predict(chosen.astype(np.float64)).copy())
    case = Case(network=network, images=images, labels=labels, epsilon=float(epsilon))
    print(f"| {network_name}, epsilon {epsilon} | attack | flips of {count} | seconds an image |")
    print("|---|---|---|---|")
    for rows in (ours(case, float(limit)), theirs(case)):
        for library, name, flips, seconds in rows:
            print(f"| {library} | {name} | {flips} | {seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
