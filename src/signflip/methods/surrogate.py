"""A network with a slope: sign replaced by a ramp, and the gradient that comes with it.

The paper's surrogate of `sign(v)` is `v` on [-1, 1] and `sign(v)` elsewhere, where `v` is the
batch-normalised sum. A network file keeps no batch-norm scale, only thresholds, so the distance
from the threshold is measured in a unit of its own: the Euclidean norm of what the layer reads,
which is the standard deviation of the sum over random weights. That is `sqrt(inputs)` where a layer
reads signs and the norm of the image in the first layer.
"""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats
from signflip.network import BinaryNetwork

Floats32 = npt.NDArray[np.float32]
BLACK = 1e-6


class Surrogate:
    """The network with `clip(v / width, -1, 1)` in place of `sign(v)`.

    Attributes:
        network: the network.
        image: (inputs,) float64, the image whose norm is the first layer's unit.
        width: half the width of the linear part, in the unit above; 1 is the paper's.
    """

    def __init__(self, network: BinaryNetwork, image: Floats, width: float = 1.0) -> None:
        self.network = network
        self.image = image
        self.width = width

    @cached_property
    def _layers(self) -> list[tuple[Floats32, Floats32]]:
        """Weight (inputs, neurons) and threshold (neurons,) of each layer, in units of its ramp."""
        first, *upper = self.network.hidden
        norm = float(np.linalg.norm(self.image))
        # a black image, or one that is black in float32, has no norm, and any unit does
        ramp = self.width * (norm if norm > BLACK else 1.0)
        # a constant neuron's threshold may be beyond the range of float32
        limit = 2.0 * first.inputs
        layers = [_scaled(first.weight.T, np.clip(first.threshold, -limit, limit), ramp)]
        for layer in upper:
            # midway between the sums that answer -1 and those that answer +1
            middle = layer.integer_threshold.astype(np.float64) - 1
            layers.append(_scaled(layer.weight.T, middle, self.width * layer.inputs**0.5))
        return layers

    def _ramps(self, images: npt.ArrayLike) -> list[Floats32]:
        """The distance from the threshold (N, neurons) of each layer, 1 at the end of the ramp."""
        below = np.asarray(images, dtype=np.float32)
        ramps = []
        for weight, threshold in self._layers:
            ramps.append(below @ weight - threshold)
            below = np.clip(ramps[-1], -1, 1)
        return ramps

    def forward(self, images: npt.ArrayLike) -> Floats:
        """The surrogate's class values (N, classes) float64, for images (N, inputs)."""
        return self._values(np.clip(self._ramps(images)[-1], -1, 1))

    def _values(self, last: Floats32) -> Floats:
        output = self.network.output
        values: Floats = output.scale * (last @ output.weight.T.astype(np.float64)) + output.bias
        return values

    def ascent(self, images: npt.ArrayLike, rivals: tuple[int, ...], prediction: int) -> Floats32:
        """Gradient (N, inputs) float32 of `max over rivals of f_rival - f_prediction`.

        The rival is each image's own: the one with the highest value on the surrogate.
        """
        ramps = self._ramps(images)
        output = self.network.output
        rows = output.scale[:, None] * output.weight
        values = self._values(np.clip(ramps[-1], -1, 1))
        best = np.array(rivals)[np.argmax(values[:, list(rivals)], axis=1)]
        slope: Floats32 = (rows[best] - rows[prediction]).astype(np.float32)
        for ramp, (weight, _) in zip(reversed(ramps), reversed(self._layers), strict=True):
            slope = (slope * (np.abs(ramp) <= 1)) @ weight.T
        return slope


def _scaled(weight: npt.ArrayLike, threshold: Floats, unit: float) -> tuple[Floats32, Floats32]:
    """One layer divided by `unit`, as float32: a gradient needs no more."""
    return (
        np.asarray(weight, dtype=np.float32) / np.float32(unit),
        (threshold / unit).astype(np.float32),
    )
