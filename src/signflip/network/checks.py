"""Checks that hidden and output layers share."""

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats
from signflip.errors import NetworkError


def checked_vector(values: npt.ArrayLike, length: int, where: str) -> Floats:
    """The values as float64 that nobody can write to.

    Raises:
        NetworkError: there are not `length` of them, or one is not finite.
    """
    array = np.array(values, dtype=np.float64)
    if array.shape != (length,):
        raise NetworkError(
            f"{where} has shape {array.shape}; it must be ({length},), a value for each row of "
            "weight"
        )
    wrong = np.flatnonzero(~np.isfinite(array))
    if len(wrong):
        raise NetworkError(
            f"{where}[{wrong[0]}] is {array[wrong[0]]}; it must be finite: a constant neuron has a "
            "threshold below -inputs or above +inputs"
        )
    array.setflags(write=False)
    return array
