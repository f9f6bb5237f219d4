"""Boxes: a lower and an upper bound for each pixel."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers
from signflip.errors import ProblemError
from signflip.network import UNIT_RANGE, UNIT_ROUNDOFF, InputRange
from signflip.programs.program import ProgramBuilder
from signflip.settings import is_number

SMALLEST = 2.0**-1074


Fill = Callable[[Floats, Floats], None]
"""Given a point (columns,) of a program and an image (inputs,): writes what the image makes of the
program's variables into the point."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Box:
    """The images `lower <= x' <= upper`, a region.

    Attributes:
        lower: (inputs,) float64 in the range of the network's inputs.
        upper: (inputs,) float64 in that range, nowhere below `lower`.
        epsilon: the ball's radius where the box is one, for reports.
        inputs: the range, by default [0, 1].
    """

    lower: Floats
    upper: Floats
    epsilon: float | None = None
    inputs: InputRange = UNIT_RANGE

    def __post_init__(self) -> None:
        for name in ("lower", "upper"):
            array = np.array(as_floats(getattr(self, name), f"the box's {name}"))
            check_range(array, f"the box's {name}", self.inputs)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.lower.shape != self.upper.shape:
            raise ProblemError(
                f"the box's lower has shape {self.lower.shape} and its upper {self.upper.shape}; "
                "they must be the same"
            )
        crossed = self.lower > self.upper
        if crossed.any():
            i = int(np.argmax(crossed))
            raise ProblemError(
                f"the box is empty at pixel {i}: lower {self.lower[i]} is above {self.upper[i]}"
            )

    @classmethod
    def ball(
        cls,
        image: npt.ArrayLike,
        epsilon: float,
        mask: npt.ArrayLike | None = None,
        *,
        inputs: InputRange = UNIT_RANGE,
    ) -> "Box":
        """The float64 images of the range within `epsilon` of `image` in every pixel.

        Bounds are rounded inward, so a float64 image lies in the box iff it lies in the ball in
        exact arithmetic.

        Args:
            image: (inputs,) float64 in the range.
            epsilon: radius, in the unit of the image, from 0 to the range's width.
            mask: (inputs,) bool, true where a pixel may change; None for all of them.
            inputs: the range of the network's inputs.

        Raises:
            ProblemError: a value is out of range, or shapes differ.
        """
        centre = as_floats(image, "the image")
        check_range(centre, "the image", inputs)
        check_epsilon(epsilon, inputs)
        epsilon = float(epsilon)  # of any kind of number
        lower, error = _two_sum(centre, -epsilon)
        lower = np.where(error > 0, np.nextafter(lower, np.inf), lower)
        upper, error = _two_sum(centre, epsilon)
        upper = np.where(error < 0, np.nextafter(upper, -np.inf), upper)
        if mask is not None:
            free = np.asarray(mask)
            if free.dtype != np.bool_ or free.shape != centre.shape:
                raise ProblemError(
                    f"the mask is {free.dtype} of shape {free.shape}; it must be bool of shape "
                    f"{centre.shape}, true where a pixel may change"
                )
            lower, upper = np.where(free, lower, centre), np.where(free, upper, centre)
        return cls(
            lower=np.maximum(lower, inputs.lower),
            upper=np.minimum(upper, inputs.upper),
            epsilon=epsilon,
            inputs=inputs,
        )

    def around(self, image: Floats, radius: float) -> "Box":
        """The images of the range within `radius`, however large, of an image (inputs,) of it."""
        return Box.ball(image, min(radius, self.inputs.width), inputs=self.inputs)

    @property
    def grid(self) -> None:
        """Every float64 of it is an image."""

    @property
    def box(self) -> "Box":
        """Itself."""
        return self

    @cached_property
    def centre(self) -> Floats:
        """(inputs,) float64, the middle of the box, rounded."""
        return (self.lower + self.upper) / 2

    @cached_property
    def radius(self) -> Floats:
        """(inputs,) float64: in exact arithmetic the box lies within `centre +- radius`."""
        radius = np.maximum(self.centre - self.lower, self.upper - self.centre)
        # a difference is rounded once: the next float is not below the exact one
        outward: Floats = np.where(self.lower == self.upper, 0.0, np.nextafter(radius, np.inf))
        return outward

    def contains(self, image: Floats) -> bool:
        """Whether the float64 image (inputs,) lies in the box; comparisons are exact.

        Raises:
            ProblemError: it is no array of numbers, or of another shape, which NumPy might fit to
                the box's.
        """
        image = as_pixels(image, "the image", self)
        return bool(np.all(self.lower <= image) and np.all(image <= self.upper))

    def cut(self, box: "Box") -> "Box":
        """The part that lies in another box; the two have an image in common."""
        lower, upper = np.maximum(self.lower, box.lower), np.minimum(self.upper, box.upper)
        return Box(lower=lower, upper=upper, epsilon=box.epsilon, inputs=self.inputs)

    def clip(self, images: Floats) -> Floats:
        """The nearest images of the box, for images (..., inputs) float64.

        Raises:
            ProblemError: they are no array of numbers, or have another number of inputs.
        """
        images = as_floats(images, "the array of images")
        if images.shape[-1:] != self.lower.shape:
            raise ProblemError(
                f"the images have shape {images.shape}, and the box {self.lower.shape}; give "
                "images, flat, in the last axis"
            )
        return np.clip(images, self.lower, self.upper)

    def project(self, images: Floats) -> Floats:
        """The same as `clip`."""
        return self.clip(images)

    def support(self, direction: Floats) -> float:
        """No image x of the box has a larger `direction . (x - centre)`. Rounded up.

        Raises:
            ProblemError: the direction is no array of numbers, or of another shape than the box.
        """
        direction = as_pixels(direction, "the direction", self)
        reach = float(self.radius @ np.abs(direction))
        # a sum of n products, in any order, is off by less than n u of itself (Higham 2002, 4.2)
        terms = 2 * (len(self.radius) + 1)
        return float(np.nextafter(reach * (1 + terms * UNIT_ROUNDOFF) + terms * SMALLEST, np.inf))

    def constrain(self, builder: ProgramBuilder, pixels: Integers, image: Floats) -> Fill:  # noqa: ARG002
        """Nothing: the bounds of the columns are the box."""
        return _fill_nothing


