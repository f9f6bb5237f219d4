"""The paper's program with another objective: the smallest perturbation that flips.

    minimise   ||p||   subject to   (2)-(8),  objective (1) above 0,  ||p|| <= radius

Norms are counted in units of the radius. The smaller the radius, the fewer neurons are unstable and
the tighter are their rows, so a caller tries small radii first.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from signflip.milp.encoding import EncodedNetwork, Gain, encode_network
from signflip.milp.highs import Highs
from signflip.milp.neurons import ROUNDING, first_layer
from signflip.milp.program import MixedProgram, ProgramBuilder
from signflip.milp.realise import Realisation, realise
from signflip.milp.solver import Claim
from signflip.network import Floats, HiddenLayer, Integers, Signs
from signflip.problem import Box, Problem

ACCURACY = 1e-4
"""Distances are believed to this share of the radius."""

LEAST_RADIUS = 1e-9
"""Solvers cannot tell smaller perturbations from none."""

CLEARANCE = 1e-8
"""How far from its threshold a neuron is put when an image is made to be replayed."""

SOLVER = Highs(tolerance=1e-9)


class Norm(Enum):
    """What a perturbation's size is."""

    LINF = "linf"
    """The largest change of a pixel: epsilon."""
    L1 = "l1"
    """The sum of all changes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Ball:
    """The part of a problem's box that lies within a radius of its image.

    Attributes:
        image: (inputs,) float64, the centre.
        norm: which norm.
        radius: `LEAST_RADIUS` or more.
        box: the box of the problem, cut to what the radius lets each pixel do.
    """

    image: Floats
    norm: Norm
    radius: float
    box: Box

    @classmethod
    def within(cls, problem: Problem, norm: Norm, radius: float) -> "Ball":
        """The ball of a radius, from 0 to 1 for `LINF`, in the problem's box."""
        around = Box.ball(problem.image, min(radius, 1.0))
        box = Box(
            lower=np.maximum(problem.box.lower, around.lower),
            upper=np.minimum(problem.box.upper, around.upper),
        )
        return cls(image=problem.image, norm=norm, radius=radius, box=box)

    @property
    def budget(self) -> float:
        """The largest L1 norm of a perturbation that the norm, not the box, allows."""
        return self.radius if self.norm is Norm.L1 else np.inf

    def add_norm(
        self, builder: ProgramBuilder, pixels: Integers, most: float = 1.0
    ) -> "NormColumns":
        """Add what measures the perturbation.

        Args:
            builder: the program.
            pixels: (inputs,) int64, the column of each pixel's perturbation, -1 where it is fixed.
            most: the largest norm, in units of the radius.
        """
        norm = builder.column(0.0, most)
        sizes = np.full(len(pixels), -1, dtype=np.int64)
        moving = np.flatnonzero(pixels >= 0).tolist()
        if self.norm is Norm.LINF:
            for pixel in moving:
                for sign in (-1.0, 1.0):
                    builder.row([pixels[pixel], norm], [sign / self.radius, -1.0], upper=0.0)
            return NormColumns(norm=norm, sizes=sizes)
        down, up = self.image - self.box.lower, self.box.upper - self.image
        for pixel in moving:
            sizes[pixel] = builder.column(0.0, max(down[pixel], up[pixel]))
            # the size is at least p and -p, as far as the box lets the pixel go that way
            for sign, reach in ((1.0, up[pixel]), (-1.0, down[pixel])):
                if reach > 0:
                    builder.row([pixels[pixel], sizes[pixel]], [sign, -1.0], upper=0.0)
        each = np.full(len(moving), 1 / self.radius)
        builder.row(np.append(sizes[moving], norm), np.append(each, -1.0), upper=0.0)
        return NormColumns(norm=norm, sizes=sizes)


@dataclass(frozen=True, eq=False, kw_only=True)
class NormColumns:
    """Where a program keeps the size of the perturbation.

    Attributes:
        norm: the column that is at least the norm, in units of the radius.
        sizes: (inputs,) int64, for `L1` the column that is at least the size of each pixel's
            perturbation; -1 where it has none.
    """

    norm: int
    sizes: Integers


