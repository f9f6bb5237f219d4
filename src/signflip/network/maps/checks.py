"""Checks that several maps share."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Signs
from signflip.errors import NetworkError

MOST = 2**28
"""Inputs or neurons of a layer at most: more is a damaged file."""


def checked_signs(weight: npt.ArrayLike, where: str) -> Signs:
    """The weights as int8 that nobody can write to.

    Raises:
        NetworkError: one is none of -1, 0 and +1.
    """
    array = np.asarray(weight)
    if array.dtype == object or not np.issubdtype(array.dtype, np.number):
        array = array.astype(np.float64) if array.dtype == np.bool_ else array
        if not np.issubdtype(array.dtype, np.number):
            raise NetworkError(f"{where} is {array.dtype}; weights are numbers: -1, 0 or +1")
    wrong = np.argwhere((array != 1) & (array != -1) & (array != 0))
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        raise NetworkError(
            f"{where}[{', '.join(map(str, place))}] is {array[place]}; every weight must be -1, 0 "
            "or +1: a latent weight goes through the quantiser of its own network first"
        )
    return frozen(np.array(array, dtype=np.int8, order="C"))


def checked_shape(shape: object, where: str, dimensions: int | None = None) -> tuple[int, ...]:
    """The shape as a tuple.

    Raises:
        NetworkError: it is empty, has a size below 1 or another number of sizes.
    """
    sizes = np.asarray(shape)
    if sizes.ndim != 1 or not sizes.size or not np.issubdtype(sizes.dtype, np.integer):
        raise NetworkError(f"{where} is {shape!r}; it must be whole numbers, such as (3, 30, 30)")
    if math.prod(sizes.tolist()) > MOST:
        raise NetworkError(
            f"{where} is {tuple(sizes.tolist())}, which is {math.prod(sizes.tolist())} values; "
            f"there can be at most {MOST}"
        )
    if sizes.min() < 1 or (dimensions is not None and len(sizes) != dimensions):
        rule = "sizes of at least 1" if dimensions is None else f"{dimensions} sizes of at least 1"
        raise NetworkError(f"{where} is {tuple(sizes.tolist())}; it must have {rule}")
    return tuple(int(size) for size in sizes)


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array, which nobody can write to any more."""
    array.setflags(write=False)
    return array
