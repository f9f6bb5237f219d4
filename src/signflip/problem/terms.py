"""The terms of a problem: what is the same for many images, networks and budgets."""

from dataclasses import dataclass

from signflip.arrays import Floats
from signflip.network import BinaryNetwork
from signflip.problem.goals import Goal
from signflip.problem.grids import GridName, put_on_grid
from signflip.problem.mask import Mask
from signflip.problem.measures import Margin, Measure
from signflip.problem.problem import Problem
from signflip.problem.ties import Ties


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What may change, what counts as a flip, and what makes one image better than another.

    Attributes:
        ties: what a rival counts as that is level with the prediction.
        grid: which images count, as they are kept; None for those of float64.
        mask: which pixels may change; None for all of them.
        measure: what makes one image better than another.
    """

    ties: Ties = Ties.NONE
    grid: GridName | None = None
    mask: Mask | None = None
    measure: Measure = Margin()  # noqa: RUF009 - a frozen value

    def problem(
        self, network: BinaryNetwork, image: Floats, *, epsilon: float, goal: Goal | None
    ) -> Problem:
        """The problem of an image (inputs,) on a network.

        Raises:
            ProblemError: they do not fit.
        """
        return Problem.ball(
            network,
            image,
            epsilon=epsilon,
            goal=goal,
            mask=None if self.mask is None else self.mask.flat(network.image_shape),
            ties=self.ties,
            grid=self.grid,
            measure=self.measure,
        )

    def image(self, network: BinaryNetwork, image: Floats) -> Floats:
        """The image (inputs,) that problems have for this one: on the grid, if there is one.

        Raises:
            ProblemError: it is plainly off the grid.
        """
        inputs = network.input_range
        return image if self.grid is None else put_on_grid(image, self.grid.of(inputs), inputs)