@dataclass(frozen=True, eq=False, kw_only=True)
class SmallestPerturbation:
    """The program. What an image is worth is minus its distance.

    Attributes:
        program: what to solve.
        network: what its points mean.
        ball: where the images lie.
        columns: where the program keeps the distance.
        chosen: (rivals,) int64, the binary that chooses each rival; -1 for one that cannot win.
    """

    program: MixedProgram
    network: EncodedNetwork
    ball: Ball
    columns: NormColumns
    chosen: Integers

    @property
    def upper(self) -> float:
        """Minus the least distance."""
        return 0.0

    @property
    def tolerance(self) -> float:
        """To how much the solver's distances are believed."""
        return ACCURACY * self.ball.radius

    def objective(self, point: Floats) -> float:
        """Minus the distance of a point (columns,) of the program."""
        return -self.ball.radius * float(point[self.columns.norm])

    def bound(self, bound: float) -> float:
        """Minus the distance that a bound of the program means."""
        return self.ball.radius * min(bound, 0.0)

    def start(self, image: Floats) -> Floats:
        """The point (columns,) float64 of a flip (inputs,) in the ball."""
        point = np.zeros(self.program.columns)
        self.network.assign(point, image)
        change = np.abs(image - self.ball.image)
        sized = self.columns.sizes >= 0
        point[self.columns.sizes[sized]] = change[sized]
        size = change.sum() if self.ball.norm is Norm.L1 else change.max()
        point[self.columns.norm] = size / self.ball.radius
        gains = [g.coefficients @ point[g.columns] + g.constant for g in self.network.gains]
        best = int(np.argmax(np.where(self.chosen >= 0, gains, -np.inf)))
        point[self.chosen[best]] = 1.0
        return point


def smallest_perturbation(problem: Problem, ball: Ball) -> SmallestPerturbation | None:
    """Encode: minimise the norm over the flips of a ball; None if interval arithmetic sees none.

    One binary for each rival that can win chooses the one that does.
    """
    builder = ProgramBuilder()
    network = encode_network(builder, problem, ball.box, ball.budget)
    columns = ball.add_norm(builder, network.pixels)
    builder.add_objective(columns.norm, -1.0)
    chosen = np.full(len(network.gains), -1, dtype=np.int64)
    for index, gain in enumerate(network.gains):
        least = least_flip(network, gain)
        if gain.upper < least:
            continue
        chosen[index] = builder.binary()
        # objective >= least where the rival is chosen
        big_m = max(0.0, least - gain.lower)
        scale = max(np.abs(gain.coefficients).max(initial=0.0), np.finfo(np.float64).tiny)
        builder.row(
            np.append(gain.columns, chosen[index]),
            np.append(gain.coefficients, -big_m) / scale,
            lower=(least - big_m - gain.constant) / scale,
        )
    able = chosen[chosen >= 0]
    if not len(able):
        return None
    builder.row(able, np.ones(len(able)), lower=1.0, upper=1.0)
    return SmallestPerturbation(
        program=builder.build(), network=network, ball=ball, columns=columns, chosen=chosen
    )


def least_flip(network: EncodedNetwork, gain: Gain) -> float:
    """The objective that a flip must have.

    The least positive value of a plain output, whose objectives are 4 apart; for real scales, where
    a solver cannot say `> 0`, what it can tell from 0.
    """
    if network.problem.network.output.plain:
        return gain.lower + 4 * float(np.floor(-gain.lower / 4) + 1)
    return 2 * network.accuracy(gain.lower, gain.upper)


def nearest(
    problem: Problem, norm: Norm, demand: Signs, *, time_limit: float | None = None
) -> Realisation:
    """The nearest image of the problem's box with the signs of `demand`, with room for rounding.

    Args:
        problem: the first layer, the image and the box.
        norm: what near means.
        demand: (neurons,) int8, the asked signs of the first layer; 0 for either.
        time_limit: seconds.
    """
    layer, asked = problem.network.hidden[0], np.flatnonzero(demand)
    radius = max(LEAST_RADIUS, reach(problem, norm))
    ball = Ball(image=problem.image, norm=norm, radius=radius, box=problem.box)
    if not len(asked):
        return Realisation(image=problem.image, room=CLEARANCE, refused=False, conflict=demand)
    part = HiddenLayer(layer.weight[asked], layer.threshold[asked])
    builder = ProgramBuilder()
    pixels = builder.columns(problem.box.lower - problem.image, problem.box.upper - problem.image)
    columns = ball.add_norm(builder, pixels)
    builder.add_objective(columns.norm, -1.0)
    pre = first_layer(part, problem.image, problem.box, pixels, clearance=CLEARANCE)
    for neuron, sign in enumerate(demand[asked].tolist()):
        builder.row(
            pixels,
            sign * pre.coefficients[neuron],
            lower=CLEARANCE - sign * pre.constant[neuron],
        )
    answer = SOLVER.solve(builder.build(), time_limit=time_limit)
    if answer.claim is not Claim.OPTIMAL or answer.point is None:
        return realise(layer, problem.box, demand, time_limit=time_limit)
    image = problem.box.clip(problem.image + answer.point[pixels])
    return Realisation(image=image, room=CLEARANCE, refused=False, conflict=demand)


def reach(problem: Problem, norm: Norm) -> float:
    """No perturbation in the problem's box has a larger norm; 0 if there is none."""
    down, up = problem.image - problem.box.lower, problem.box.upper - problem.image
    furthest = np.maximum(down, up)
    size = float(furthest.sum() if norm is Norm.L1 else furthest.max())
    return size * (1 + ROUNDING * len(furthest))