def _fill_nothing(point: Floats, image: Floats) -> None:
    """No variable was added."""


def _two_sum(a: Floats, b: float) -> tuple[Floats, Floats]:
    """`fl(a + b)` and its exact error (Knuth): a + b = sum + error."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def check_epsilon(epsilon: float, inputs: InputRange = UNIT_RANGE) -> None:
    """Refuse a radius below 0, or beyond the range's width.

    Raises:
        ProblemError: it is, or it is no number.
    """
    if not is_number(epsilon):
        raise ProblemError(
            f"epsilon is {epsilon!r}; it must be a number, in the unit of the image, such as 0.1"
        )
    if 0 <= epsilon <= inputs.width:
        return
    levels = "a budget of k grey levels is k / 255"
    if not inputs.default:
        levels = f"the network's inputs are {inputs}"
    raise ProblemError(
        f"epsilon is {epsilon}; it must be from 0 to {inputs.width:g}, in the unit of the image: "
        f"{levels}"
    )


def as_floats(values: npt.ArrayLike, name: str) -> Floats:
    """An array of numbers as float64; `name` is for the error.

    Raises:
        ProblemError: it is no array, or not of real numbers.
    """
    if isinstance(values, np.ndarray) and values.dtype == np.float64:
        return values
    try:
        array = np.asarray(values)
        # NumPy would read texts, and drop imaginary parts
        if array.dtype.kind in "OUSc" and not all(map(is_number, array.ravel().tolist())):
            raise ProblemError(_no_numbers(name, array.dtype))
        return array.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise ProblemError(f"{_no_numbers(name, None)} ({error})") from error


def as_pixels(values: npt.ArrayLike, name: str, box: Box) -> Floats:
    """Values (inputs,) float64, one a pixel of the box; `name` is for the error.

    Raises:
        ProblemError: they are no array of numbers, or of another shape.
    """
    array = as_floats(values, name)
    if array.shape != box.lower.shape:
        raise ProblemError(
            f"{name} has shape {array.shape}, and the box {box.lower.shape}; give one value a "
            "pixel, flat"
        )
    return array


def _no_numbers(name: str, kind: object) -> str:
    what = "is no array of numbers" if kind is None else f"holds {kind}"
    return f"{name} {what}; it must be a flat array of real numbers, such as float64"


def check_range(array: Floats, name: str, inputs: InputRange) -> None:
    """Refuse an array that is not flat, or not in the range everywhere; `name` is for the error."""
    if array.ndim != 1:
        raise ProblemError(f"{name} has shape {array.shape}; it must be flat: (inputs,)")
    lower, upper = inputs.lower, inputs.upper
    # a NaN makes both false
    if not array.size or (array.min() >= lower and array.max() <= upper):
        return
    wrong = int(np.argmin((array >= lower) & (array <= upper)))
    mend = "divide 8-bit values by 255" if inputs.default else "it is the network's input range"
    raise ProblemError(
        f"{name} is {array[wrong]} at pixel {wrong}; every value must be in "
        f"[{lower:g}, {upper:g}]: {mend}"
    )
