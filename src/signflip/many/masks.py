"""Masks in files: arrays, or pictures that are bright where a pixel may change."""

from pathlib import Path

import numpy as np

from signflip.errors import DataError
from signflip.files import NO_ARRAYS, unreadable
from signflip.problem.mask import Mask

BRIGHT = 128
"""From this grey level on, of 0 to 255, a pixel of a picture may change."""


def load_mask(path: str | Path) -> Mask:
    """The mask of a file.

    Args:
        path: a `.npy` file, true or not 0 where a pixel may change; a `.npz` file with such an
            array `mask`; or a picture, such as PNG, of which the bright pixels may.

    Raises:
        DataError: the file cannot be read, or is none of these.
        ProblemError: it lets no pixel change, or does not hold numbers.
    """
    # here, and not above: few commands have a mask, and all would wait for the import
    from PIL import Image, UnidentifiedImageError

    path, name = Path(path), str(path)
    try:
        if path.suffix in (".npy", ".npz"):
            return Mask.of(_array(path), name)
        with Image.open(path) as picture:
            return Mask.of(np.asarray(picture.convert("L")) >= BRIGHT, name)
    except UnidentifiedImageError as error:
        raise DataError(
            f"{name} is no picture that can be read; a mask is a .npy file, a .npz file with an "
            "array 'mask', or a picture such as PNG"
        ) from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{name} is too large for a picture: {error}") from error
    except OSError as error:
        raise unreadable(name, error, DataError) from error
    except (SyntaxError, ValueError, EOFError) as error:  # what Pillow raises for damaged files
        raise DataError(f"{name} is no whole picture ({error}); get the file again") from error


def _array(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            if "mask" not in loaded:
                raise DataError(
                    f"{path} has no array 'mask'; its arrays are {', '.join(loaded) or 'none'}"
                )
            array: np.ndarray = loaded["mask"]
            return array
    except NotImplementedError as error:  # packed by a method that Python has not
        raise DataError(
            f"{path} is packed in a way that cannot be read ({error}); write it with numpy.savez"
        ) from error
    except NO_ARRAYS as error:
        raise DataError(f"{path} is no whole file of arrays ({error}); write it anew") from error
