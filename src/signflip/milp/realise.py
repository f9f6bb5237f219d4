"""From a first-layer pattern to an image that has it, or to a reason why no image has.

A solver's point sits on the thresholds of its neurons, give or take the solver's tolerance, and its
replay may have other signs. This finds the image of the box that has the asked signs with the most
room, by a linear program:

    maximise s   subject to   sign_j a_j(x') >= s  for each asked j,   x' in the box

Where the best s is not positive, the program's multipliers are a reason in the sense of Farkas: a
sum of the neurons `sum u_j sign_j a_j(x')`, u >= 0, that is too small everywhere in the box.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from signflip.arrays import Floats, Integers, Signs
from signflip.milp.neurons import first_layer
from signflip.network import SignLayer
from signflip.problem import Box, Region
from signflip.programs.highs import Highs
from signflip.programs.program import MixedProgram, ProgramBuilder
from signflip.programs.solver import Claim

ROOM = 1.0
"""More room than this is not looked for."""

GRID = 5354228880
"""Multipliers are rounded to this fraction of the largest. It is a multiple of 1 to 24, so that the
simple ratios that ties have survive the rounding exactly."""

SOLVER = Highs(tolerance=1e-9)


@dataclass(frozen=True, eq=False, kw_only=True)
class Realisation:
    """What became of a pattern.

    Attributes:
        image: (inputs,) float64 of the region, the candidate with the most room; None if time was
            out.
        room: the least distance of an asked neuron from its threshold, on its right side, as the
            solver says; negative where some neuron has the wrong sign.
        refused: whether it is certain that no image of the box has all signs of `conflict`.
        conflict: (neurons,) int8, the asked signs that cannot hold together; all that were asked
            if not `refused`.
    """

    image: Floats | None
    room: float
    refused: bool
    conflict: Signs


def realise(
    layer: SignLayer, region: Region, demand: Signs, *, time_limit: float | None = None
) -> Realisation:
    """Look for an image of the region with the signs of `demand` (neurons,) int8, 0 for either.

    Args:
        layer: the first layer.
        region: where the image lies.
        demand: the asked signs.
        time_limit: seconds.
    """
    box, asked = region.box, np.flatnonzero(demand)
    centre = box.clip(box.lower + (box.upper - box.lower) / 2)
    if not len(asked):
        return Realisation(image=region.project(centre), room=ROOM, refused=False, conflict=demand)
    part, signs = layer.part(asked), demand[asked]
    program = _program(part, box, centre, signs)
    answer = SOLVER.solve(program, time_limit=time_limit)
    if answer.claim is not Claim.OPTIMAL or answer.point is None or answer.row_duals is None:
        return Realisation(image=None, room=-np.inf, refused=False, conflict=demand)
    multipliers = _on_grid(answer.row_duals)
    refused = refutes(part, box, signs, multipliers)
    conflict = demand.copy()
    if refused:
        conflict[asked[multipliers == 0]] = 0
    return Realisation(
        image=region.project(centre + answer.point[:-1]),
        room=float(answer.point[-1]),
        refused=refused,
        conflict=conflict,
    )


def _program(layer: SignLayer, box: Box, centre: Floats, signs: Signs) -> MixedProgram:
    """Maximise the room: columns are the pixels' distances from the centre, and the room."""
    builder = ProgramBuilder()
    pixels = builder.columns(box.lower - centre, box.upper - centre)
    room = builder.column(-np.inf, ROOM)
    builder.add_objective(room, 1.0)
    pre = first_layer(layer, centre, box, pixels)
    for neuron, sign in enumerate(signs.tolist()):
        columns, coefficients = pre.row(neuron)
        builder.row(
            np.append(columns, room),
            np.append(sign * coefficients, -1.0),
            lower=-sign * pre.constant[neuron],
        )
    return builder.build()


def _on_grid(duals: Floats) -> Integers:
    size = np.abs(duals)
    scaled: Floats = size / max(size.max(initial=0.0), np.finfo(np.float64).tiny) * GRID
    return np.round(scaled).astype(np.int64)


def refutes(layer: SignLayer, box: Box, demand: Signs, multipliers: Integers) -> bool:
    """Whether the multipliers prove that no image of the box has the asked signs. Exact.

    With the asked signs, `sum u_j sign_j a_j(x') >= 0`, and above 0 if a neuron with u_j > 0 is to
    be -1, which is strict. The sum's maximum over the box is taken in rational arithmetic.

    Args:
        layer: neurons of the first layer.
        box: where images lie.
        demand: (neurons,) int8, the asked signs.
        multipliers: (neurons,) int64, u, none negative.
    """
    signed = multipliers * demand
    direction = layer.map.transpose(signed[None])[0]
    furthest = np.where(direction > 0, box.upper, box.lower)
    most = sum(
        (
            int(slope) * Fraction(float(value))
            for slope, value in zip(direction, furthest, strict=True)
        ),
        start=Fraction(0),
    ) - sum(
        int(factor) * Fraction(float(threshold))
        for factor, threshold in zip(signed, layer.threshold, strict=True)
    )
    strict = bool(np.any((multipliers > 0) & (demand < 0)))
    return most < 0 or (most == 0 and strict)
