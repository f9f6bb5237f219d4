"""The first layer of a problem as a set of sign patterns.

Write the box as centre c and radius rad >= 0, the input as c + q with |q_i| <= rad_i. Neuron j has
the pre-activation, measured from its threshold,

    a_j(q) = alpha_j + w_j . q,         |w_j . q| <= sum_i rad_i = reach

Only neurons whose sign differs between points of the box are *unstable*. A pattern is given by the
set of unstable neurons that are *flipped*, that is, have the other sign than at the centre.

Every number here is on the safe side: a set of flips is refused only where exact arithmetic over
the box would refuse it (docs/exactness.md).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signflip.network import UNIT_ROUNDOFF, Floats, Signs
from signflip.problem import Problem

Int32s = npt.NDArray[np.int32]
RADIUS_LEVELS = 254


@dataclass(frozen=True, eq=False)
class PatternSpace:
    """The unstable neurons of a problem, dearest first, and their geometry.

    Attributes:
        problem: the problem.
        signs: (neurons,) int8, the first layer's activations at the centre.
        unstable: (m,) indices of the unstable neurons, by falling distance.
        centre: (inputs,) float64.
        radius: (inputs,) float64; the box lies within centre +- radius in exact arithmetic.
        directions: (m, inputs) int8, sigma_j w_j: moving q along it brings neuron j to its flip.
        distance: (m,) float64, rounded down: flipping j needs `directions_j . q >= distance_j`.
        reluctance: (m,) float64, rounded up: not flipping j needs `directions_j . q <= reluctance_j`.
        grid_distance: (m,) int32 and grid_radius: (inputs,) int16, the same in steps of `grid`, rounded
            down and up: the tests of the kernel are integer arithmetic.
    """

    problem: Problem
    signs: Signs
    unstable: npt.NDArray[np.int64]
    centre: Floats
    radius: Floats
    directions: Signs
    distance: Floats
    reluctance: Floats
    grid_distance: Int32s
    grid_radius: npt.NDArray[np.int16]

    @classmethod
    def of(cls, problem: Problem) -> "PatternSpace":
        """The pattern space of a problem."""
        lower, upper = problem.box.lower, problem.box.upper
        layer = problem.network.hidden[0]
        centre = (lower + upper) / 2
        radius = _outward_radius(lower, upper, centre)
        at_lowest, at_highest = layer.signs_at_extremes(lower, upper)
        movable = np.flatnonzero(at_lowest != at_highest)
        size = np.abs(centre).sum() + np.abs(layer.threshold)
        error = 2 * (layer.inputs + 1) * UNIT_ROUNDOFF * size
        alpha = centre @ layer.real_weight - layer.threshold
        signs = np.where(alpha >= 0, np.int8(1), np.int8(-1))
        # a stable neuron's sign is what it is everywhere, whatever rounding says of the centre
        stable = at_lowest == at_highest
        signs[stable] = at_lowest[stable]
        # below 0 where rounding leaves the centre's sign in doubt: a flip may then cost nothing
        distance = np.abs(alpha) - error
        order = movable[np.argsort(-distance[movable], kind="stable")]
        grid = max(float(radius.max()) * (1 + 2.0**-30) / RADIUS_LEVELS, 2.0**-1000)
        return cls(
            problem=problem,
            signs=signs,
            unstable=order,
            centre=centre,
            radius=radius,
            directions=(-signs[order, None] * layer.weight[order]).astype(np.int8),
            distance=distance[order],
            reluctance=(np.abs(alpha) + error)[order],
            grid_distance=_floor_steps(distance[order], grid).astype(np.int32),
            grid_radius=np.ceil(radius / grid * (1 + 2.0**-40)).astype(np.int16),
        )

    @property
    def size(self) -> int:
        """Number m of unstable neurons."""
        return len(self.unstable)

    def pattern(self, flips: npt.NDArray[np.bool_]) -> Signs:
        """Activations (neurons,) int8 of the first layer for flips (m,) bool."""
        pattern = self.signs.copy()
        pattern[self.unstable[flips]] *= -1
        return pattern


def _floor_steps(distance: Floats, grid: float) -> Floats:
    steps = distance / grid
    # a quotient may be rounded up: take off more than that before the floor
    return np.floor(steps - np.abs(steps) * 2.0**-40)


def _outward_radius(lower: Floats, upper: Floats, centre: Floats) -> Floats:
    radius = np.maximum(centre - lower, upper - centre)
    # a difference is rounded once: the next float is not below the exact one
    return np.where(lower == upper, 0.0, np.nextafter(radius, np.inf))
