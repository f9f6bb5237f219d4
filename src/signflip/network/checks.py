"""Checks of arrays, which layers and networks share."""

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats
from signflip.errors import DataError, NetworkError, SignflipError
from signflip.settings import is_number


def checked_vector(values: npt.ArrayLike, length: int, where: str) -> Floats:
    """The values as float64 that nobody can write to.

    Raises:
        NetworkError: they are no numbers, there are not `length` of them, or one is not finite.
    """
    array = real_numbers(values, f"the values of {where}", NetworkError).copy()
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


def real_numbers(values: npt.ArrayLike, name: str, kind: type[SignflipError] = DataError) -> Floats:
    """The values as float64; `name` is for the error.

    Raises:
        SignflipError: they are no array of real numbers; an error of that kind.
    """
    if isinstance(values, np.ndarray) and values.dtype == np.float64:
        return values
    try:
        array = np.asarray(values)
        # NumPy would read texts, take None for NaN, and drop imaginary parts
        if array.dtype.kind in "biuf" or all(map(is_number, array.ravel().tolist())):
            return array.astype(np.float64)
        found = f"hold {array.dtype}"
    except (ValueError, TypeError) as error:
        found = f"are no array of numbers ({error})"
    raise kind(f"{name} {found}; they must be real numbers, such as float64")
