"""Images and activations: the forward pass, exact and fast."""

from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.network.sign_layer import SignLayer


class Numbers:
    """Arrays (N, inputs): int8 are activations of -1 and +1, all else is real inputs."""

    def step(self, layer: SignLayer, below: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Activations (N, neurons) int8, each sign exact."""
        if below.dtype == np.int8:
            return layer.signs_of_signs(below)
        return layer.signs_of_reals(below)


NUMBERS = Numbers()
