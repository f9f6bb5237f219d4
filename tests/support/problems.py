"""Problems small enough to know by heart."""

import numpy as np

from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.problem import Problem


def two_steps() -> Problem:
    """One pixel from 0 to 0.75: the objective is -2 below 0.25, then 0, and 2 from 0.5 on."""
    hidden = SignLayer.dense(np.ones((2, 1), dtype=np.int8), np.array([0.25, 0.5]))
    weight = np.array([[-1, -1], [1, 1]], dtype=np.int8)
    output = OutputLayer(weight, np.full(2, 0.5), np.zeros(2))
    return Problem.ball(BinaryNetwork((hidden,), output), [0.0], epsilon=0.75)
