"""Reader of `.npz` files: plain arrays by name, and nothing that could run code."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.npyio import NpzFile

from signflip.arrays import Floats, Integers
from signflip.errors import DataError
from signflip.files import NO_ARRAYS, unreadable

Array = npt.NDArray[Any]


def read_npz(path: Path, name: str, wanted: Sequence[str]) -> dict[str, Array]:
    """Those arrays of a file that are `wanted` and there, by name.

    Args:
        path: the file.
        name: what to call it in errors.
        wanted: names of arrays.

    Raises:
        DataError: it cannot be read, or is no `.npz` file of plain arrays.
    """
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            named = archive if isinstance(archive, NpzFile) else {}  # a .npy file has no names
            return {key: named[key] for key in wanted if key in named}
    except OSError as error:
        raise unreadable(name, error, DataError) from error
    except NotImplementedError as error:  # packed by a method that Python has not
        raise DataError(
            f"{name} is packed in a way that cannot be read ({error}); write it with numpy.savez"
        ) from error
    except NO_ARRAYS as error:
        raise DataError(
            f"{name} is no whole .npz file of plain arrays ({_why(error)}); write it with "
            "numpy.savez"
        ) from error


def read_npy(path: Path, name: str) -> Array:
    """The array of a `.npy` file.

    Raises:
        DataError: it cannot be read, or is no `.npy` file of a plain array.
    """
    try:
        with path.open("rb") as file:
            array: Array = np.lib.format.read_array(file, allow_pickle=False)
            return array
    except OSError as error:
        raise unreadable(name, error, DataError) from error
    except NO_ARRAYS as error:
        raise DataError(
            f"{name} is no whole .npy file of a plain array ({_why(error)}); write it with "
            "numpy.save"
        ) from error


def _why(error: BaseException) -> str:
    """What NumPy says, but for its advice to load what may run code."""
    return "it holds objects, or no arrays" if "pickle" in str(error) else str(error)


def read_witnesses(path: Path) -> tuple[Integers, Floats]:
    """The `index` (N,) and the `images` (N, inputs) float64 of a file that `--witnesses` wrote.

    Raises:
        DataError: it is no such file.
    """
    arrays = read_npz(path, str(path), ("index", "images"))
    for key in ("index", "images"):
        if key not in arrays:
            raise DataError(
                f"{path} has no array {key!r}; witnesses have 'index' and 'images', as --witnesses "
                "writes them"
            )
    index, images = arrays["index"], arrays["images"]
    whole = np.issubdtype(index.dtype, np.integer) and index.shape == images.shape[:1]
    if not whole or images.ndim < 2 or not np.issubdtype(images.dtype, np.floating):
        raise DataError(
            f"{path}: index is {index.dtype} of shape {index.shape} and images are {images.dtype} "
            f"of shape {images.shape}; they must be integers (N,) and floats (N, inputs)"
        )
    for end in (index.min(), index.max()) if index.size else ():
        if not 0 <= int(end) <= np.iinfo(np.int64).max:
            raise DataError(
                f"{path}: an index is {end}; indices count the images of a data set from 0"
            )
    flat = images.reshape(len(images), int(np.prod(images.shape[1:]))).astype(np.float64)
    wrong = np.argwhere(~np.isfinite(flat))
    if len(wrong):
        row, pixel = wrong[0]
        raise DataError(
            f"{path}: pixel {pixel} of the witness of image {index[row]} is {flat[row, pixel]}; "
            "every value must be finite"
        )
    return index.astype(np.int64), flat
