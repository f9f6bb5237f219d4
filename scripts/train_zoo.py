"""Train networks of the zoo and write their files into the package.

    python scripts/train_zoo.py                      # all, about an hour on one core
    python scripts/train_zoo.py mnist-2x100          # some
    python scripts/train_zoo.py --table              # no training: the README's table

Each run uses one thread of the CPU, since the number of threads changes how sums round. On one
kind of processor with one version of PyTorch the files come out the same, byte for byte.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from zoo_script import NETWORKS, run, write

from signflip.data import load_dataset
from signflip.training import EpochReport, TrainingSettings, fold, train, training_card
from signflip.zoo import ATTACKED, DATASETS, SMALL, load_zoo, zoo_sha256

NAMES = ATTACKED + SMALL
"""Those trained as in the paper; `train_robust.py` trains the others."""

# The embedded MNIST samples come from the first 6,000 training images: no network may know them.
MNIST_HELD_OUT = 6_000


def settings_of(name: str) -> TrainingSettings:
    """How the network called `name` is trained."""
    depth, width = map(int, name.split("-")[1].split("x"))
    return TrainingSettings(
        hidden=(width,) * depth, epochs=100, batch_size=256, learning_rate=0.005, device="cpu"
    )


def train_one(name: str, data_dir: Path | None, checkpoints: Path) -> None:
    """Train the network called `name` and write its file; go on from its checkpoint, if any."""
    settings = settings_of(name)
    dataset = DATASETS[name.split("-")[0]]
    training = load_dataset(dataset, split="train", data_dir=data_dir)
    first = MNIST_HELD_OUT if dataset == "mnist" else 0
    checkpoint = checkpoints / f"{name}.pt"

    def report(epoch: EpochReport) -> None:
        if epoch.epoch % 10 == 0:
            print(f"{name}: epoch {epoch.epoch}/{epoch.epochs}, loss {epoch.loss:.4f}", flush=True)

    module = train(
        settings,
        training.images[first:],
        training.labels[first:],
        on_epoch=report,
        checkpoint=checkpoint,
        resume=checkpoint.exists(),
    )
    network = fold(module)
    test = load_dataset(dataset, split="test", data_dir=data_dir)
    predictions = network.predict(test.images)
    with torch.no_grad():
        logits = module.double()(torch.tensor(test.images))
    if not np.array_equal(predictions, logits.argmax(dim=1).numpy()):
        raise RuntimeError(f"{name}: the folded network and the module disagree on a test image")
    card = training_card(
        settings,
        dataset=dataset,
        training_images=f"{first + 1:,} to {len(training.labels):,} of the training split",
        accuracy=float(np.mean(predictions == test.labels)),
    )
    write(NETWORKS, name, network, card)


def table(names: Sequence[str]) -> str:
    """The README's table of the networks called `names`."""
    lines = [
        "| name | architecture | test accuracy | seed | SHA-256 |",
        "|---|---|---|---|---|",
    ]
    for name in names:
        network = load_zoo(name)
        accuracy = f"{100 * float(network.card['accuracy']):.2f} %"
        cells = (name, network.architecture, accuracy, network.card["seed"], zoo_sha256(name))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    run(
        "Train networks of the zoo and write their files into the package.", NAMES, train_one, table
    )
