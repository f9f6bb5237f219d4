"""A network with a slope: sign replaced by a ramp, and the gradient that comes with it.

The paper's surrogate of `sign(v)` is `v` on [-1, 1] and `sign(v)` elsewhere, where `v` is the
batch-normalised sum. A network file keeps no batch-norm scale, only thresholds, so the distance
from the threshold is measured in a unit of its own: the Euclidean norm of what the layer reads,
which is the standard deviation of the sum over random weights. That is `sqrt(fan_in)` where a layer
reads signs, and the image's root mean square times as much in the first layer.

In an attack no sum of the first layer goes farther than its *reach*, the sum of the region's radii
that it reads. Where that is little beside the unit, nearly all ramps are of neurons that nothing in
the region can flip, and drown the others: so an attack's unit is at most a share of the reach.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers
from signflip.clock import ENDLESS, Clock
from signflip.errors import SettingError
from signflip.network import BinaryNetwork, SignLayer
from signflip.problem import Problem
from signflip.settings import check_number

Floats32 = npt.NDArray[np.float32]
Pull = Callable[[Floats, Integers], Floats]
"""What to raise: from class values (n, classes) of the images `rows` (n,) of a batch to (n,
classes), how much each class value is wanted higher."""
BLACK = 1e-6
WITHIN_REACH = 0.3
"""An attack's unit of the first layer is at most this share of a sum's reach.

Of neurons that read few inputs it is more, 1 over the root of their number: what reads one pixel,
as input thresholds do, is flipped by moving that pixel alone.
"""
FINEST = 1e-4
"""And at least this share of the unit without a reach: sums are float32."""
WIDENINGS = 12
"""How often a ramp is doubled at most, where the gradient is 0."""


class Slope(Enum):
    """What a layer reads when a gradient is made."""

    RAMP = "ramp"
    """The ramps of the layer below: the gradient is the surrogate's own."""
    STRAIGHT_THROUGH = "straight-through"
    """The true signs of the layer below (Hubara et al. 2016)."""


def slope_named(slope: Slope | str) -> Slope:
    """The slope, by itself or by its name.

    Raises:
        SettingError: no slope has that name.
    """
    try:
        return Slope(slope)
    except ValueError as error:
        names = " or ".join(repr(each.value) for each in Slope)
        raise SettingError(f"the slope is {slope!r}; it must be {names}") from error


def check_width(width: float) -> None:
    """Refuse a ramp's width that float32 cannot work with.

    Raises:
        SettingError: it is out of range.
    """
    check_number(width=width)
    if not 1e-6 <= width <= 1e6:  # gradients are float32
        raise SettingError(
            f"the surrogate's width is {width}; it must be from 1e-6 to 1e6: 1 is the paper's"
        )


