"""L1 balls: all changes of pixels together are at most a radius."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.errors import ProblemError
from signflip.network import UNIT_ROUNDOFF
from signflip.problem.grids import Grid
from signflip.problem.norms import Norm, exact_distance
from signflip.problem.regions.box import SMALLEST, Box, as_pixels
from signflip.problem.regions.region import Fill, Region
from signflip.programs.program import ProgramBuilder
from signflip.settings import is_number


@dataclass(frozen=True, eq=False)
class L1Ball:
    """The images of another region whose perturbation has an L1 norm of at most `radius`.

    Attributes:
        whole: the other region.
        image: (inputs,) float64, the centre, in that region.
        radius: above 0.

    Raises:
        ProblemError: the radius is not above 0, or not finite.
    """

    whole: Region
    image: Floats
    radius: float

    def __post_init__(self) -> None:
        if not (is_number(self.radius) and 0 < self.radius < math.inf):
            raise ProblemError(
                f"the radius of the L1 ball is {self.radius!r}; it must be a number above 0, and "
                "finite: for no limit take the other region by itself"
            )

    @cached_property
    def _part(self) -> Region:
        return self.whole.cut(self.whole.box.around(self.image, self.radius))

    @property
    def box(self) -> Box:
        """What the radius lets each pixel do by itself."""
        return self._part.box

    @property
    def grid(self) -> Grid | None:
        """That of the other region."""
        return self.whole.grid

    def contains(self, image: Floats) -> bool:
        """Whether the image (inputs,) lies in the region; the norm is computed exactly."""
        # first the box, which nothing but numbers is in
        near = self._part.contains(image)
        return near and exact_distance(self.image, image, Norm.L1) <= self.radius

    def cut(self, box: Box) -> "L1Ball":
        """The part that lies in another box."""
        return L1Ball(self.whole.cut(box), self.image, self.radius)

    def project(self, images: Floats) -> Floats:
        """Images of the box, drawn towards the centre where they are too far.

        An image of the ball stays as it is.
        """
        clipped = self._part.project(images)
        change = clipped - self.image
        size = np.abs(change).sum(axis=-1, keepdims=True)
        # a sum of n numbers is off by less than n u of itself, and each new pixel by u of itself
        error = 4 * (len(self.image) + 2) * UNIT_ROUNDOFF * self.radius
        error += 4 * UNIT_ROUNDOFF * float(np.abs(self.image).sum() + self.radius)
        most = max(0.0, self.radius - error)
        share = most / np.maximum(size, self.radius)
        drawn = self._part.project(self.image + share * change)
        projected: Floats = np.where(size > most, drawn, clipped)
        for place in np.argwhere(np.abs(size[..., 0] - self.radius) <= error):
            at = tuple(place)  # about on the surface: only exact arithmetic can tell
            if self.contains(clipped[at]):
                projected[at] = clipped[at]
        return projected

    def support(self, direction: Floats) -> float:
        """No image x has a larger `direction . (x - box.centre)`: the budget goes by slope."""
        box = self.box
        direction = as_pixels(direction, "the direction", box)
        slope = np.abs(direction)
        room = np.where(direction > 0, box.upper - self.image, self.image - box.lower)
        steepest = np.argsort(-slope, kind="stable")
        spent = np.minimum(np.cumsum(room[steepest]), self.radius)
        move = float(slope[steepest] @ np.diff(spent, prepend=0.0))
        start = (self.image - box.centre) * direction
        # sums of n products and differences, and a budget that is off by n u of itself
        size = float(np.abs(start).sum()) + float(slope.max(initial=0.0)) * self.radius
        error = 8 * (len(slope) + 4) * (UNIT_ROUNDOFF * size + SMALLEST)
        return min(box.support(direction), float(start.sum()) + move + error)

    def constrain(self, builder: ProgramBuilder, pixels: Integers, image: Floats) -> Fill:
        """A size for each pixel that moves, and a row for their sum.

        The perturbations are measured from the centre: `image` is it.
        """
        fill = self._part.constrain(builder, pixels, image)
        sizes = add_sizes(builder, pixels, image, self.box, self.radius)
        builder.row(sizes, np.ones(len(sizes)), upper=1.0)
        moving = pixels >= 0

        def fill_sizes(point: Floats, other: Floats) -> None:
            fill(point, other)
            point[sizes] = np.abs(other - image)[moving] / self.radius

        return fill_sizes


def add_sizes(
    builder: ProgramBuilder, pixels: Integers, image: Floats, box: Box, unit: float
) -> Integers:
    """Add a variable for the size of each pixel's perturbation, at least p and -p.

    Args:
        builder: the program.
        pixels: (inputs,) int64, the column of each pixel's perturbation, -1 where it is fixed.
        image: (inputs,) float64, what perturbations are measured from.
        box: where the images lie.
        unit: what sizes count in.

    Returns:
        The columns of the sizes, one for each pixel that is not fixed.
    """
    sizes: list[int] = []
    down, up = image - box.lower, box.upper - image
    for pixel in np.flatnonzero(pixels >= 0).tolist():
        sizes.append(builder.column(0.0, max(down[pixel], up[pixel]) / unit))
        # as far as the box lets the pixel go that way
        for sign, most in ((1.0, up[pixel]), (-1.0, down[pixel])):
            if most > 0:
                builder.row([pixels[pixel], sizes[-1]], [sign / unit, -1.0], upper=0.0)
    return np.array(sizes, dtype=np.int64)
