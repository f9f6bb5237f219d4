"""The options of `signflip train` for networks that are to be robust."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from signflip.cli import values
from signflip.errors import SettingError

if TYPE_CHECKING:
    from signflip.training.robust import RobustSettings


class _Option(NamedTuple):
    """An option, the setting that it gives, and what else click has to know of it."""

    flag: str
    setting: str
    details: Mapping[str, Any]


def _option(flag: str, setting: str | None = None, **details: Any) -> _Option:
    return _Option(flag, setting or flag.removeprefix("--").replace("-", "_"), details)


_TABLE = (
    _option(
        "--robust",
        "epsilon",
        type=values.epsilon,
        metavar="E",
        help="Train for robustness within this epsilon that can be proved; the options below go "
        "with it.",
    ),
    _option(
        "--interval", type=float, metavar="K", help="Share of the interval loss.  [default: 0.05]"
    ),
    _option("--pgd", type=int, metavar="N", help="Steps of the adversary.  [default: 4]"),
    _option(
        "--wider",
        type=float,
        metavar="FACTOR",
        help="How many times epsilon the adversary may go.  [default: 1.5]",
    ),
    _option(
        "--window",
        type=float,
        metavar="W",
        help="The adversary's gradients pass a sign whose normalised sum is within this.  "
        "[default: 0.35]",
    ),
    _option(
        "--learning-window",
        type=float,
        metavar="W",
        help="The same for the gradients that the weights learn by.  [default: 0.25]",
    ),
    _option(
        "--smoothing",
        type=float,
        metavar="SHARE",
        help="Part of each label that is spread over all classes.  [default: 0]",
    ),
    _option(
        "--leniency",
        type=float,
        metavar="Q",
        help="An image counts by p**Q, p the chance of its class: the hopeless ones less.  "
        "[default: 0.5]",
    ),
    _option(
        "--ramp",
        type=float,
        metavar="SHARE",
        help="Part of the run by which epsilon and the interval loss are at their full values.  "
        "[default: 0.25]",
    ),
    _option(
        "--bounded",
        type=float,
        metavar="SHARE",
        help="Part of each batch that the interval loss is taken of.  [default: 1]",
    ),
    _option(
        "--witnesses",
        type=float,
        metavar="SHARE",
        help="Part of each batch that is attacked before the step; flips take the place of the "
        "adversary's points, until they are attacked again.  [default: 0]",
    ),
    _option(
        "--witness-method",
        metavar="walk|exact",
        help="What finds them.  [default: walk]",
    ),
    _option(
        "--witness-reach",
        type=float,
        metavar="FACTOR",
        help="How many times epsilon they may go.  [default: 1.25]",
    ),
    _option("--ternary", is_flag=True, default=None, help="Weights of 0 too, and a bias."),
    _option("--vote", type=int, metavar="N", help="Whole output weights up to N.  [default: 1]"),
    _option(
        "--levels",
        metavar="T,T",
        help="Thresholds that make each pixel bits: 0.5.  [default: none]",
    ),
    _option(
        "--conv",
        "convolutions",
        metavar="F@SxS/T,...",
        help="Convolutions before the dense layers, then none by default: 32@5x5/2.",
    ),
    _option(
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
                flag = next(option.flag for option in _TABLE if option.setting in given)
                raise SettingError(
                    f"{flag} goes with --robust EPSILON, which is not given; give it (--robust "
                    f"0.02), or leave out {flag}"
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

    @functools.wraps(command)
    def with_options(**options: Any) -> Any:
        given = {option.setting: options.pop(option.setting) for option in _TABLE}
        chosen = {name: value for name, value in given.items() if value is not None}
        return command(robust=RobustOptions(given=chosen), **options)

    wrapped: Callable[..., Any] = with_options
    for option in reversed(_TABLE):
        wrapped = click.option(option.flag, option.setting, **option.details)(wrapped)
    return wrapped
