"""Grids: the values that a pixel has where images are kept, as float32 numbers or in 8 bits.

A region of grid points is `signflip.problem.regions.grid_points.GridPoints`.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np

from signflip.arrays import Booleans, Floats
from signflip.errors import ProblemError
from signflip.network import InputRange
from signflip.problem.regions.box import Box

NEAR = 2.0**-20
"""An image this near to the grid, as a share of the range, was rounded on its way: it is put on it.

Pixels k / 255 that were kept in float32 are off by up to 2^-25."""

_ROUNDING = 2.0**-40  # of a number of levels that was computed from an epsilon such as 2/255


class Grid(Protocol):
    """The values that a pixel may have."""

    @property
    def step(self) -> float | None:
        """How far apart they are, where they are evenly so and a program can count them."""
        ...

    def nearest(self, values: Floats) -> Floats:
        """The nearest value of the grid for each of `values`."""
        ...

    def floor(self, values: Floats) -> Floats:
        """The largest value of the grid that is not above."""
        ...

    def ceil(self, values: Floats) -> Floats:
        """The smallest value of the grid that is not below."""
        ...

    def ball(self, image: Floats, box: Box, epsilon: float) -> Box:
        """The least and the greatest values of the grid in a ball.

        Args:
            image: (inputs,) float64 on the grid, the centre.
            box: the ball, as the box of real images.
            epsilon: its radius.
        """
        ...


@dataclass(frozen=True)
class Float32:
    """The numbers that float32 has."""

    def __str__(self) -> str:
        return "float32"

    @property
    def step(self) -> None:
        """They are not evenly apart."""

    def nearest(self, values: Floats) -> Floats:
        """Rounded to float32, and back."""
        return values.astype(np.float32).astype(np.float64)

    def floor(self, values: Floats) -> Floats:
        """Rounded downward."""
        return -self.ceil(-values)

    def ceil(self, values: Floats) -> Floats:
        """Rounded upward."""
        rounded = values.astype(np.float32)
        above: Floats = np.where(
            rounded.astype(np.float64) < values, np.nextafter(rounded, np.float32(np.inf)), rounded
        ).astype(np.float64)
        return above

    def ball(self, image: Floats, box: Box, epsilon: float) -> Box:  # noqa: ARG002
        """The numbers of the ball."""
        lower, upper = self.ceil(box.lower), self.floor(box.upper)
        return Box(lower=lower, upper=upper, epsilon=epsilon, inputs=box.inputs)


@dataclass(frozen=True)
class Levels:
    """Numbers `lower + k (upper - lower) / levels`, each rounded once where it is no float64.

    Attributes:
        lower: the value of k = 0.
        upper: that of k = `levels`.
        levels: how many steps lie between.
    """

    lower: float = 0.0
    upper: float = 1.0
    levels: int = 255

    def __str__(self) -> str:
        return f"{self.levels} steps from {self.lower:g} to {self.upper:g}"

    @property
    def step(self) -> float:
        """How far apart they are, up to rounding."""
        return (self.upper - self.lower) / self.levels

    def value(self, level: Floats) -> Floats:
        """The value of each level: for [0, 1] it is k / 255, as images are read from files."""
        between = self.lower + (self.upper - self.lower) * level / self.levels
        # rounding may put the last one beyond the range
        values: Floats = np.where(level == self.levels, self.upper, between)
        return values

    def level(self, values: Floats) -> Floats:
        """The level of each value, with a fraction if it is on none."""
        return (values - self.lower) / (self.upper - self.lower) * self.levels

    def nearest(self, values: Floats) -> Floats:
        """The value of the nearest level."""
        return self.value(np.rint(self.level(values)))

    def floor(self, values: Floats) -> Floats:
        """The value of the level below, or of the level itself."""
        level = np.rint(self.level(values))
        return self.value(np.where(self.value(level) > values, level - 1, level))

    def ceil(self, values: Floats) -> Floats:
        """The value of the level above, or of the level itself."""
        level = np.rint(self.level(values))
        return self.value(np.where(self.value(level) < values, level + 1, level))

    def ball(self, image: Floats, box: Box, epsilon: float) -> Box:
        """As many levels to either side as epsilon is worth: 2/255 are 2, whatever its rounding."""
        reach = np.floor(epsilon / (self.upper - self.lower) * self.levels * (1 + _ROUNDING))
        level = np.rint(self.level(image))
        moving = box.lower < box.upper
        least = np.where(moving, np.maximum(level - reach, 0), level)
        most = np.where(moving, np.minimum(level + reach, self.levels), level)
        return Box(
            lower=self.value(least), upper=self.value(most), epsilon=epsilon, inputs=box.inputs
        )


class GridName(Enum):
    """The grids by name."""

    FLOAT32 = "float32"
    """Images of float32 numbers."""
    EIGHT_BIT = "8bit"
    """Images of 8 bits for each value: k / 255 of the range, or the network's own input steps."""

    def of(self, inputs: InputRange) -> Grid:
        """The grid of a network's inputs. Where these come in steps, it is the steps."""
        if inputs.step is not None:
            return Levels(inputs.lower, inputs.upper, round(inputs.width / inputs.step))
        if self is GridName.FLOAT32:
            return Float32()
        return Levels(inputs.lower, inputs.upper)


def grid_name(grid: GridName | str) -> GridName:
    """The name, by itself or as text.

    Raises:
        ProblemError: no grid has that name.
    """
    try:
        return GridName(grid)
    except ValueError as error:
        names = ", ".join(repr(each.value) for each in GridName)
        raise ProblemError(f"the grid is {grid!r}; it must be one of {names}") from error


def put_on_grid(image: Floats, grid: Grid, inputs: InputRange) -> Floats:
    """An image (inputs,) that is on the grid but for rounding, on the grid.

    Raises:
        ProblemError: a pixel is plainly off the grid.
    """
    nearest = grid.nearest(image)
    off = np.flatnonzero(~(np.abs(nearest - image) <= NEAR * inputs.width))
    if len(off):
        pixel = int(off[0])
        raise ProblemError(
            f"the image is {image[pixel]} at pixel {pixel}, which is no value of the grid; the "
            f"nearest is {nearest[pixel]}: give the image as it is kept, in {grid}, or another grid"
        )
    return nearest


def on_grid(grid: Grid, values: Floats) -> Booleans:
    """Whether each value is one of the grid. Exact."""
    same: Booleans = grid.nearest(values) == values
    return same
