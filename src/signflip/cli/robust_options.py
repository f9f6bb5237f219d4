"""The options of `signflip train` for networks that are to be robust."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from signflip.cli import values
from signflip.errors import SettingError

if TYPE_CHECKING:
    from signflip.training.robust import RobustSettings

_TABLE = (
    click.option(
        "--robust",
        "epsilon",
        type=values.epsilon,
        metavar="E",
        help="Train for robustness within this epsilon that can be proved; the options below go "
        "with it.",
    ),
    click.option(
        "--interval", type=float, metavar="K", help="Share of the interval loss.  [default: 0.05]"
    ),
    click.option("--pgd", type=int, metavar="N", help="Steps of the adversary.  [default: 4]"),
    click.option(
        "--wider",
        type=float,
        metavar="FACTOR",
        help="How many times epsilon the adversary may go.  [default: 1.5]",
    ),
    click.option(
        "--window",
        type=float,
        metavar="W",
        help="The adversary's gradients pass a sign whose normalised sum is within this.  "
        "[default: 0.35]",
    ),
    click.option(
        "--learning-window",
        type=float,
        metavar="W",
        help="The same for the gradients that the weights learn by.  [default: 0.25]",
    ),
    click.option(
        "--smoothing",
        type=float,
        metavar="SHARE",
        help="Part of each label that is spread over all classes.  [default: 0]",
    ),
    click.option(
        "--leniency",
        type=float,
        metavar="Q",
        help="An image counts by p**Q, p the chance of its class: the hopeless ones less.  "
        "[default: 0.5]",
    ),
    click.option(
        "--ramp",
        type=float,
        metavar="SHARE",
        help="Part of the run by which epsilon and the interval loss are at their full values.  "
        "[default: 0.25]",
    ),
    click.option(
        "--bounded",
        type=float,
        metavar="SHARE",
        help="Part of each batch that the interval loss is taken of.  [default: 1]",
    ),
    click.option("--ternary", is_flag=True, default=None, help="Weights of 0 too, and a bias."),
    click.option(
        "--vote", type=int, metavar="N", help="Whole output weights up to N.  [default: 1]"
    ),
    click.option(
        "--levels",
        metavar="T,T",
        help="Thresholds that make each pixel bits: 0.5.  [default: none]",
    ),
    click.option(
        "--conv",
        metavar="F@SxS/T,...",
        help="Convolutions before the dense layers, then none by default: 32@5x5/2.",
    ),
    click.option(
        "--held-out",
        type=float,
        metavar="SHARE",
        help="Part of the images, the last ones, to choose the best epoch by.  [default: 0.1]",
    ),
)


@dataclass(frozen=True, kw_only=True)
class RobustOptions:
    """What was given of them; None stands for a default.

    Attributes:
        given: name -> value, of those that were given, epsilon too.
    """

    given: dict[str, Any]

    def settings(self, hidden: tuple[int, ...] | None, **plain: Any) -> "RobustSettings | None":
        """The settings of a robust run; None if the run is to be a plain one.

        Raises:
            SettingError: an option was given without `--robust`, or a value is out of range.
        """
        given = dict(self.given)
        if "epsilon" not in given:
            if given:
                name = next(iter(given)).replace("convolutions", "conv").replace("_", "-")
                raise SettingError(
                    f"--{name} goes with --robust EPSILON, which is not given; give it (--robust "
                    f"0.02), or leave out --{name}"
                )
            return None
        from signflip.training.robust import Convolution, RobustSettings

        if "levels" in given:
            given["levels"] = _levels(given["levels"])
        if "convolutions" in given:
            texts = given["convolutions"].split(",")
            given["convolutions"] = tuple(Convolution.parse(text) for text in texts)
            given["hidden"] = ()
        if hidden is not None:
            given["hidden"] = hidden
        return RobustSettings(**given, **plain)


def _levels(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise SettingError(
            f"--levels is {text!r}; it must be numbers with commas between: 0.3,0.6"
        ) from error


def robust_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a command: reads the options, and hands them over as `robust`."""
    names = (
        "epsilon",
        "interval",
        "pgd",
        "wider",
        "window",
        "learning_window",
        "smoothing",
        "leniency",
        "ramp",
        "bounded",
        "ternary",
        "vote",
        "levels",
    )

    @functools.wraps(command)
    def with_options(**options: Any) -> Any:
        given = {name: options.pop(name) for name in names}
        given["convolutions"], given["held_out"] = options.pop("conv"), options.pop("held_out")
        chosen = {name: value for name, value in given.items() if value is not None}
        return command(robust=RobustOptions(given=chosen), **options)

    wrapped: Callable[..., Any] = with_options
    for option in reversed(_TABLE):
        wrapped = option(wrapped)
    return wrapped
