"""`signflip min-epsilon`: the smallest epsilon that flips each image, as an interval."""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from pathlib import Path
from statistics import median

import click
from rich.table import Table
from rich.text import Text

from signflip.cli import values
from signflip.cli.attack import label_text, remark_on_ties
from signflip.cli.console import output
from signflip.cli.options import (
    data_dir_option,
    images_argument,
    index_option,
    network_argument,
    out_option,
    overwrite_option,
    proofs_option,
    target_option,
    terms_options,
    time_limit_option,
    witnesses_option,
    workers_option,
)
from signflip.cli.output import ResultFiles
from signflip.cli.proofs import make_folder, remark_on_proofs
from signflip.cli.running import Gathered, gather
from signflip.cli.values import Indices
from signflip.data import load_dataset
from signflip.many.notation import counted
from signflip.many.plan import Question
from signflip.many.record import Record
from signflip.many.task import Series
from signflip.many.workers import check_workers
from signflip.methods import Exact
from signflip.problem import Distance, Goal, Norm, Terms, Ties
from signflip.result import Stop
from signflip.zoo.named import NetworkName

_MOST_PLACES = 20  # of decimals: a float64 epsilon has no more that mean something

_EXACT = Context(prec=400)  # a float64 has up to 309 digits before its point

STATES = {
    Stop.DECIDED: Text("closed"),
    Stop.TIME_LIMIT: Text("out of time", style="yellow"),
    Stop.IMPRECISE: Text("imprecise", style="yellow"),
}


@click.command()
@network_argument
@images_argument
@click.option(
    "--tolerance",
    type=values.epsilon,
    default="1e-4",
    show_default=True,
    metavar="W",
    help="Width at which the interval is closed: 0.001, or 1/255.",
)
@target_option("untargeted")
@terms_options(Ties.NONE)
@time_limit_option
@index_option
@workers_option
@out_option
@witnesses_option
@proofs_option
@overwrite_option
@data_dir_option
def min_epsilon(
    network: NetworkName,
    images: str,
    tolerance: float,
    target: Goal | None,
    terms: Terms,
    time_limit: float | None,
    index: Indices,
    workers: int,
    out: Path | None,
    witnesses: Path | None,
    proofs: Path | None,
    overwrite: bool,
    data_dir: Path | None,
) -> None:
    """Enclose the smallest epsilon that flips each of IMAGES on NETWORK.

    At the upper end of each interval there is a witness, at its lower end a proof that no image
    within that epsilon flips. Where time runs out, or a case is too close to call in floating
    point, the interval stays open: it is still true, but wider than the tolerance.

    NETWORK and IMAGES are as for `signflip attack`.
    """
    check_workers(workers)
    image_set = load_dataset(images, data_dir=data_dir)
    series = Series(
        name="exact", kind="exact", method=Exact(), seed=0, time_limit=time_limit, proofs=proofs
    )
    asked = replace(terms, measure=Distance(Norm.LINF, tolerance))
    opened = network.open()
    # the ball of this radius holds every image
    largest = opened.input_range.width
    question = Question(epsilon=largest, goal=target, series=series, terms=asked)
    plan = question.plan(opened, image_set, index.of(image_set), name=network.name)
    make_folder(proofs)
    gathered = Gathered()
    try:
        with ResultFiles(out, witnesses, plan, overwrite=overwrite) as files:
            gather("min-epsilon", plan, workers, files, gathered, interval)
    finally:  # also after Ctrl-C: what was found is shown
        if gathered.answers:
            _print_intervals(gathered.answers)
            remark_on_proofs(gathered.answers, proofs)
    if gathered.failed:
        sys.exit(1)


def _print_intervals(records: Sequence[Record]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("image", "label", "prediction", "target"):
        table.add_column(heading, justify="right")
    table.add_column("flips to", justify="right")
    table.add_column("epsilon")
    table.add_column("seconds", justify="right")
    table.add_column("interval")
    for record in sorted(records, key=lambda record: record.image_index):
        table.add_row(
            str(record.image_index),
            label_text(record.label),
            str(record.prediction),
            "any" if record.target is None else str(record.target),
            "" if record.upper is None else str(record.witness_prediction),
            interval(record),
            f"{record.seconds:.2f}",
            STATES[Stop[record.stop.upper()]],
        )
    output().print(table)
    output().print(summary(records))
    remark_on_ties(records[0].ties)


def interval(record: Record) -> str:
    """The record's interval."""
    lower, tolerance = _known(record)
    return enclosure(lower, record.upper, tolerance)


def _known(record: Record) -> tuple[float, float]:
    """The lower end and the tolerance, which each record of a smallest epsilon has."""
    assert record.lower is not None
    assert record.tolerance is not None
    return record.lower, record.tolerance


def enclosure(lower: float, upper: float | None, tolerance: float) -> str:
    """An interval in decimal digits that fit the tolerance, rounded outward."""
    places = min(max(0, math.ceil(-math.log10(tolerance))) + 1, _MOST_PLACES)
    digits = Decimal(1).scaleb(-places)
    least = Decimal(lower).quantize(digits, ROUND_FLOOR, _EXACT)
    if upper is None:
        return f"none up to {least}"
    return f"{least} to {Decimal(upper).quantize(digits, ROUND_CEILING, _EXACT)}"


def summary(records: Sequence[Record]) -> str:
    """The line below the table."""
    closed = sum(record.closed is True for record in records)
    line = f"{counted(len(records), 'image')}: {closed} closed, {len(records) - closed} open"
    lower = median(_known(record)[0] for record in records)
    upper = median(math.inf if record.upper is None else record.upper for record in records)
    if math.isfinite(upper):
        line += f"; median epsilon {enclosure(lower, upper, _known(records[0])[1])}"
    seconds = sum(record.seconds for record in records) / len(records)
    return f"{line}; mean seconds {seconds:.2f}"
