"""`signflip curve`: certified accuracy against epsilon, and what attacks leave of it."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from signflip.cli import values
from signflip.cli.certificate import Certificate
from signflip.cli.console import output
from signflip.cli.options import (
    FILE,
    data_dir_option,
    images_argument,
    index_option,
    network_argument,
    overwrite_option,
    store_option,
    time_limit_option,
    workers_option,
)
from signflip.cli.output import ResultFiles, check_distinct, check_writable
from signflip.cli.running import Gathered, gather
from signflip.cli.values import Indices
from signflip.clock import Clock
from signflip.data import load_dataset
from signflip.errors import SettingError
from signflip.files import write_bytes, writing
from signflip.many.notation import counted
from signflip.many.plan import Plan, block_of
from signflip.many.record import Record
from signflip.many.task import Series
from signflip.many.workers import check_workers
from signflip.methods import METHODS
from signflip.methods.spec import read_settings, seeded_method
from signflip.problem import Terms, Ties, Untargeted
from signflip.report.curve import Curve, draw_curve
from signflip.report.picture import check_picture_name, save_picture
from signflip.result import Verdict
from signflip.zoo.named import NetworkName

_EXACT = "exact"


@click.command()
@network_argument
@images_argument
@click.option(
    "--epsilons", required=True, metavar="E,E,...", help="Radii: 0.01,0.02, or 1/255,2/255."
)
@click.option(
    "--attacks",
    default="fgsm,pgd",
    show_default=True,
    metavar="METHOD,...",
    help="Attacks to draw beside the proofs, or none; with settings if need be: "
    "pgd:scaling=njs:iterations=50.",
)
@time_limit_option
@index_option
@workers_option
@store_option
@click.option("--out", type=FILE, required=True, help="The picture: .png, .svg or .pdf.")
@click.option("--json", "numbers", type=FILE, help="File for the numbers.")
@overwrite_option
@data_dir_option
def curve(
    network: NetworkName,
    images: str,
    epsilons: str,
    attacks: str,
    time_limit: float | None,
    index: Indices,
    workers: int,
    store: Path | None,
    out: Path,
    numbers: Path | None,
    overwrite: bool,
    data_dir: Path | None,
) -> None:
    """Draw how much accuracy of NETWORK on IMAGES is certain at each epsilon.

    Beside it: what each attack leaves. The gap between the strongest attack and the proofs is what
    that attack does not find, or nobody knows yet. A tie counts as a flip. With --store a run that
    was ended goes on where it was.
    """
    check_workers(workers)
    check_picture_name(out)
    check_distinct(out=out, json=numbers, store=store)
    for path in (out, *(() if numbers is None else (numbers,))):
        check_writable(path, overwrite=overwrite)
    plan = _plan(network, images, _radii(epsilons), attacks, time_limit, index, data_dir)
    gathered = Gathered()
    with ResultFiles(None, None, plan, overwrite=overwrite) as files:
        gather("curve", plan, workers, files, gathered, store=store)
    found = curve_of([*gathered.answers, *gathered.failed])
    try:
        if numbers is not None:
            with writing(numbers):
                write_bytes(numbers, (json.dumps(found.as_dict(), indent=2) + "\n").encode())
        figure = draw_curve(found, title=f"{network.name} on {images}")
        with writing(out):
            save_picture(figure, out)
    finally:  # what cannot be written has been found all the same
        _print(found)
    output().print(f"{out} is written")
    if gathered.failed:
        sys.exit(1)


def curve_of(records: Sequence[Record]) -> Curve:
    """The curve of answers to all radii by the exact method, and by attacks."""
    exact = [record for record in records if record.series == _EXACT]
    epsilons = sorted({record.epsilon for record in exact})
    certificates = [
        Certificate.of(record for record in exact if record.epsilon == epsilon)
        for epsilon in epsilons
    ]
    withstood = {}
    for name in dict.fromkeys(record.series for record in records if record.series != _EXACT):
        withstood[name] = [
            _withstood([r for r in records if r.series == name and r.epsilon == epsilon])
            for epsilon in epsilons
        ]
    return Curve(
        epsilons=epsilons,
        images=certificates[0].images,
        accuracy=certificates[0].accuracy,
        certified=[each.certain[0] for each in certificates],
        possible=[each.certain[1] for each in certificates],
        withstood=withstood,
    )


def _withstood(records: Sequence[Record]) -> float:
    stays = [r.prediction == r.label and r.verdict is not Verdict.FLIPPED for r in records]
    return sum(stays) / len(records)


def _radii(text: str) -> tuple[float, ...]:
    try:
        return tuple(sorted({values.epsilon(part) for part in text.split(",")}))
    except click.BadParameter as error:
        error.param_hint = "'--epsilons'"
        raise


def _plan(
    network: NetworkName,
    images: str,
    epsilons: tuple[float, ...],
    attacks: str,
    time_limit: float | None,
    index: Indices,
    data_dir: Path | None,
) -> Plan:
    Clock.start(time_limit)
    texts = [] if attacks == "none" else attacks.split(",")
    chosen = {_EXACT: (_EXACT, {}), **{text: _attack(text) for text in texts}}
    series = [
        Series(
            name=text,
            kind=name,
            method=seeded_method(name, settings, 0, None),
            seed=0,
            time_limit=time_limit,
        )
        for text, (name, settings) in chosen.items()
    ]
    opened, image_set = network.open(), load_dataset(images, data_dir=data_dir)
    image_set.need_labels("a curve of accuracy")
    block = block_of(
        opened, image_set, index.of(image_set), Untargeted(), name=network.name,
        epsilons=epsilons, series=series, terms=Terms(ties=Ties.FLIP),
    )  # fmt: skip
    digest = opened.digest
    return Plan(title="", networks={digest: opened}, names={digest: network.name}, blocks=(block,))


def _attack(text: str) -> tuple[str, dict[str, object]]:
    """The method of METHOD or METHOD:SETTING=VALUE:..., and its settings."""
    name, *settings = text.split(":")
    if name not in METHODS or name == _EXACT:
        others = ", ".join(method for method in METHODS if method != _EXACT)
        raise SettingError(f"--attacks names {name!r}; the attacks are {others}, or none")
    given = dict(each.partition("=")[::2] for each in settings)
    try:
        return name, read_settings(name, {key: _value(value) for key, value in given.items()})
    except SettingError as error:
        raise SettingError(f"--attacks {text}: {error}") from error


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:  # a word
        return text


def _print(found: Curve) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("epsilon", "certified", "at most", *(f"by {each}" for each in found.withstood)):
        table.add_column(heading, justify="right")
    for place, epsilon in enumerate(found.epsilons):
        shares = (found.certified, found.possible, *found.withstood.values())
        table.add_row(f"{epsilon:g}", *(f"{share[place]:.2%}" for share in shares))
    output().print(table)
    output().print(
        f"clean {found.accuracy:.2%} of {counted(found.images, 'image')}; a tie is a flip"
    )
