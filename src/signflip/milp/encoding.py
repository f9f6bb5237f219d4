"""The rows (2)-(8) of the paper's program: what a network makes of an image of a region.

They are a relaxation: a point on a first-layer threshold counts as both signs, because no program
can say `a < 0` strictly. So the optimum of a program bounds the objective (1) of every image of the
region, as far as the solver's word goes; and a point of it is only a candidate:
`signflip.patterns.realise`.
"""

from dataclasses import dataclass

import numpy as np

from signflip.arrays import Floats, Integers, Signs
from signflip.milp.neurons import Activations, add_layer, first_layer, upper_layer
from signflip.problem import Problem, Region
from signflip.problem.regions.region import Fill
from signflip.programs.program import Booleans, MixedProgram, ProgramBuilder
from signflip.programs.solver import INTEGRALITY

NEGLIGIBLE = 1e-9
"""Solvers drop coefficients below this share of the others."""

RELATIVE_ROUNDING = 1e-12
"""Differences of class values are computed to this share of the largest class value."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Gain:
    """`f_rival - f_prediction` over the last hidden layer: `coefficients . x + constant`.

    Attributes:
        rival: the class.
        columns: (terms,) int64.
        coefficients: (terms,) float64, none of them 0.
        constant: what does not depend on a variable.
    """

    rival: int
    columns: Integers
    coefficients: Floats
    constant: float

    @property
    def lower(self) -> float:
        """Least value over all binaries."""
        return self.constant + float(np.minimum(self.coefficients, 0.0).sum())

    @property
    def upper(self) -> float:
        """Greatest value over all binaries."""
        return self.constant + float(np.maximum(self.coefficients, 0.0).sum())


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedNetwork:
    """The part of a program that says what the network makes of an image.

    Attributes:
        problem: what was encoded.
        region: where the program's images lie; the problem's region or a part of it.
        pixels: (inputs,) int64, the column of each pixel's perturbation, -1 where it is fixed.
        fill: writes an image's values of what the region added into a point.
        hidden: the activations of each hidden layer.
        on: (neurons,) bool: h = 1 holds the first layer's neuron at +1.
        off: (neurons,) bool: h = 0 holds it at -1.
        gains: one for each rival of the problem.
    """

    problem: Problem
    region: Region
    pixels: Integers
    fill: Fill
    hidden: tuple[Activations, ...]
    on: Booleans
    off: Booleans
    gains: tuple[Gain, ...]

    def image(self, point: Floats) -> Floats:
        """The image (inputs,) float64 of a point (columns,), projected to the region."""
        image = self.problem.image.copy()
        moving = self.pixels >= 0
        image[moving] += point[self.pixels[moving]]
        return self.region.project(image)

    def demand(self, point: Floats) -> Signs:
        """(neurons,) int8: the signs that a point (columns,) asks of the first layer.

        0 where it asks for none: the neuron is stable, or either of its signs serves.
        """
        signs = self.hidden[0].at(point)
        asked = np.where(signs > 0, self.on, self.off) & (self.hidden[0].column >= 0)
        return np.where(asked, signs, np.int8(0)).astype(np.int8)

    def assign(self, point: Floats, image: Floats) -> None:
        """Write an image (inputs,) of the box and its activations into a point (columns,)."""
        moving = self.pixels >= 0
        point[self.pixels[moving]] = (image - self.problem.image)[moving]
        self.fill(point, image)
        activations = self.problem.network.activations(image[None])
        for layer, signs in zip(self.hidden, activations, strict=True):
            binary = layer.column >= 0
            point[layer.column[binary]] = signs[0][binary] > 0

    def accuracy(self, lower: float, upper: float) -> float:
        """To how much an objective (1) is believed, if a solver has it from [lower, upper]."""
        largest = self.problem.network.output.largest
        return INTEGRALITY * (upper - lower) + RELATIVE_ROUNDING * largest

    def least_flip(self, gain: Gain) -> float:
        """The gain that a flip must have.

        Of a plain output, whose gains are 4 apart, the least above 0, or the least from 0 on where
        a tie is enough; for real scales, where a solver cannot say `> 0`, what it can tell from 0.
        """
        level = gain.rival in self.problem.tied_rivals
        if self.problem.network.output.plain:
            steps = np.ceil(-gain.lower / 4) if level else np.floor(-gain.lower / 4) + 1
            return gain.lower + 4 * float(steps)
        return 0.0 if level else 2 * self.accuracy(gain.lower, gain.upper)

    def demand_flip(self, builder: ProgramBuilder, gain: Gain, chosen: int) -> None:
        """Add a row: where x[chosen] is 1, the rival of `gain` flips the image."""
        least = self.least_flip(gain)
        if gain.upper < least:
            builder.row([chosen], [1.0], upper=0.0)
            return
        big_m = max(0.0, least - gain.lower)
        scale = max(np.abs(gain.coefficients).max(initial=0.0), np.finfo(np.float64).tiny)
        builder.row(
            np.append(gain.columns, chosen),
            np.append(gain.coefficients, -big_m) / scale,
            lower=(least - big_m - gain.constant) / scale,
        )

    def without(self, program: MixedProgram, demand: Signs) -> MixedProgram:
        """The program without the points that ask for all signs of `demand` (neurons,) int8."""
        asked = np.flatnonzero(demand)
        signs = demand[asked].astype(np.float64)
        # sum over +1 of (1 - h) plus sum over -1 of h, at least 1
        return program.with_row(
            self.hidden[0].column[asked], -signs, lower=1.0 - float((signs > 0).sum())
        )


def encode_network(
    builder: ProgramBuilder, problem: Problem, region: Region, budget: float = np.inf
) -> EncodedNetwork:
    """Add (2)-(8) to a program: pixels, neurons, and what they make of the objective.

    Stable neurons become constants, neurons that do not matter are left out, and a neuron of the
    last layer is held only to the sign that the goal gains from.

    Args:
        builder: the program.
        problem: network, image and goal.
        region: where the images lie; it holds the problem's image.
        budget: the largest L1 norm of the perturbation, as other rows of the program have it.

    Raises:
        OutOfTime: the builder has no time for so large a program.
    """
    layers, box = problem.network.hidden, region.box
    pixels = np.full(len(problem.image), -1, dtype=np.int64)
    moving = box.lower < box.upper
    low, high = box.lower - problem.image, box.upper - problem.image
    pixels[moving] = builder.columns(low[moving], high[moving])
    coefficients = np.array([problem.coefficients(rival) for rival in problem.rivals])
    every = [np.ones(layer.neurons, dtype=np.bool_) for layer in layers[:-1]]
    on: list[Booleans] = [*every, np.any(coefficients > 0, axis=0)]
    off: list[Booleans] = [*every, np.any(coefficients < 0, axis=0)]
    fill = region.constrain(builder, pixels, problem.image)
    hidden: list[Activations] = []
    for layer, layer_on, layer_off in zip(layers, on, off, strict=True):
        if hidden:
            pre = upper_layer(layer, hidden[-1])
            hidden.append(add_layer(builder, pre, layer_on, layer_off))
            continue
        # the first layer's signs decide all others, and dear flips rule out most
        pre = first_layer(layer, problem.image, box, pixels, budget=budget)
        hidden.append(add_layer(builder, pre, layer_on, layer_off, pre.dearest))
    return EncodedNetwork(
        problem=problem,
        region=region,
        pixels=pixels,
        fill=fill,
        hidden=tuple(hidden),
        on=on[0],
        off=off[0],
        gains=tuple(_gain(problem, rival, hidden[-1]) for rival in problem.rivals),
    )


def _gain(problem: Problem, rival: int, last: Activations) -> Gain:
    coefficients = problem.coefficients(rival)
    size = np.abs(coefficients)
    binary = (last.column >= 0) & (size > NEGLIGIBLE * size.max())
    # what is too small for a solver counts at its best
    ideal = np.where(last.column >= 0, np.sign(coefficients), last.sign)
    constant = problem.constant(rival)
    constant += float(coefficients @ np.where(binary, -1.0, ideal))
    return Gain(
        rival=rival,
        columns=last.column[binary],
        coefficients=2 * coefficients[binary],
        constant=constant,
    )
