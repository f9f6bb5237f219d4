"""Train the robust networks of the zoo, prove how robust they are, and write their files.

    python scripts/train_robust.py                      # all, about an hour of one core
    python scripts/train_robust.py mnist-vote-0.1       # some
    python scripts/train_robust.py --table              # no training: the README's table

The epoch is chosen on the last 9 % of the training images; test images are only classified and
certified. As in `train_zoo.py`, one thread, and no network knows the first 6,000 training images.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from zoo_script import NETWORKS, run, write

from signflip import attack
from signflip.data import ImageSet, load_dataset
from signflip.methods import Exact
from signflip.network import BinaryNetwork
from signflip.problem import Problem, Ties, Untargeted
from signflip.result import Verdict
from signflip.training import training_card
from signflip.training.robust import (
    Convolution,
    RobustReport,
    RobustSettings,
    fold_robust,
    train_robust,
)
from signflip.zoo import DATASETS, ROBUST, load_zoo

FIRST = 6_000
TIME_LIMIT = 10.0
"""Seconds to decide an image in."""

_DENSE = RobustSettings(
    epsilon=0.02,
    interval=0.01,
    pgd=4,
    wider=2.0,
    window=0.35,
    learning_window=0.25,
    smoothing=0.28,
    leniency=0.8,
    ramp=0.25,
    epochs=60,
    learning_rate=0.03,
    held_out=0.09,
    device="cpu",
)
_VOTE = RobustSettings(
    hidden=(),
    convolutions=(Convolution(filters=64, size=5, stride=2),),
    levels=(0.5,),
    ternary=True,
    vote=7,
    interval=0.2,
    pgd=1,
    wider=1.25,
    window=1 / 3,
    learning_window=0.2,
    leniency=0.5,
    ramp=0.3,
    bounded=0.34,
    epochs=12,
    batch_size=128,
    learning_rate=0.03,
    held_out=0.09,
    device="cpu",
)
RECIPES: Mapping[str, RobustSettings] = {
    "mnist-robust-2x100": _DENSE,
    "mnist-robust-2x200": dataclasses.replace(_DENSE, hidden=(200, 200)),
    "fashion-robust-2x100": _DENSE,
    "fashion-robust-2x200": dataclasses.replace(_DENSE, hidden=(200, 200)),
    "mnist-vote-0.1": dataclasses.replace(
        _VOTE,
        convolutions=(Convolution(filters=48, size=5, stride=2),),
        epsilon=0.1,
        interval=0.1,
        wider=1.5,
    ),
    "mnist-vote-0.3": dataclasses.replace(
        _VOTE,
        convolutions=(Convolution(filters=96, size=5, stride=2),),
        epsilon=0.3,
    ),
    # few pixels are near to these levels
    "fashion-vote-0.1": dataclasses.replace(_VOTE, levels=(0.15, 0.45), epsilon=0.1),
}


def train_one(name: str, data_dir: Path | None, checkpoints: Path) -> None:
    """Train the network called `name`, certify it, and write its file; go on from a checkpoint."""
    dataset = DATASETS[name.split("-")[0]]
    training = load_dataset(dataset, split="train", data_dir=data_dir)
    checkpoint = checkpoints / f"{name}.pt"

    def report(epoch: RobustReport) -> None:
        print(f"{name}: epoch {epoch.epoch}/{epoch.epochs}: {epoch.scores}", flush=True)

    module = train_robust(
        RECIPES[name],
        training.images[FIRST:],
        training.labels[FIRST:],
        on_epoch=report,
        checkpoint=checkpoint,
        resume=checkpoint.exists(),
    )
    test = load_dataset(dataset, split="test", data_dir=data_dir)
    certify(name, fold_robust(module), test, len(training.labels))


def certify(name: str, network: BinaryNetwork, test: ImageSet, images: int) -> None:
    """Certify a trained network, and write its file with its card."""
    counts = certified(network, test, RECIPES[name].epsilon)
    card = card_of(name, network, test, images, counts)
    write(NETWORKS, name, network, card)
    print(f"{name}: {json.dumps(card, sort_keys=True)}", flush=True)


def card_of(
    name: str, network: BinaryNetwork, test: ImageSet, images: int, counts: Mapping[str, int]
) -> dict[str, str]:
    """The card of a network, given what was `certified` and how many training images there are."""
    settings = RECIPES[name]
    card = training_card(
        settings,
        dataset=DATASETS[name.split("-")[0]],
        training_images=f"{FIRST + 1:,} to {images:,} of the training split",
        accuracy=float(np.mean(network.predict(test.images) == test.labels)),
    )
    card["epsilon"] = str(settings.epsilon)
    card["certified"] = f"{counts['robust'] / len(test):.4f}"
    card["unknown"] = f"{counts['unknown'] / len(test):.4f}"
    card["proof"] = "the exact method on each test image; a tie counts as a flip"
    return card


def certified(network: BinaryNetwork, images: ImageSet, epsilon: float) -> dict[str, int]:
    """How many images are wrong, or right and robust, flipped or unknown; a tie is a flip."""
    counts = {"wrong": 0} | {verdict.value: 0 for verdict in Verdict}
    right = network.predict(images.images) == images.labels
    for image, is_right in zip(images.images, right, strict=True):
        if not is_right:
            counts["wrong"] += 1
            continue
        problem = Problem.ball(network, image, epsilon=epsilon, goal=Untargeted(), ties=Ties.FLIP)
        counts[attack(problem, Exact(), time_limit=TIME_LIMIT).verdict.value] += 1
    return counts


def table(names: Sequence[str]) -> str:
    """The README's table of the robust networks called `names`."""
    lines = [
        "| name | layers | epsilon | test accuracy | certified | unknown |",
        "|---|---|---|---|---|---|",
    ]
    for name in names:
        if name not in ROBUST:
            continue  # a recipe whose network is not in the package
        card = load_zoo(name).card
        settings = json.loads(card["settings"])
        layers = [f"{c['filters']}@{c['size']}x{c['size']}" for c in settings["convolutions"]]
        layers += [str(width) for width in settings["hidden"]]
        shares = (f"{100 * float(card[key]):.2f} %" for key in ("accuracy", "certified", "unknown"))
        lines.append(f"| {name} | {', '.join(layers)} | {card['epsilon']} | {' | '.join(shares)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    run(
        "Train the robust networks of the zoo, prove how robust they are, and write their files.",
        RECIPES,
        train_one,
        table,
    )
