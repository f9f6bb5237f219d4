"""The first layer of a problem as a set of sign patterns.

Write the box as centre c and radius rad >= 0, the input as c + q with |q_i| <= rad_i. Neuron j has
the pre-activation, measured from its threshold,

    a_j(q) = alpha_j + w_j . q,         |w_j . q| <= sum_i rad_i = reach

Only neurons whose sign differs between points of the box are *unstable*. A pattern is given by the
set of unstable neurons that are *flipped*, that is, have the other sign than at the centre.

Every number here is on the safe side: a set of flips is refused only where exact arithmetic over
the box would refuse it (docs/search.md).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers, Signs
from signflip.blas import quiet
from signflip.network import UNIT_ROUNDOFF, SignLayer
from signflip.network.maps.linear_map import LinearMap
from signflip.network.maps.sparse import SparseMap
from signflip.problem import Problem, Standing

RADIUS_LEVELS = 254

Flips = npt.NDArray[np.bool_]
"""(m,) bool: which unstable neurons have the other sign than at the centre."""
_MOST_STEPS = 2.0**48
_MOST_NUMBERS = 2**17
"""Weights of a dense layer that are made float64 at once: few enough for the cache, and for one
thread."""


@dataclass(frozen=True, eq=False)
class PatternSpace:
    """The unstable neurons of a problem, dearest first, and their geometry.

    Attributes:
        problem: the problem.
        layer: the first layer as the images of the problem see it, see `Problem.first_layer`.
        signs: (neurons,) int8, the first layer's activations at the centre.
        unstable: (m,) indices of the unstable neurons, by falling distance.
        centre: (inputs,) float64.
        radius: (inputs,) float64; the box lies within centre +- radius in exact arithmetic.
        directions: (m, inputs) int8, sigma_j w_j: moving q along it brings neuron j to its flip.
        distance: (m,) float64, rounded down: flipping j needs `directions_j . q >= distance_j`.
        reluctance: (m,) float64, rounded up: not flipping it needs that to be `<= reluctance_j`.
        grid_distance: (m,) int64 and grid_radius: (inputs,) int16, the same in steps of a common
            grid, rounded down and up: the tests of the kernel are integer arithmetic.
    """

    problem: Problem
    layer: SignLayer
    signs: Signs
    unstable: Integers
    centre: Floats
    radius: Floats
    directions: Signs
    distance: Floats
    reluctance: Floats
    grid_distance: Integers
    grid_radius: npt.NDArray[np.int16]

    @classmethod
    def of(cls, problem: Problem, layer: SignLayer | None = None) -> "PatternSpace":
        """The pattern space of a problem.

        Args:
            problem: the problem.
            layer: the first layer, where all points of the box are meant: the network's own. None
                for that of the problem's images.
        """
        lower, upper = problem.box.lower, problem.box.upper
        layer = problem.first_layer if layer is None else layer
        centre, radius = problem.box.centre, problem.box.radius
        at_lowest, at_highest = layer.signs_at_extremes(lower, upper)
        movable = np.flatnonzero(at_lowest != at_highest)
        alpha, error = _pre_activations(layer, movable, centre)
        # below 0 where rounding leaves the centre's sign in doubt: a flip may then cost nothing
        distance, reluctance = np.abs(alpha) - error, np.abs(alpha) + error
        signs = at_lowest.copy()
        signs[movable] = np.where(alpha >= 0, 1, -1)
        dearest = np.argsort(-distance, kind="stable")
        order, distance, reluctance = movable[dearest], distance[dearest], reluctance[dearest]
        grid = max(float(radius.max()) * (1 + 2.0**-30) / RADIUS_LEVELS, 2.0**-1000)
        return cls(
            problem=problem,
            layer=layer,
            signs=signs,
            unstable=order,
            centre=centre,
            radius=radius,
            directions=(-signs[order, None] * layer.map.rows(order)).astype(np.int8),
            distance=distance,
            reluctance=reluctance,
            grid_distance=_floor_steps(distance, grid),
            grid_radius=np.ceil(radius / grid * (1 + 2.0**-40)).astype(np.int16),
        )

    @property
    def size(self) -> int:
        """Number m of unstable neurons."""
        return len(self.unstable)

    def part(self, neurons: Integers) -> "PatternSpace":
        """The space of only these unstable neurons (k,), by their places in it."""
        return replace(
            self,
            unstable=self.unstable[neurons],
            directions=self.directions[neurons],
            distance=self.distance[neurons],
            reluctance=self.reluctance[neurons],
            grid_distance=self.grid_distance[neurons],
        )

    def toggles_of(self, image: Floats) -> Flips:
        """(m,) bool: which unstable neurons toggle at an image (inputs,) of the box. Exact."""
        signs = self.layer.signs_of_reals(image[None])[0]
        toggles: Flips = signs[self.unstable] != self.signs[self.unstable]
        return toggles

    def pattern(self, flips: Flips) -> Signs:
        """Activations (neurons,) int8 of the first layer for flips (m,) bool."""
        pattern = self.signs.copy()
        pattern[self.unstable[flips]] *= -1
        return pattern

    def standing(self, flips: Flips) -> Standing:
        """What an image with these flips (m,) bool is worth, if there is one. Exact."""
        signs = self.problem.network.activations_of_pattern(self.pattern(flips)[None])[-1]
        return self.problem.standing(signs[0])


def _pre_activations(layer: SignLayer, neurons: Integers, centre: Floats) -> tuple[Floats, Floats]:
    """Pre-activations (neurons,) at the centre, measured from thresholds, and their error bounds.

    Centre and thresholds are split into multiples of 2^-k, whose sums are exact, and rests below
    2^-k. Only the rests and the last sum are rounded: the error is some units of roundoff of the
    pre-activation, not of the numbers that cancel in it. A small box needs that.
    """
    threshold = layer.threshold[neurons]
    # 2 inputs largest 2^k < 2^53: a neuron that is not constant has a threshold of at most
    # `inputs` times the largest input
    largest = math.ceil(max(1.0, float(np.abs(centre).max())))
    step = 2.0 ** ((layer.inputs * largest).bit_length() - 50)
    high, high_threshold = np.rint(centre / step) * step, np.rint(threshold / step) * step
    low, low_threshold = centre - high, threshold - high_threshold
    sums = _sums(layer.map, neurons, np.stack([high, low]))
    alpha = (sums[0] - high_threshold) + (sums[1] - low_threshold)
    size = np.abs(low).sum() + np.abs(low_threshold)
    # the sums' bounds (Higham 2002, section 4.2), doubled: that covers their own rounding
    error = UNIT_ROUNDOFF * (4 * np.abs(alpha) + 2 * (layer.inputs + 2) * size)
    return alpha, error


def _sums(weights: LinearMap, neurons: Integers, values: Floats) -> Floats:
    """(N, k) what some neurons add up of values (N, inputs), each as a sum of so many terms."""
    if isinstance(weights, SparseMap):
        return weights.apply(values)[:, neurons]
    sums = np.empty((len(values), len(neurons)))
    part = max(1, _MOST_NUMBERS // weights.inputs)
    for first in range(0, len(neurons), part):
        here = slice(first, first + part)
        with quiet():
            sums[:, here] = values @ weights.rows(neurons[here]).T.astype(np.float64)
    return sums


def _floor_steps(distance: Floats, grid: float) -> Integers:
    # a quotient may be rounded up: take off more than that before the floor
    steps = distance / grid
    steps = np.floor(steps - np.abs(steps) * 2.0**-40)
    # In a box far smaller than the rounding error a flip costs less than any number of steps. What
    # is kept of that outweighs all other flips together, so (*) cannot fail for it.
    return np.clip(steps, -_MOST_STEPS, _MOST_STEPS).astype(np.int64)
