"""From a first-layer pattern to a grid point that has it.

Where the box has few grid points, as with a mask of some pixels, all are tried. Else a point of the
pattern with room is rounded to the grid, and pixels are moved by a step each while that brings
neurons nearer to their side. Where that ends too early, an integer program goes on. It is no proof
that there is no such grid point: a pattern that none is found for stays open.
"""

import logging
import math

import numpy as np
import numpy.typing as npt

from signflip.arrays import Booleans, Floats, Signs
from signflip.network import SignLayer
from signflip.problem import Region
from signflip.programs.highs import Highs
from signflip.programs.program import ProgramBuilder
from signflip.programs.solver import SolverFailure

Steps = npt.NDArray[np.int64]

_LOG = logging.getLogger(__name__)

MOST_TRIED = 4_096
"""Grid points of a box that are tried one and all: sums that differ by roundings are told apart."""

MOST_MOVES = 400
"""Pixels that are moved before the program is asked."""

SECONDS = 1.0
"""What the program may take for one pattern: there are others."""

_CLEAR = 1e-6
"""How far a neuron of sign -1 is kept below its threshold, in steps; and both kinds, for rounding.
Sums of pixels k / 255 are that far from whole steps only by accident."""


def realise_on_grid(
    layer: SignLayer, region: Region, demand: Signs, start: Floats, seconds: float = np.inf
) -> Floats | None:
    """An image (inputs,) of the region's grid with the signs of `demand`, None if none was found.

    Args:
        layer: the first layer.
        region: a region of grid points.
        demand: (neurons,) int8, the asked signs, 0 for either.
        start: (inputs,) float64, a point of the box with these signs, or nearly.
        seconds: time limit.
    """
    asked = np.flatnonzero(demand)
    image = region.project(start)
    if not len(asked):
        return image
    part, signs = layer.part(asked), demand[asked]

    def has_the_signs(candidate: Floats) -> bool:
        return bool(np.array_equal(part.signs_of_reals(candidate[None])[0], signs))

    if has_the_signs(image):
        return image
    grid = region.grid
    if grid is None or grid.step is None:
        return None
    # what each neuron gains of a pixel's step upward, and how many steps it is past its threshold
    gain = signs[:, None] * part.map.rows(slice(None))
    slack = signs * (part.map.apply(image[None])[0] - part.threshold) / grid.step
    ways = np.stack([region.box.upper - image, image - region.box.lower])
    room = np.rint(ways / grid.step).astype(np.int64)
    if math.prod((room.sum(axis=0) + 1).tolist()) <= MOST_TRIED:
        every = region.project(image + grid.step * _every(room))
        having = np.flatnonzero((part.signs_of_reals(every) == signs).all(axis=1))
        return every[having[0]] if len(having) else None
    steps = _moved(gain, slack - _CLEAR, room.copy())
    moved = region.project(image + grid.step * steps)
    if has_the_signs(moved):
        return moved
    solved = _program(gain, slack - _CLEAR, room, min(seconds, SECONDS))
    if solved is None:
        return None
    last = region.project(image + grid.step * solved)
    return last if has_the_signs(last) else None


def _every(room: Steps) -> Steps:
    """All ways (N, inputs) to go, with so many steps up (0) and down (1) in each pixel."""
    moving = np.flatnonzero(room.any(axis=0))
    counts = room.sum(axis=0)[moving] + 1
    ways = np.indices(counts).reshape(len(moving), -1).T
    every = np.zeros((len(ways), room.shape[1]), dtype=np.int64)
    every[:, moving] = ways - room[1, moving]
    return every


def _moved(gain: Signs, slack: Floats, room: Steps) -> Floats:
    """Steps (inputs,) that bring neurons to their side one by one, as far as single steps do."""
    steps = np.zeros(gain.shape[1])
    for _ in range(MOST_MOVES):
        near = slack < 1.0  # the others stay where they are, whatever one step does
        lacking = np.maximum(-slack[near], 0.0)
        if not lacking.any():
            break
        losses = np.stack(
            [
                np.maximum(-(slack[near, None] + side * gain[near]), 0.0).sum(axis=0)
                for side in (1, -1)
            ]
        )
        losses[room <= 0] = np.inf
        best = int(losses.argmin())
        side, pixel = divmod(best, gain.shape[1])
        if losses[side, pixel] >= lacking.sum():
            break
        move = 1 - 2 * side
        steps[pixel] += move
        room[side, pixel] -= 1
        room[1 - side, pixel] += 1
        slack = slack + move * gain[:, pixel]
    return steps


def _program(gain: Signs, slack: Floats, room: Steps, seconds: float) -> Floats | None:
    """Steps (inputs,) by an integer program, None if it has none or takes too long."""
    if seconds <= 0:
        return None
    builder = ProgramBuilder()
    moving: Booleans = np.any(room > 0, axis=0)
    columns = np.array(
        [
            builder.column(-room[1, pixel], room[0, pixel], integer=True)
            for pixel in np.flatnonzero(moving).tolist()
        ],
        dtype=np.int64,
    )
    for row, lead in zip(gain[:, moving].astype(np.float64), slack.tolist(), strict=True):
        builder.row(columns, row, lower=-lead)
    try:
        answer = Highs().solve(builder.build(), time_limit=seconds)
    except SolverFailure as error:
        _LOG.info("a pattern stays open: %s", error)
        return None
    if answer.point is None:
        return None
    steps = np.zeros(gain.shape[1])
    steps[moving] = np.rint(answer.point[columns])
    return steps
