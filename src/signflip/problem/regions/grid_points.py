"""Regions of grid points: images as they are kept, in float32 or in 8 bits."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.problem.grids import Grid, on_grid
from signflip.problem.regions.box import Box
from signflip.problem.regions.region import Fill, Region
from signflip.programs.program import ProgramBuilder


@dataclass(frozen=True, eq=False)
class GridPoints:
    """The images of another region that a grid has.

    Attributes:
        whole: the other region; in each pixel it has a value of the grid.
        grid: the grid.
    """

    whole: Region
    grid: Grid

    @cached_property
    def box(self) -> Box:
        """The least box that holds the grid points of the other region's box."""
        box = self.whole.box
        lower, upper = self.grid.ceil(box.lower), self.grid.floor(box.upper)
        return Box(lower=lower, upper=upper, epsilon=box.epsilon, inputs=box.inputs)

    def contains(self, image: Floats) -> bool:
        """Whether the image (inputs,) is one of the grid and lies in the other region."""
        # first the other region, which refuses what is no image
        return self.whole.contains(image) and bool(on_grid(self.grid, image).all())

    def cut(self, box: Box) -> "GridPoints":
        """The part that lies in another box."""
        return GridPoints(self.whole.cut(box), self.grid)

    def project(self, images: Floats) -> Floats:
        """The nearest grid points; within the box, its ends being of the grid."""
        return self.box.clip(self.grid.nearest(self.whole.project(images)))

    def support(self, direction: Floats) -> float:
        """That of the box."""
        return self.box.support(direction)

    def constrain(self, builder: ProgramBuilder, pixels: Integers, image: Floats) -> Fill:
        """A whole number for each pixel that moves: of the steps to its side.

        The image is one of the grid. Where the grid has no steps, nothing: points are projected.
        """
        fill = self.whole.constrain(builder, pixels, image)
        step = self.grid.step
        if step is None:
            return fill
        moving = np.flatnonzero(pixels >= 0)
        low = np.rint((self.box.lower - image) / step)
        high = np.rint((self.box.upper - image) / step)
        counts = np.array(
            [builder.column(low[i], high[i], integer=True) for i in moving.tolist()], dtype=np.int64
        )
        for pixel, count in zip(pixels[moving].tolist(), counts.tolist(), strict=True):
            # in units of a step
            builder.row([pixel, count], [1 / step, -1.0], lower=0.0, upper=0.0)

        def fill_steps(point: Floats, other: Floats) -> None:
            fill(point, other)
            point[counts] = np.rint((other - image)[moving] / step)

        return fill_steps
