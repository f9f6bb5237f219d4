"""`signflip attack`: attack images, print a table, write records and witnesses."""

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from signflip.batch import Attacked, AttackPlan, Batch, attack_jobs, run_jobs
from signflip.cli.console import output, progress_bar, remarks
from signflip.cli.interrupts import undisturbed
from signflip.cli.options import (
    FILE,
    data_dir_option,
    images_argument,
    index_option,
    network_argument,
    overwrite_option,
    plan_options,
    workers_option,
)
from signflip.cli.output import ResultFiles
from signflip.cli.values import Indices
from signflip.data import load_dataset
from signflip.networks import open_network
from signflip.record import Number
from signflip.result import Verdict
from signflip.workers import Failure, check_workers

COLOURS = {Verdict.FLIPPED: "red", Verdict.ROBUST: "green", Verdict.UNKNOWN: "yellow"}


@click.command()
@network_argument
@images_argument
@plan_options()
@index_option
@workers_option
@click.option("--out", type=FILE, help="File for the results: a line of JSON for each image.")
@click.option("--witnesses", type=FILE, help="File (.npz) for the best images: index, images.")
@overwrite_option
@data_dir_option
def attack(
    network: str,
    images: str,
    plan: AttackPlan,
    index: Indices,
    workers: int,
    out: Path | None,
    witnesses: Path | None,
    overwrite: bool,
    data_dir: Path | None,
) -> None:
    """Attack IMAGES of a data set on NETWORK.

    NETWORK is a name of the zoo (`signflip networks` lists it) or a file. IMAGES is mnist,
    fashion-mnist, mnist-sample, fashion-mnist-sample, or a .npz file with images and labels.
    """
    check_workers(workers)
    image_set = load_dataset(images, data_dir=data_dir)
    batch = attack_jobs(
        open_network(network), image_set, index.of(image_set), plan, network_name=network
    )
    answers: list[Attacked] = []
    try:
        with ResultFiles(out, witnesses, overwrite=overwrite) as files:
            failures = _run(batch, workers, files, answers)
    finally:  # also after Ctrl-C: what was found is shown
        if answers:
            _print_answers(answers)
    if failures:
        sys.exit(1)


def _run(batch: Batch, workers: int, files: ResultFiles, answers: list[Attacked]) -> int:
    """Run the batch, adding to `answers`; the number of images that have no answer."""
    if batch.skipped:
        remarks().print(
            f"skipped, since predicted as the target already: {', '.join(map(str, batch.skipped))}"
        )
    failures = flipped = 0
    with (
        progress_bar("attack", len(batch.jobs)) as bar,
        closing(run_jobs(batch.jobs, workers=workers)) as results,
    ):
        for job, answer in results:
            if isinstance(answer, Failure):
                failures += 1
                remarks().print(f"image {job.index} has no answer: {answer.reason}")
            else:
                # an answer is in the file, the table and the witnesses, or in none of them
                with undisturbed():
                    files.add(answer)
                    answers.append(answer)
                flipped += answer.record.verdict is Verdict.FLIPPED
            bar.advance(f"{flipped} flipped")
    return failures


def _print_answers(answers: Sequence[Attacked]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("image", "label", "prediction", "target"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for heading in ("clean", "objective", "bound", "seconds"):
        table.add_column(heading, justify="right")
    for answer in sorted(answers, key=lambda answer: answer.record.index):
        record = answer.record
        table.add_row(
            str(record.index),
            str(record.label),
            str(record.prediction),
            "any" if record.target is None else str(record.target),
            Text(record.verdict.value, style=COLOURS[record.verdict]),
            format_number(record.clean_objective),
            format_number(record.objective),
            "" if record.bound is None else format_number(record.bound),
            f"{record.seconds:.2f}",
        )
    output().print(table)
    output().print(summary(answers), soft_wrap=True)


def summary(answers: Sequence[Attacked]) -> str:
    """The line below the table."""
    records = [answer.record for answer in answers]
    counts = [
        f"{sum(record.verdict is verdict for record in records)} {verdict.value}"
        for verdict in Verdict
    ]
    objective = sum(record.objective for record in records) / len(records)
    seconds = sum(record.seconds for record in records) / len(records)
    images = "1 image" if len(records) == 1 else f"{len(records)} images"
    return (
        f"{images}: {', '.join(counts)}; mean objective {objective:.2f}, mean seconds {seconds:.2f}"
    )


def format_number(value: Number) -> str:
    """Whole numbers as they are, others to four significant digits."""
    return str(value) if isinstance(value, int) else f"{value:.4g}"
