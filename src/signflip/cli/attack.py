"""`signflip attack`: attack images, print a table, write records and witnesses."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from rich.table import Table
from rich.text import Text

from signflip.cli.console import output, remarks
from signflip.cli.options import (
    data_dir_option,
    images_argument,
    index_option,
    network_argument,
    out_option,
    overwrite_option,
    question_options,
    witnesses_option,
    workers_option,
)
from signflip.cli.output import ResultFiles
from signflip.cli.running import Gathered, gather
from signflip.cli.values import Indices
from signflip.data import UNLABELLED, load_dataset
from signflip.many.notation import counted
from signflip.many.plan import Question
from signflip.many.record import Record
from signflip.many.workers import check_workers
from signflip.problem import Ties
from signflip.result import Verdict
from signflip.zoo.named import NetworkName

COLOURS = {Verdict.FLIPPED: "red", Verdict.ROBUST: "green", Verdict.UNKNOWN: "yellow"}


@click.command()
@network_argument
@images_argument
@question_options()
@index_option
@workers_option
@out_option
@witnesses_option
@overwrite_option
@data_dir_option
def attack(
    network: NetworkName,
    images: str,
    question: Question,
    index: Indices,
    workers: int,
    out: Path | None,
    witnesses: Path | None,
    overwrite: bool,
    data_dir: Path | None,
) -> None:
    """Attack IMAGES of a data set on NETWORK.

    NETWORK is a name of the zoo (`signflip networks` lists it) or a file: .safetensors, .onnx, .h5,
    .keras, .toml. IMAGES is mnist, fashion-mnist, mnist-sample, fashion-mnist-sample, or your own:
    a .npz, .npy, .parquet or picture file, or a folder: of pictures, with or without classes, of
    .parquet files or of IDX files.
    """
    check_workers(workers)
    image_set = load_dataset(images, data_dir=data_dir)
    plan = question.plan(network.open(), image_set, index.of(image_set), name=network.name)
    gathered = Gathered()
    try:
        with ResultFiles(out, witnesses, plan, overwrite=overwrite) as files:
            gather("attack", plan, workers, files, gathered)
    finally:  # also after Ctrl-C: what was found is shown
        if gathered.answers:
            _print_answers(gathered.answers)
    if gathered.failed:
        sys.exit(1)


def _print_answers(records: Sequence[Record]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("image", "label", "prediction", "target"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    table.add_column("flips to", justify="right")
    measured = records[0].norm is not None
    figures = ("distance", "at least") if measured else ("clean", "objective", "bound")
    for heading in (*figures, "seconds"):
        table.add_column(heading, justify="right")
    of_parts = any(record.found_by is not None for record in records)
    if of_parts:
        table.add_column("found by")
    for record in sorted(records, key=lambda record: record.image_index):
        table.add_row(
            str(record.image_index),
            label_text(record.label),
            str(record.prediction),
            "any" if record.target is None else str(record.target),
            Text(record.verdict.value, style=COLOURS[record.verdict]),
            str(record.witness_prediction) if record.verdict is Verdict.FLIPPED else "",
            *(_distances(record) if measured else _objectives(record)),
            f"{record.seconds:.2f}",
            *([record.found_by or ""] if of_parts else []),
        )
    output().print(table)
    output().print(summary(records))
    remark_on_ties(records[0].ties)
    remark_on_runs(records)


def remark_on_runs(records: Sequence[Record]) -> None:
    """Say that there is more to know of some of the runs."""
    remarked = [record for record in records if record.remark]
    if remarked:
        first = remarked[0]
        remarks().print(
            f"{len(remarked)} of {len(records)} have a remark, which --out keeps; that of image "
            f"{first.image_index}: {first.remark}",
            soft_wrap=True,
        )


def _objectives(record: Record) -> tuple[str, ...]:
    bound = "" if record.bound is None else format_number(record.bound)
    return format_number(record.clean_objective), format_number(record.objective), bound


def _distances(record: Record) -> tuple[str, ...]:
    ends = (record.upper, record.lower)
    return tuple("" if end is None else format_number(end) for end in ends)


def label_text(label: int) -> str:
    """A label in a table; nothing where there is none."""
    return "" if label == UNLABELLED else str(label)


def remark_on_ties(ties: Ties) -> None:
    """Name a rule that is not the paper's."""
    if ties is not Ties.NONE:
        output().print(ties.sentence)


def summary(records: Sequence[Record]) -> str:
    """The line below the table."""
    counts = [
        f"{sum(record.verdict is verdict for record in records)} {verdict.value}"
        for verdict in Verdict
    ]
    third = sum(
        record.verdict is Verdict.FLIPPED
        and record.target not in (None, record.witness_prediction)
        and record.prediction != record.witness_prediction
        for record in records
    )
    if third:
        counts[0] += f" ({third} to a third class, not the target)"
    seconds = sum(record.seconds for record in records) / len(records)
    line = f"{counted(len(records), 'image')}: {', '.join(counts)}"
    if records[0].norm is None:
        objective = sum(record.objective for record in records) / len(records)
        line += f"; mean objective {format_mean(objective)}"
    else:
        median = float(np.median([math.inf if r.upper is None else r.upper for r in records]))
        line += f"; median distance {median:.4g}" if math.isfinite(median) else ""
    return f"{line}, mean seconds {seconds:.2f}"


def format_mean(value: float) -> str:
    """Two decimals, or four significant digits where these say little."""
    return f"{value:.2f}" if value == 0 or 0.1 <= abs(value) < 1e6 else f"{value:.4g}"


def format_number(value: float) -> str:
    """Whole numbers as they are, others to four significant digits."""
    return str(value) if isinstance(value, int) else f"{value:.4g}"
