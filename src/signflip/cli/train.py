"""`signflip train`: train a network as in the paper, and write its file."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from signflip.arrays import Floats, Integers
from signflip.cli import values
from signflip.cli.console import output, progress_bar, remarks
from signflip.cli.options import FILE, data_dir_option, index_option, overwrite_option
from signflip.cli.output import check_distinct, check_network_name, check_writable
from signflip.cli.robust_options import RobustOptions, robust_options
from signflip.cli.values import Indices
from signflip.data import ImageSet, load_dataset
from signflip.data.layout import Shape
from signflip.data.splits import has_split
from signflip.errors import DataError, SettingError
from signflip.formats.native import save_network
from signflip.many.notation import counted
from signflip.network import BinaryNetwork

if TYPE_CHECKING:
    from signflip.training import TrainingSettings


@click.command()
@click.argument("dataset")
@click.option(
    "--hidden",
    type=values.hidden_widths,
    metavar="DxR",
    help="D hidden layers of R neurons, or the widths: 200,100.  [default: 2x100]",
)
@click.option(
    "--epochs", type=int, help="Passes over the images.  [default: 100; 10 with --robust]"
)
@click.option("--batch-size", type=int, default=256, show_default=True, help="Images in a step.")
@click.option(
    "--learning-rate",
    type=float,
    help="Of Adam, at the start.  [default: 0.005; 0.03 with --robust]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the run.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, ...")
@click.option("--out", type=FILE, required=True, help="The network's file (.safetensors).")
@click.option("--checkpoint", type=FILE, help="File that keeps the state after each epoch.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint.")
@click.option(
    "--start",
    type=FILE,
    help="Checkpoint of another run with --robust: go on from its best epoch, without ramps.",
)
@click.option("--test", "test_name", metavar="IMAGES", help="What to measure the accuracy on.")
@robust_options
@index_option
@overwrite_option
@data_dir_option
def train(
    dataset: str,
    hidden: tuple[int, ...] | None,
    epochs: int | None,
    batch_size: int,
    learning_rate: float | None,
    seed: int,
    device: str,
    out: Path,
    checkpoint: Path | None,
    resume: bool,
    start: Path | None,
    test_name: str | None,
    robust: RobustOptions,
    index: Indices,
    overwrite: bool,
    data_dir: Path | None,
) -> None:
    """Train a network as in the paper, or with --robust one that can be proved robust.

    DATASET is mnist, fashion-mnist, or images of your own with labels: a .npz or .parquet file, or
    a folder, whose part to train on is taken if it has one. The accuracy is measured on the test
    split of a data set, or on --test IMAGES.
    """
    from signflip import training  # torch is an extra, and slow to import

    plain: dict[str, Any] = {"batch_size": batch_size, "seed": seed, "device": device}
    if epochs is not None:
        plain["epochs"] = epochs
    if learning_rate is not None:
        plain["learning_rate"] = learning_rate
    settings: training.TrainingSettings
    settings = robust.settings(hidden, **plain) or training.TrainingSettings(
        hidden=(100, 100) if hidden is None else hidden, **plain
    )
    if start is not None and not robust.given:
        raise SettingError("--start goes with --robust EPSILON, which is not given; give it")
    # a checkpoint in the place of its run's start could not be resumed
    check_distinct(out=out, checkpoint=checkpoint, start=start)
    check_network_name(out)
    check_writable(out, overwrite=overwrite)
    if checkpoint is not None:
        _check_checkpoint(checkpoint, resume=resume, overwrite=overwrite)
    images, test = _image_sets(dataset, test_name, data_dir)
    images.need_labels("training")
    test.need_labels("an accuracy")
    settings = _of_shape(settings, images.shape)
    chosen = index.of(images)
    _check_test(test, inputs=images.images.shape[1], classes=int(images.labels[chosen].max()) + 1)
    network = _trained(
        settings, images.images[chosen], images.labels[chosen], checkpoint, start, resume=resume
    )
    accuracy = float(np.mean(network.predict(test.images) == test.labels))
    card = training.training_card(
        settings,
        dataset=dataset,
        training_images=f"--index {index.text} of {len(images):,}",
        accuracy=accuracy,
    )
    card["accuracy_images"] = test_name or f"test split of {dataset}"
    save_network(dataclasses.replace(network, card=card), out)
    output().print(
        f"{network.architecture}: accuracy {accuracy:.2%} on {counted(len(test), 'image')} of "
        f"{test.name}; "
        f"{out} is written"
    )


def _of_shape(settings: "TrainingSettings", shape: Shape) -> "TrainingSettings":
    """The settings for images of that shape: without it a robust run takes them for squares.

    Raises:
        SettingError: convolutions are to read images in colour.
    """
    from signflip.training.robust import RobustSettings

    if not isinstance(settings, RobustSettings):
        return settings
    if len(shape) == 3 and settings.convolutions:
        raise SettingError(
            f"--conv reads grey images, and those to train on have the shape {shape}; save them as "
            "grey, or leave --conv out"
        )
    if len(shape) == 2 and shape[0] != shape[1]:
        return dataclasses.replace(settings, image_shape=(shape[0], shape[1]))
    return settings


def _trained(
    settings: "TrainingSettings",
    images: Floats,
    labels: Integers,
    checkpoint: Path | None,
    start: Path | None,
    *,
    resume: bool,
) -> BinaryNetwork:
    from signflip import training
    from signflip.training import robust

    module = None
    if start is not None and isinstance(settings, robust.RobustSettings):
        classes = int(labels.max()) + 1
        module = robust.best_of(start, settings, inputs=images.shape[1], classes=classes)
    with progress_bar("train", settings.epochs) as bar:

        def report(epoch: training.EpochReport | robust.RobustReport) -> None:
            note = f"loss {epoch.loss:.4f}"
            if isinstance(epoch, robust.RobustReport) and epoch.scores is not None:
                note += f"; held out: {epoch.scores}"
                if epoch.witnesses:
                    note += f"; {epoch.witnesses:,} witnesses"
                if not bar.shown:
                    remarks().print(f"epoch {epoch.epoch} of {epoch.epochs}: {note}")
            bar.show(epoch.epoch, note)

        options: dict[str, Any] = {"on_epoch": report, "checkpoint": checkpoint, "resume": resume}
        if isinstance(settings, robust.RobustSettings):
            trained = robust.train_robust(settings, images, labels, start=module, **options)
            return robust.fold_robust(trained)
        return training.fold(training.train(settings, images, labels, **options))


def _check_checkpoint(checkpoint: Path, *, resume: bool, overwrite: bool) -> None:
    if checkpoint.exists() and not (resume or overwrite):
        raise SettingError(
            f"{checkpoint} exists already; give --resume to go on from it, or --overwrite to "
            "replace it"
        )
    check_writable(checkpoint, overwrite=True)


def _check_test(test: ImageSet, *, inputs: int, classes: int) -> None:
    if test.images.shape[1] != inputs:
        raise DataError(
            f"the images of {test.name}, to measure the accuracy on, have {test.images.shape[1]} "
            f"pixels, and those to train on {inputs}; give --test IMAGES of the same size"
        )
    test.check_classes(range(len(test)), classes, "the network to be trained")


def _image_sets(
    dataset: str, test_name: str | None, data_dir: Path | None
) -> tuple[ImageSet, ImageSet]:
    """The images to train on, and those to measure the accuracy on."""
    to_train_on = has_split(dataset, "train")
    if test_name is None and not (to_train_on and has_split(dataset, "test")):
        raise SettingError(
            f"{dataset} has no test split to measure the accuracy on; give --test IMAGES"
        )
    images = load_dataset(dataset, split="train" if to_train_on else "test", data_dir=data_dir)
    return images, load_dataset(test_name or dataset, data_dir=data_dir)
