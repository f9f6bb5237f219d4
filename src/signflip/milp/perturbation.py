"""The paper's program with another question: does a ball around the image hold a flip?

    find p   subject to   (2)-(8),  objective (1) above 0,  ||p|| <= radius

Asked for one radius after another, it finds the smallest perturbation that flips. That is faster
than to minimise the norm in one program: the smaller the ball, the fewer neurons are unstable and
the tighter are their rows, and an L-infinity ball needs no rows at all, being a box.
"""

from dataclasses import dataclass

import numpy as np

from signflip.arrays import Floats, Signs
from signflip.clock import Clock, OutOfTime
from signflip.milp.encoding import EncodedNetwork, encode_network
from signflip.milp.neurons import ROUNDING, first_layer
from signflip.patterns.on_grid import realise_on_grid
from signflip.patterns.realise import Realisation, Realiser
from signflip.patterns.space import PatternSpace
from signflip.problem import L1Ball, Norm, Problem, Region
from signflip.problem.regions.l1 import add_sizes
from signflip.programs.highs import Highs
from signflip.programs.program import MixedProgram, ProgramBuilder
from signflip.programs.solver import Claim

LEAST_RADIUS = 1e-7
"""Solvers cannot tell smaller perturbations from none."""

CLEARANCE = 1e-8
"""How far from its threshold a neuron is put when an image is made to be replayed."""

SOLVER = Highs(tolerance=1e-9)


@dataclass(frozen=True, eq=False, kw_only=True)
class FlipInBall:
    """The program. Every image that flips is worth 0, and no other image counts.

    Attributes:
        program: what to solve.
        network: what its points mean.
        upper: what a flip is worth.
        tolerance: nothing to be tolerated.
    """

    program: MixedProgram
    network: EncodedNetwork
    upper: float = 0.0
    tolerance: float = 0.0

    def objective(self, _point: Floats) -> float:
        """What a flip is worth."""
        return 0.0

    def bound(self, _bound: float) -> float:
        """What a flip is worth."""
        return 0.0


def ball_of(problem: Problem, norm: Norm, radius: float) -> Region:
    """The part of the problem's region within `radius` of its image."""
    if norm is Norm.L1:
        return L1Ball(problem.region, problem.image, radius)
    return problem.region.cut(problem.box.around(problem.image, radius))


def flip_in_ball(
    problem: Problem, norm: Norm, radius: float, clock: Clock | None = None
) -> FlipInBall | None:
    """Encode: find a flip in a ball; None if interval arithmetic sees that there is none.

    One binary for each rival that can win chooses the one that does.

    Args:
        problem: what to attack.
        norm: of the ball.
        radius: `LEAST_RADIUS` or more.
        clock: the time that there is; None for any.

    Raises:
        OutOfTime: there is no time for so large a program.
    """
    builder = ProgramBuilder(clock)
    ball = ball_of(problem, norm, radius)
    network = encode_network(builder, problem, ball, radius if norm is Norm.L1 else np.inf)
    able: list[int] = []
    for gain in network.gains:
        if gain.upper < network.least_flip(gain):
            continue
        able.append(builder.binary())
        network.demand_flip(builder, gain, able[-1])
    if not able:
        return None
    builder.row(able, np.ones(len(able)), lower=1.0, upper=1.0)
    return FlipInBall(program=builder.build(), network=network)


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
    layer, box, asked = problem.network.hidden[0], problem.box, np.flatnonzero(demand)
    unit = max(LEAST_RADIUS, reach(problem, norm))
    if not len(asked):
        return Realisation(image=problem.image, refused=False, conflict=demand)
    clock = Clock.start(time_limit)
    builder = ProgramBuilder(clock)
    try:
        builder.expect(len(asked) * len(problem.image))
    except OutOfTime:
        return Realisation(image=None, refused=False, conflict=demand)
    part = layer.part(asked)
    pixels = builder.columns(box.lower - problem.image, box.upper - problem.image)
    sizes = add_sizes(builder, pixels, problem.image, box, unit)
    if norm is Norm.LINF:
        largest = builder.column(0.0, np.inf)
        builder.add_objective(largest, -1.0)
        for size in sizes.tolist():
            builder.row([size, largest], [1.0, -1.0], upper=0.0)
    else:
        for size in sizes.tolist():
            builder.add_objective(size, -1.0)
    pre = first_layer(part, problem.image, box, pixels, clearance=CLEARANCE)
    for neuron, sign in enumerate(demand[asked].tolist()):
        columns, coefficients = pre.row(neuron)
        builder.row(columns, sign * coefficients, lower=CLEARANCE - sign * pre.constant[neuron])
    answer = SOLVER.solve(builder.build(), time_limit=clock.remaining())
    if answer.claim is not Claim.OPTIMAL or answer.point is None:
        return Realiser(PatternSpace.of(problem)).realise(demand, clock.remaining())
    point = box.clip(problem.image + answer.point[pixels])
    image = problem.region.project(point)
    if problem.region.grid is not None:
        found = realise_on_grid(layer, problem.region, demand, point, clock.remaining())
        image = image if found is None else found
    return Realisation(image=image, refused=False, conflict=demand)


def reach(problem: Problem, norm: Norm) -> float:
    """No perturbation in the problem's box has a larger norm; 0 if there is none."""
    down, up = problem.image - problem.box.lower, problem.box.upper - problem.image
    furthest = np.maximum(down, up)
    size = float(furthest.sum() if norm is Norm.L1 else furthest.max())
    return size * (1 + ROUNDING * len(furthest))