class Surrogate:
    """The network with `clip(v / width, -1, 1)` in place of `sign(v)`.

    Attributes:
        network: the network.
        image: (inputs,) float64, the image whose norm is the first layer's unit.
        width: half the width of the linear part, in the unit above; 1 is the paper's.
        slope: what each layer reads.
        reach: (neurons,) float64, how far the sums of the first layer go; None for any distance.
    """

    def __init__(
        self,
        network: BinaryNetwork,
        image: Floats,
        width: float = 1.0,
        slope: Slope = Slope.RAMP,
        reach: Floats | None = None,
    ) -> None:
        self.network = network
        self.image = image
        self.width = width
        self.slope = slope
        self.reach = reach
        self.asked = 0
        """Images that a gradient was asked for at."""
        self.flat = 0
        """Those of them at which it is 0 without wider ramps."""

    @classmethod
    def within(cls, problem: Problem, width: float, slope: Slope) -> "Surrogate":
        """The surrogate of an attack, whose first layer's ramps are as wide as it can use."""
        reach = problem.network.hidden[0].map.magnitude(problem.box.radius)
        return cls(problem.network, problem.image, width, slope, reach)

    @cached_property
    def _units(self) -> list[tuple[Floats32, Floats32]]:
        """Of each layer: the units of its neurons, and their thresholds in these."""
        first, *upper = self.network.hidden
        norm = float(np.linalg.norm(self.image))
        largest = max(1.0, float(np.abs(self.image).max()))
        # a constant neuron's threshold may be beyond the range of float32
        limit = 2.0 * largest * first.inputs
        # a black image, or one that is black in float32, has no norm, and any unit does
        unit = (norm if norm > BLACK else 1.0) * _roots(first) / first.inputs**0.5
        if self.reach is not None:
            most = share_of_reach(_roots(first)) * self.reach
            unit = np.clip(most, FINEST * unit, unit)
        units = [_in_units(np.clip(first.threshold, -limit, limit), unit)]
        for layer in upper:
            # midway between the sums that answer -1 and those that answer +1
            middle = layer.integer_threshold.astype(np.float64) - 1
            units.append(_in_units(middle, _roots(layer)))
        return units

    @cached_property
    def rows(self) -> Floats:
        """(classes, width) float64: the slope of each class value by the last layer's neurons."""
        output = self.network.output
        rows: Floats = output.scale[:, None] * output.weight.astype(np.float64)
        return rows

    def at(self, images: npt.ArrayLike, width: float | None = None) -> "Pass":
        """A pass over images (N, inputs), with ramps of another width if one is given."""
        width = self.width if width is None else width
        below = np.asarray(images, dtype=np.float32)
        ramps = []
        for layer, (unit, threshold) in zip(self.network.hidden, self._units, strict=True):
            ramp = (layer.map.apply(below) / unit - threshold) / np.float32(width)
            ramps.append(ramp)
            if self.slope is Slope.RAMP:
                below = np.clip(ramp, -1, 1)
            else:
                below = np.where(ramp >= 0, np.float32(1), np.float32(-1))
        values = self.network.output.values(below)
        return Pass(surrogate=self, width=width, ramps=ramps, values=values)

    def forward(self, images: npt.ArrayLike) -> Floats:
        """The surrogate's class values (N, classes) float64, for images (N, inputs)."""
        return self.at(images).values

    def gradient(
        self, images: Floats, pull: Pull, width: float | None = None, clock: Clock = ENDLESS
    ) -> Floats:
        """Gradient (N, inputs) float64 of what `pull` raises, at images (N, inputs).

        Where it is 0 in every input, since a ramp of each path is left, that image gets ramps twice
        as wide, and again, until there is one, `WIDENINGS` are made, or time is out.
        """
        width = self.width if width is None else width
        gradient = np.zeros_like(images)
        rows = np.arange(len(images), dtype=np.int64)
        self.asked += len(images)
        for widening in range(WIDENINGS + 1):
            passed = self.at(images[rows], width)
            gradient[rows] = passed.gradient(pull(passed.values, rows))
            rows = rows[~gradient[rows].any(axis=1)]
            if not len(rows) or clock.expired():
                break
            if widening == 0:
                self.flat += len(rows)
            width *= 2
        return gradient

    @property
    def remark(self) -> str:
        """What a result says of gradients that were 0; empty if there were none."""
        if not self.flat:
            return ""
        return (
            f"The surrogate's gradient was 0 at {self.flat} of {self.asked} points; there it was "
            "taken of wider ramps."
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Pass:
    """A pass of images through a surrogate.

    Attributes:
        surrogate: the surrogate.
        width: of its ramps.
        ramps: of each layer, the distance from the threshold (N, neurons), 1 at a ramp's end.
        values: (N, classes) float64, the class values.
    """

    surrogate: Surrogate
    width: float
    ramps: list[Floats32]
    values: Floats

    def gradient(self, pull: Floats) -> Floats:
        """Gradient (N, inputs) float64 of `(pull * values).sum(axis=1)`, for pull (N, classes)."""
        wanted = pull @ self.surrogate.rows
        # class values may be beyond the range of float32, or below it
        size = np.abs(wanted).max(axis=1, keepdims=True)
        size[size == 0] = 1
        slope = (wanted / size).astype(np.float32)
        hidden = self.surrogate.network.hidden
        layers = zip(hidden, self.surrogate._units, self.ramps, strict=True)
        for layer, (unit, _), ramp in reversed(list(layers)):
            inside = slope * (np.abs(ramp) <= 1)
            slope = layer.map.transpose(inside / (unit * np.float32(self.width)))
        gradient: Floats = slope * size
        return gradient


def share_of_reach(roots: Floats) -> Floats:
    """The share of its reach that is a neuron's unit at most, for roots of fan-ins (neurons,)."""
    return np.maximum(WITHIN_REACH, 1 / roots)


def _roots(layer: SignLayer) -> Floats:
    """(neurons,) the root of each fan-in; 1 where a neuron reads nothing."""
    roots: Floats = np.sqrt(np.maximum(layer.map.fan_in, 1))
    return roots


def _in_units(threshold: Floats, unit: Floats) -> tuple[Floats32, Floats32]:
    """Units (neurons,) and thresholds in them, as float32: a gradient needs no more."""
    return unit.astype(np.float32), (threshold / unit).astype(np.float32)
