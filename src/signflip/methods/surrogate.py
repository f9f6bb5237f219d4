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
from signflip.network import BinaryNetwork, SignLayer
from signflip.network.domains import propagate

Floats32 = npt.NDArray[np.float32]
BLACK = 1e-6


class Surrogate:
    """The network with `clip(v / width, -1, 1)` in place of `sign(v)`: a domain of `propagate`.

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
    def _units(self) -> dict[SignLayer, tuple[np.float32, Floats32]]:
        """Of each layer: the length of its ramp, and its thresholds (neurons,) in that unit."""
        first, *upper = self.network.hidden
        norm = float(np.linalg.norm(self.image))
        # a black image, or one that is black in float32, has no norm, and any unit does
        ramp = self.width * (norm if norm > BLACK else 1.0)
        # a constant neuron's threshold may be beyond the range of float32
        limit = 2.0 * first.inputs * max(1.0, float(np.abs(self.image).max()))
        units = {first: _in_units(np.clip(first.threshold, -limit, limit), ramp)}
        for layer in upper:
            # midway between the sums that answer -1 and those that answer +1
            middle = layer.integer_threshold.astype(np.float64) - 1
            units[layer] = _in_units(middle, self.width * layer.inputs**0.5)
        return units

    def step(self, layer: SignLayer, below: Floats32) -> Floats32:
        """The distance from the threshold (N, neurons), 1 at the end of the ramp.

        `below` is such a distance too, or the images.
        """
        unit, threshold = self._units[layer]
        read = below if layer is self.network.hidden[0] else np.clip(below, -1, 1)
        return layer.map.apply(read / unit) - threshold

    def _ramps(self, images: npt.ArrayLike) -> list[Floats32]:
        return propagate(self.network.hidden, self, np.asarray(images, dtype=np.float32))

    def forward(self, images: npt.ArrayLike) -> Floats:
        """The surrogate's class values (N, classes) float64, for images (N, inputs)."""
        return self.network.output.values(np.clip(self._ramps(images)[-1], -1, 1))

    def ascent(self, images: npt.ArrayLike, rivals: tuple[int, ...], prediction: int) -> Floats32:
        """Gradient (N, inputs) float32 of `max over rivals of f_rival - f_prediction`.

        The rival is each image's own: the one with the highest value on the surrogate.
        """
        ramps = self._ramps(images)
        output = self.network.output
        values = output.values(np.clip(ramps[-1], -1, 1))
        best = np.argmax(values[:, list(rivals)], axis=1)
        leads = np.array([output.coefficients(rival, prediction) for rival in rivals])
        slope: Floats32 = leads[best].astype(np.float32)
        for ramp, layer in zip(reversed(ramps), reversed(self.network.hidden), strict=True):
            slope = layer.map.transpose(slope * (np.abs(ramp) <= 1)) / self._units[layer][0]
        return slope


def _in_units(threshold: Floats, unit: float) -> tuple[np.float32, Floats32]:
    """A unit and thresholds in it, as float32: a gradient needs no more."""
    return np.float32(unit), (threshold / unit).astype(np.float32)
