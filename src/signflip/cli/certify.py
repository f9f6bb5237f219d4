"""`signflip certify`: which images are proved robust, and how much accuracy is certain."""

import json
import sys
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from signflip.cli.attack import COLOURS
from signflip.cli.certificate import Certificate
from signflip.cli.console import output
from signflip.cli.options import (
    FILE,
    data_dir_option,
    epsilon_option,
    images_argument,
    index_option,
    network_argument,
    out_option,
    overwrite_option,
    proofs_option,
    store_option,
    target_option,
    terms_options,
    time_limit_option,
    witnesses_option,
    workers_option,
)
from signflip.cli.output import ResultFiles, check_distinct, check_writable
from signflip.cli.proofs import make_folder, remark_on_proofs
from signflip.cli.running import Gathered, gather
from signflip.cli.values import Indices
from signflip.data import UNLABELLED, load_dataset
from signflip.files import write_bytes, writing
from signflip.many.plan import Question
from signflip.many.record import Record
from signflip.many.task import Series
from signflip.many.workers import check_workers
from signflip.methods import Auto
from signflip.problem import Goal, Terms, Ties
from signflip.problem.goals import goal_of
from signflip.result import Verdict
from signflip.zoo.named import NetworkName


@click.command()
@network_argument
@images_argument
@epsilon_option
@target_option("untargeted")
@terms_options(Ties.PREDICT)
@time_limit_option
@index_option
@workers_option
@out_option
@witnesses_option
@proofs_option
@store_option
@click.option("--summary", type=FILE, help="File for the shares, as JSON.")
@overwrite_option
@data_dir_option
def certify(
    network: NetworkName,
    images: str,
    epsilon: float,
    target: Goal | None,
    terms: Terms,
    time_limit: float | None,
    index: Indices,
    workers: int,
    out: Path | None,
    witnesses: Path | None,
    proofs: Path | None,
    store: Path | None,
    summary: Path | None,
    overwrite: bool,
    data_dir: Path | None,
) -> None:
    """Prove which of IMAGES cannot be flipped on NETWORK.

    Prints the shares proved robust, flipped and unknown, and the accuracy that is certain: the
    share of images both right and robust, and, where some are unknown, the share right and not
    flipped. An image is flipped when the network predicts another class, unless --ties says
    otherwise.

    With --store a run that was ended goes on where it was if it is called again. NETWORK and IMAGES
    are as for `signflip attack`.
    """
    check_workers(workers)
    check_distinct(out=out, witnesses=witnesses, store=store, summary=summary)
    if summary is not None:
        check_writable(summary, overwrite=overwrite)
    image_set = load_dataset(images, data_dir=data_dir)
    series = Series(
        name="auto", kind="auto", method=Auto(), seed=0, time_limit=time_limit, proofs=proofs
    )
    question = Question(epsilon=epsilon, goal=target, terms=terms, series=series)
    plan = question.plan(network.open(), image_set, index.of(image_set), name=network.name)
    make_folder(proofs)
    gathered, so_far = Gathered(), Certificate()

    def bracket(record: Record) -> str:
        so_far.add(record)
        return f"certain {so_far.bracket}"

    try:
        with ResultFiles(out, witnesses, plan, overwrite=overwrite) as files:
            gather("certify", plan, workers, files, gathered, bracket, store)
    finally:  # also after Ctrl-C: what was decided is shown
        if gathered.answers or gathered.failed:
            if summary is not None:  # first: nobody may read what is printed
                skipped = len(plan.skipped)
                _write_summary(summary, gathered, question, network.name, images, skipped)
            _print_certificate(gathered, question)
            remark_on_proofs(gathered.answers, proofs)
    if gathered.failed:
        sys.exit(1)


def _print_certificate(gathered: Gathered, question: Question) -> None:
    records = [*gathered.answers, *gathered.failed]
    found = Certificate.of(records)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for verdict in (Verdict.ROBUST, Verdict.FLIPPED, Verdict.UNKNOWN):
        number = found.verdicts[verdict]
        name = Text(verdict.value, style=COLOURS[verdict])
        table.add_row(name, f"{number} of {found.images}", f"{number / found.images:.2%}")
    output().print(table)
    output().print(question.terms.ties.sentence)
    if all(record.label == UNLABELLED for record in records):
        return  # nothing can be said of accuracy
    output().print(
        f"accuracy {found.accuracy:.2%}; certain against {goal_of(question.goal)} "
        f"within epsilon {question.epsilon:g}: {found.bracket}"
    )


def _write_summary(
    path: Path, gathered: Gathered, question: Question, network: str, images: str, skipped: int
) -> None:
    records = [*gathered.answers, *gathered.failed]
    content = {
        "network": network,
        "images_of": images,
        "epsilon": question.epsilon,
        "against": str(goal_of(question.goal)),
        "ties": question.terms.ties.value,
        "time_limit": question.series.time_limit,
        "skipped": skipped,  # they are predicted as the target already, and count nowhere else
        **Certificate.of(records).as_dict([record.seconds for record in records]),
    }
    with writing(path):
        write_bytes(path, (json.dumps(content, indent=2) + "\n").encode())
