"""What makes one image of a problem better than another: its objective, or its distance."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from signflip.arrays import Floats
from signflip.errors import SettingError
from signflip.problem.norms import Norm, exact_distance
from signflip.settings import is_number

if TYPE_CHECKING:
    from signflip.problem.problem import Problem, Replay


@dataclass(frozen=True, eq=False)
class Incumbent:
    """An image and what the measure makes of it.

    Attributes:
        image: (inputs,) float64.
        replay: what the network makes of it.
        figure: what the measure says of it, for reports: the objective, or the distance.
    """

    image: Floats
    replay: "Replay"
    figure: float


@runtime_checkable
class Measure(Protocol):
    """A measure: a frozen value."""

    @property
    def norm(self) -> Norm | None:
        """The norm of a distance, None for the objective."""
        ...

    def first(self, problem: "Problem") -> Incumbent:
        """The clean image."""
        ...

    def better(self, problem: "Problem", image: Floats, than: Incumbent) -> Incumbent | None:
        """The image (inputs,), replayed, if it may be a witness and is better; else None."""
        ...

    def refuses_start(self, problem: "Problem", image: Floats) -> str | None:
        """Why a search cannot start from the image (inputs,), as a sentence; None if it can."""
        ...

    def contradicts(self, bound: float | Fraction, incumbent: Incumbent) -> bool:
        """Whether the incumbent is better than a bound of all images says that any is."""
        ...

    def excludes_flips(self, problem: "Problem", bound: float | Fraction) -> bool:
        """Whether the bound says that no image flips."""
        ...


@dataclass(frozen=True)
class Margin:
    """The larger the objective (1), the better; of two that are tied at 0, a flip is."""

    @property
    def norm(self) -> None:
        """It is no distance."""

    def first(self, problem: "Problem") -> Incumbent:
        """The clean image, with its objective."""
        return Incumbent(problem.image, problem.clean, float(problem.clean.value))

    def better(self, problem: "Problem", image: Floats, than: Incumbent) -> Incumbent | None:
        """The image if it lies in the region and has a larger objective."""
        replay = problem.replay(image)
        if not replay.inside or replay.standing <= than.replay.standing:
            return None
        return Incumbent(image, replay, float(replay.value))

    def refuses_start(self, problem: "Problem", image: Floats) -> str | None:
        """An image outside the region is no start."""
        if image.shape == problem.image.shape and problem.region.contains(image):
            return None
        return "the start lies outside the problem's box; clip it first: problem.box.clip(start)"

    def contradicts(self, bound: float | Fraction, incumbent: Incumbent) -> bool:
        """Whether the objective exceeds an upper bound."""
        return bound < incumbent.replay.value

    def excludes_flips(self, problem: "Problem", bound: float | Fraction) -> bool:
        """Whether a flip needs a larger objective."""
        return problem.no_flip_below(bound)


@dataclass(frozen=True)
class Distance:
    """The nearer a flip to the clean image, the better; what does not flip is no witness.

    Attributes:
        norm: what distances are measured by.
        tolerance: how narrow the interval is to be that encloses the least distance, for a method
            that proves its lower end.

    Raises:
        SettingError: there is no such norm, or the tolerance is not above 0.
    """

    norm: Norm = Norm.LINF
    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", norm_named(self.norm))
        check_tolerance(self.tolerance)

    def first(self, problem: "Problem") -> Incumbent:
        """The clean image: infinitely far, being no flip, unless it is tied and a tie is one."""
        figure = 0.0 if problem.clean.flipped else float("inf")
        return Incumbent(problem.image, problem.clean, figure)

    def better(self, problem: "Problem", image: Floats, than: Incumbent) -> Incumbent | None:
        """The image if it is a flip of the region and nearer."""
        distance = exact_distance(problem.image, image, self.norm)
        if distance >= than.figure:
            return None
        replay = problem.replay(image)
        return Incumbent(image, replay, distance) if replay.flipped else None

    def refuses_start(self, problem: "Problem", image: Floats) -> str | None:
        """An image that does not flip is no start."""
        if image.shape == problem.image.shape and problem.replay(image).flipped:
            return None
        return (
            "the start is no flip inside the problem's box; start from the witness of an attack, "
            "or from nothing"
        )

    def contradicts(self, bound: float | Fraction, incumbent: Incumbent) -> bool:
        """Whether a flip is nearer than a lower bound."""
        return bound > incumbent.figure

    def excludes_flips(self, problem: "Problem", bound: float | Fraction) -> bool:  # noqa: ARG002
        """Whether every flip is infinitely far."""
        return bound == float("inf")


def check_tolerance(tolerance: float) -> None:
    """Refuse a width that no interval can be closed to.

    Raises:
        SettingError: it is not above 0, or not finite.
    """
    if not is_number(tolerance):
        raise SettingError(f"the tolerance is {tolerance!r}; it must be a number, such as 1e-4")
    if not 0 < tolerance < float("inf"):
        raise SettingError(
            f"the tolerance is {tolerance}; it must be above 0 and finite: epsilon is enclosed to "
            "that width"
        )


def norm_named(norm: Norm | str) -> Norm:
    """The norm, by itself or by its name.

    Raises:
        SettingError: no norm has that name.
    """
    try:
        return Norm(norm)
    except ValueError as error:
        raise SettingError(
            f"the norm is {norm!r}; it must be 'linf', for the largest change of a pixel, or 'l1', "
            "for the sum of all"
        ) from error
