"""`signflip certify`: which images are proved robust, and how much accuracy is certain."""

import sys
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from signflip.cli.attack import COLOURS
from signflip.cli.console import output
from signflip.cli.options import (
    data_dir_option,
    epsilon_option,
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
from signflip.data import UNLABELLED, load_dataset
from signflip.many.plan import Question
from signflip.many.task import Series
from signflip.many.workers import check_workers
from signflip.methods import Exact
from signflip.problem import Goal, Terms, Ties
from signflip.problem.goals import goal_of
from signflip.result import Verdict
from signflip.zoo.named import open_network


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
@overwrite_option
@data_dir_option
def certify(
    network: str,
    images: str,
    epsilon: float,
    target: Goal | None,
    terms: Terms,
    time_limit: float,
    index: Indices,
    workers: int,
    out: Path | None,
    witnesses: Path | None,
    proofs: Path | None,
    overwrite: bool,
    data_dir: Path | None,
) -> None:
    """Prove which of IMAGES cannot be flipped on NETWORK.

    Prints the shares proved robust, flipped and unknown, and the accuracy that is certain: the
    share of images both right and robust, and, where some are unknown, the share right and not
    flipped. An image is flipped when the network predicts another class, unless --ties says
    otherwise.

    NETWORK and IMAGES are as for `signflip attack`.
    """
    check_workers(workers)
    image_set = load_dataset(images, data_dir=data_dir)
    series = Series(
        name="exact", kind="exact", method=Exact(), seed=0, time_limit=time_limit, proofs=proofs
    )
    question = Question(epsilon=epsilon, goal=target, terms=terms, series=series)
    plan = question.plan(open_network(network), image_set, index.of(image_set), name=network)
    make_folder(proofs)
    gathered = Gathered()
    try:
        with ResultFiles(out, witnesses, plan, overwrite=overwrite) as files:
            gather("certify", plan, workers, files, gathered)
    finally:  # also after Ctrl-C: what was decided is shown
        if gathered.answers:
            _print_certificate(gathered, question)
            remark_on_proofs(gathered.answers, proofs)
    if gathered.failed:
        sys.exit(1)


def _print_certificate(gathered: Gathered, question: Question) -> None:
    # whether an image is right, and what is certain of it; without an answer nothing is
    found = [
        (record.prediction == record.label, record.verdict)
        for record in (*gathered.answers, *gathered.failed)
    ]
    count = len(found)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for verdict in (Verdict.ROBUST, Verdict.FLIPPED, Verdict.UNKNOWN):
        number = sum(v is verdict for _, v in found)
        name = Text(verdict.value, style=COLOURS[verdict])
        table.add_row(name, f"{number} of {count}", f"{number / count:.2%}")
    output().print(table)
    output().print(question.terms.ties.sentence)
    if all(record.label == UNLABELLED for record in (*gathered.answers, *gathered.failed)):
        return  # nothing can be said of accuracy
    right = [verdict for is_right, verdict in found if is_right]
    least = right.count(Verdict.ROBUST)
    most = len(right) - right.count(Verdict.FLIPPED)
    certain = f"{least / count:.2%}"
    if most > least:
        certain += f" to {most / count:.2%}"
    output().print(
        f"accuracy {len(right) / count:.2%}; certain against {goal_of(question.goal)} "
        f"within epsilon {question.epsilon:g}: {certain}"
    )
