"""Regions: the images that an attack may choose from."""

from typing import TYPE_CHECKING, Protocol

from signflip.arrays import Floats, Integers
from signflip.problem.regions.box import Box, Fill
from signflip.programs.program import ProgramBuilder

if TYPE_CHECKING:
    from signflip.problem.grids import Grid

__all__ = ["Fill", "Region"]


class Region(Protocol):
    """A set of float64 images, as large as it may be: a box, and what narrows it.

    Whatever holds for its box holds for it: a proof over the box covers the region.
    """

    @property
    def box(self) -> Box:
        """The box that holds the region; no smaller box does."""
        ...

    @property
    def grid(self) -> "Grid | None":
        """The values that its pixels may have; None where every float64 between is one."""
        ...

    def contains(self, image: Floats) -> bool:
        """Whether the float64 image (inputs,) lies in the region. Exact: part of each replay."""
        ...

    def cut(self, box: Box) -> "Region":
        """The part that lies in another box; the two have an image in common."""
        ...

    def project(self, images: Floats) -> Floats:
        """Images of the region near to images (..., inputs) float64."""
        ...

    def support(self, direction: Floats) -> float:
        """No image x of the region has a larger `direction . (x - box.centre)`. Rounded up."""
        ...

    def constrain(self, builder: ProgramBuilder, pixels: Integers, image: Floats) -> Fill:
        """Add to a program what narrows the box.

        Args:
            builder: the program.
            pixels: (inputs,) int64, the column of each pixel's perturbation, -1 where it is fixed;
                the columns' bounds are the box's.
            image: (inputs,) float64, what perturbations are measured from; in the region.

        Returns:
            What writes an image's values of the added variables into a point of the program.
        """
        ...
