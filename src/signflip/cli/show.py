"""`signflip show`: attack one image and draw it."""

from pathlib import Path

import click

from signflip.cli import values
from signflip.cli.attack import format_number
from signflip.cli.console import output
from signflip.cli.options import (
    FILE,
    data_dir_option,
    images_argument,
    network_argument,
    overwrite_option,
    question_options,
)
from signflip.cli.output import check_writable
from signflip.cli.values import Indices
from signflip.data import load_dataset
from signflip.errors import SettingError
from signflip.files import writing
from signflip.many.plan import Question
from signflip.many.sweep import run_here
from signflip.report.picture import check_picture_name, draw_attack, save_picture
from signflip.zoo.named import NetworkName


@click.command()
@network_argument
@images_argument
@question_options()
@click.option("--index", type=values.indices, required=True, metavar="I", help="Which image: 7.")
@click.option("--out", type=FILE, required=True, help="The picture: .png, .svg or .pdf.")
@overwrite_option
@data_dir_option
def show(
    network: NetworkName,
    images: str,
    question: Question,
    index: Indices,
    out: Path,
    overwrite: bool,
    data_dir: Path | None,
) -> None:
    """Attack one of IMAGES on NETWORK and draw it.

    The picture shows the original, the perturbation magnified, the adversarial image, and what the
    network predicts for both.
    """
    check_picture_name(out)
    check_writable(out, overwrite=overwrite)
    image_set = load_dataset(images, data_dir=data_dir)
    chosen = index.of(image_set)
    if len(chosen) != 1:
        raise SettingError(f"--index {index.text} chooses {len(chosen)} images; show draws one")
    opened = network.open()
    plan = question.plan(opened, image_set, chosen, name=network.name)
    ((task, record),) = run_here(plan, workers=1)
    if record.witness is None:
        raise SettingError(f"image {record.image_index} has no answer: {record.failure}")
    text = (
        f"{network.name}, image {record.image_index} of {images}, epsilon {record.epsilon:g}, "
        f"{record.method}: {record.verdict.value}"
    )
    figure = draw_attack(task.problem(opened), record.witness, title=text, label=record.label)
    with writing(out):
        save_picture(figure, out)
    output().print(
        f"{text} (objective {format_number(record.clean_objective)} to "
        f"{format_number(record.objective)}); {out} is written"
    )
