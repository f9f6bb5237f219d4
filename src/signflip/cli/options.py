"""Options that several commands share, each written once."""

import functools
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from signflip.attack import Method
from signflip.cli import values
from signflip.cli.values import WarmStart
from signflip.many.masks import load_mask
from signflip.many.plan import Question
from signflip.many.task import Series
from signflip.methods import METHODS
from signflip.methods.layer_solver import LAYER_SOLVERS, layer_solver
from signflip.methods.search_goal import SearchGoal
from signflip.methods.spec import seeded_method
from signflip.network import InputRange
from signflip.problem import Distance, Goal, GridName, Margin, Mask, Measure, Norm, Terms, Ties
from signflip.programs import solver_named
from signflip.zoo.named import NetworkName

Command = TypeVar("Command", bound=Callable[..., Any])


class NamedPath(click.Path):
    """A path. `-` is none: to other programs it means a stream, and would be a file's name here."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """Read a path."""
        if value == "-":
            self.fail(
                "'-' stands for no stream here; name a file, or write ./- for one called so",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


FILE = NamedPath(dir_okay=False, path_type=Path)
FOLDER = NamedPath(file_okay=False, path_type=Path)

images_argument = click.argument("images")

data_dir_option = click.option(
    "--data-dir",
    type=FOLDER,
    help="Folder of the data set's files; else SIGNFLIP_DATA, the system's, or a download.",
)
index_option = click.option(
    "--index",
    type=values.indices,
    metavar="RANGE",
    default=":",
    help="Which images: 7, 0:20, 0:100:10, or several with commas between.  [default: all]",
)
workers_option = click.option(
    "--workers",
    type=int,
    default=1,
    show_default=True,
    help="Processes to spread the images over; for a single image, threads of the exact search.",
)
epsilon_option = click.option(
    "--epsilon",
    type=values.epsilon,
    metavar="E",
    required=True,
    help="Largest change of a pixel, in the unit of the image: 0.01, or 2/255.",
)
time_limit_option = click.option(
    "--time-limit",
    type=float,
    default=180.0,
    callback=lambda _context, _option, seconds: None if seconds == math.inf else seconds,
    show_default=True,
    metavar="S",
    help="Seconds for each image; inf for no limit.",
)
out_option = click.option(
    "--out", type=FILE, help="File for the results: a line of JSON for each image."
)
store_option = click.option(
    "--store",
    type=FILE,
    help="Keep each answer in this store; what it has already is not run again.",
)
witnesses_option = click.option(
    "--witnesses",
    type=FILE,
    help="File for the best images: .npz, or NAME-{index}.png with --grid 8bit.",
)
proofs_option = click.option(
    "--proofs",
    type=FOLDER,
    metavar="DIR",
    help="Folder for a proof of each answer, which `signflip check` checks.",
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that exist.")


inputs_option = click.option(
    "--inputs",
    type=values.input_range,
    metavar="LO:HI[:STEP]",
    help="What each input of the network is, where its file does not say it: 0:255, or 0:255:1 "
    "for whole numbers.",
)


def network_argument(command: Command) -> Callable[..., Any]:
    """Decorates a command: reads NETWORK and `--inputs`, and hands them over as `network`."""

    @click.argument("network")
    @inputs_option
    @functools.wraps(command)
    def with_network(*, network: str, inputs: InputRange | None, **rest: Any) -> Any:
        return command(network=NetworkName(network, inputs), **rest)

    wrapped: Callable[..., Any] = with_network
    return wrapped


def target_option(default: str) -> Callable[[Command], Command]:
    """The option `--target`, which says `default` if it is not given."""
    return click.option(
        "--target",
        type=values.goal,
        metavar="second|untargeted|CLASS",
        default=default,
        show_default=True,
        help="Class to raise above the prediction: the second-highest, any, or a number. "
        "A third class may then be ahead of both.",
    )


def ties_option(default: Ties) -> Callable[[Command], Command]:
    """The option `--ties`; `default` is the rule if it is not given."""
    return click.option(
        "--ties",
        type=click.Choice([rule.value for rule in Ties]),
        callback=lambda _context, _option, text: Ties(text),
        default=default.value,
        show_default=True,
        help="When a tie with the prediction flips: never, always, or as the network predicts.",
    )


grid_option = click.option(
    "--grid",
    type=click.Choice([grid.value for grid in GridName]),
    callback=lambda _context, _option, text: None if text is None else GridName(text),
    help="Only images of float32 numbers, or of 8 bits, count.  [default: float64]",
)
mask_option = click.option(
    "--mask",
    type=FILE,
    callback=lambda _context, _option, path: None if path is None else load_mask(path),
    metavar="FILE",
    help="Which pixels may change: the bright ones of a picture, or those not 0 of a .npy array.",
)
smallest_option = click.option(
    "--smallest",
    type=click.Choice([norm.value for norm in Norm]),
    callback=lambda _context, _option, text: Margin() if text is None else Distance(Norm(text)),
    help="Find the smallest perturbation, largest change or sum of changes, within epsilon.",
)


def terms_options(ties: Ties) -> Callable[[Command], Callable[..., Any]]:
    """Decorates a command: reads `--ties`, `--grid` and `--mask`, and hands them over as `terms`.

    Args:
        ties: the rule of ties if none is given.
    """

    def decorate(command: Command) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_terms(*, ties: Ties, grid: GridName | None, mask: Mask | None, **rest: Any) -> Any:
            return command(terms=Terms(ties=ties, grid=grid, mask=mask), **rest)

        wrapped: Callable[..., Any] = with_terms
        for option in (mask_option, grid_option, ties_option(ties)):
            wrapped = option(wrapped)
        return wrapped

    return decorate


def _option_table() -> tuple[Callable[[Any], Any], ...]:
    return (
        epsilon_option,
        click.option(
            "--method",
            type=click.Choice(list(METHODS)),
            default="auto",
            show_default=True,
            help="How to attack.",
        ),
        target_option("second"),
        terms_options(Ties.NONE),
        smallest_option,
        time_limit_option,
        click.option(
            "--solver",
            type=click.Choice(LAYER_SOLVERS),
            help="Solver of the methods that use one.  [default: highs, and local for iprop]",
        ),
        click.option(
            "--goal",
            type=click.Choice([goal.value for goal in SearchGoal]),
            help="Settle whether there is a flip, or the optimum.  [default: exact decides]",
        ),
        click.option(
            "--warm-start",
            type=values.warm_start,
            metavar="METHOD:S",
            help="Begin with another method, within the time limit: fgsm:5.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Seed of the method's random choices.",
        ),
    )


def question_options() -> Callable[[Command], Callable[..., Any]]:
    """Decorates a command: reads how to attack, and hands it over as `question`."""

    def decorate(command: Command) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_question(
            *,
            epsilon: float,
            method: str,
            target: Goal | None,
            terms: Terms,
            smallest: Measure,
            goal: str | None,
            time_limit: float | None,
            solver: str | None,
            warm_start: WarmStart | None,
            seed: int,
            **rest: Any,
        ) -> Any:
            series = Series(
                name=method,
                kind=method,
                method=_method(method, {"goal": goal, "solver": solver}, seed, warm_start),
                seed=seed,
                time_limit=time_limit,
            )
            asked = replace(terms, measure=smallest)
            question = Question(epsilon=epsilon, goal=target, series=series, terms=asked)
            return command(question=question, **rest)

        wrapped: Callable[..., Any] = with_question
        for option in reversed(_option_table()):
            wrapped = option(wrapped)
        return wrapped

    return decorate


def _method(
    name: str, options: Mapping[str, str | None], seed: int, warm_start: WarmStart | None
) -> Method:
    settings: dict[str, object] = {key: text for key, text in options.items() if text is not None}
    solver = options["solver"]
    if solver is not None:
        settings["solver"] = layer_solver(solver) if name == "iprop" else solver_named(solver)
    return seeded_method(name, settings, seed, warm_start)
