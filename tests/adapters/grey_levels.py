"""A network of grey levels, and images for it."""

import numpy as np
import numpy.typing as npt

from signflip.network import BinaryNetwork, InputRange, OutputLayer, SignLayer


def grey_levels(step: float | None) -> tuple[BinaryNetwork, npt.NDArray[np.float32]]:
    """A network of inputs from 0 to 255, in such steps, and images (4, 16) of whole numbers."""
    inputs = InputRange(lower=0, upper=255, step=step)
    signs = np.random.default_rng(0).choice([-1, 1], (9, 16)).astype(np.int8)
    hidden = SignLayer.dense(signs, np.arange(9) * 16 + 0.5)
    weight = np.random.default_rng(1).choice([-1, 1], (3, 9)).astype(np.int8)
    output = OutputLayer(weight, np.ones(3), np.zeros(3))
    images = np.random.default_rng(2).integers(0, 256, (4, 16)).astype(np.float32)
    return BinaryNetwork((hidden,), output, input_range=inputs), images
