"""IProp's layer problems (9) and (10): what should a layer read, to answer as many targets?

Both are built from the same encoding of a layer as the whole network's program. A binary for each
target says whether it is met; only the row that forces the target's sign is needed, as the program
gains from nothing else. Neurons that have only one sign need no binary.
"""

from dataclasses import dataclass

import numpy as np

from signflip.arrays import Floats, Signs
from signflip.clock import Clock
from signflip.milp.neurons import (
    Activations,
    PreActivations,
    first_layer,
    force_sign,
    upper_layer,
)
from signflip.network import SignLayer
from signflip.problem import Region
from signflip.programs.program import MixedProgram, ProgramBuilder

CLEARANCE = 1e-5
"""How far from its threshold a first-layer neuron must be to meet its target.

Solvers break rows by 1e-7 or so, and bounds by as much in each of many pixels. Neurons reach about
`epsilon * inputs` far, which is a million times this.
"""


@dataclass(frozen=True, eq=False, kw_only=True)
class LayerProgram:
    """A layer problem.

    Attributes:
        program: what to solve.
        start: (columns,) float64, the incumbent's point of it.
    """

    program: MixedProgram
    start: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class SignsProgram(LayerProgram):
    """Problem (9): the activations that a layer above the first should read.

    Attributes:
        below: the activations, as constants and columns of the program.
    """

    below: Activations

    def signs(self, point: Floats) -> Signs:
        """The activations (inputs,) int8 at a point (columns,) float64."""
        return self.below.at(point)


def signs_program(
    layer: SignLayer,
    target: Signs,
    nearest: Signs,
    fixed: Signs | None = None,
    costs: Floats | None = None,
    clock: Clock | None = None,
) -> SignsProgram:
    """Problem (9) with the minimum-cost tie-break.

    The objective is `(n + 1) * targets met - differences from nearest` for n free inputs: the
    paper's tie-break with a multiplier below 1/n, scaled to integers, so that the number of targets
    always comes first. With `costs`, each difference costs as much, and a target more than all.

    Args:
        layer: a layer above the first.
        target: (neurons,) int8, the wanted signs, 0 for neurons without a target.
        nearest: (inputs,) int8, the incumbent's activations, which ties go to.
        fixed: (inputs,) int8, the sign that an input is known to have, 0 where it is free; None for
            free ones only. It agrees with `nearest`.
        costs: (inputs,) float64 above 0, of a difference in each input; None for 1.
        clock: the time that there is; None for any.

    Raises:
        OutOfTime: there is no time for such a program.
    """
    builder = ProgramBuilder(clock)
    below = _inputs(builder, np.zeros_like(nearest) if fixed is None else fixed)
    free = below.column >= 0
    start = (nearest[free] > 0).astype(np.float64)
    each = np.ones(len(start)) if costs is None else costs[free]
    for column, sign, cost in zip(
        below.column[free].tolist(), nearest[free].tolist(), each.tolist(), strict=True
    ):
        # -cost where h differs from `nearest`
        builder.add_objective(column, sign * cost)
        builder.offset -= cost * (sign > 0)
    pre = upper_layer(layer, below)
    start = _reward(builder, pre, target, float(each.sum()) + 1.0, start)
    return SignsProgram(program=builder.build(), start=start, below=below)


def _inputs(builder: ProgramBuilder, fixed: Signs) -> Activations:
    column = np.full(len(fixed), -1, dtype=np.int64)
    free = Activations.free(builder, int((fixed == 0).sum()))
    column[fixed == 0] = free.column
    return Activations(sign=fixed, column=column)


def _reward(
    builder: ProgramBuilder, pre: PreActivations, target: Signs, weight: float, start: Floats
) -> Floats:
    """Let the objective gain `weight` for each target met; `start`, with the new binaries in."""
    builder.offset += weight * float(((pre.stable != 0) & (pre.stable == target)).sum())
    wanted = np.flatnonzero((pre.stable == 0) & (target != 0))
    builder.expect(len(wanted) * (len(pre.columns) + 1))
    for neuron in wanted.tolist():
        met = builder.binary()
        force_sign(builder, pre, neuron, int(target[neuron]), met)
        builder.add_objective(met, weight)
    distance = pre.at(wanted, start)
    met_at_start = np.where(
        target[wanted] > 0, distance >= pre.least_on, distance <= -pre.least_off
    )
    return np.concatenate([start, met_at_start.astype(np.float64)])


class ImageProblem:
    """Problem (10) for one region: the image that gives the first layer the most targets.

    Where the region is no box, it is solved over its box, and the image projected.

    Attributes:
        image: (inputs,) float64, the point that perturbations are measured from.
        region: where the image lies.
        stable: (neurons,) int8, the sign that a neuron has in all of the region's box, else 0.
    """

    def __init__(self, layer: SignLayer, image: Floats, region: Region) -> None:
        self.image = image
        self.region = region
        box = region.box
        self._moving = box.lower < box.upper
        # the pixels are the first columns of every program
        pixels = np.where(self._moving, np.cumsum(self._moving) - 1, -1)
        self._pre = first_layer(layer, image, box, pixels, clearance=CLEARANCE)
        self.stable = self._pre.stable

    def program(self, target: Signs, start: Floats, clock: Clock | None = None) -> LayerProgram:
        """The program for one set of targets.

        Args:
            target: (neurons,) int8, the wanted signs, 0 for neurons without a target.
            start: (inputs,) float64, the incumbent, in the region.
            clock: the time that there is; None for any.

        Raises:
            OutOfTime: there is no time for such a program.
        """
        builder = ProgramBuilder(clock)
        box = self.region.box
        low, high = box.lower - self.image, box.upper - self.image
        builder.columns(low[self._moving], high[self._moving])
        point = (start - self.image)[self._moving]
        point = _reward(builder, self._pre, target, 1.0, point)
        return LayerProgram(program=builder.build(), start=point)

    def image_of(self, point: Floats) -> Floats:
        """The image (inputs,) float64 of the region at a point (columns,) float64."""
        image = self.image.copy()
        image[self._moving] += point[: int(self._moving.sum())]
        return self.region.project(image)
