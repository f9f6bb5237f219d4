"""Names for the types of arrays."""

import numpy as np
import numpy.typing as npt

Signs = npt.NDArray[np.int8]
"""Weights or activations: -1, +1, and 0 where there is neither."""
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
