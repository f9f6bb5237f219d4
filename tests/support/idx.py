"""IDX files for tests."""

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt

from signflip.data.sources import FILES


def idx_bytes(array: npt.ArrayLike) -> bytes:
    """The IDX file of an array of unsigned bytes."""
    values = np.asarray(array, dtype=np.uint8)
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes()


def write_split(
    folder: Path, split: str, images: npt.ArrayLike, labels: npt.ArrayLike, *, packed: bool = True
) -> None:
    """Write the two files of a split under their published names, `.gz` if `packed`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(FILES[split], (images, labels), strict=True):
        data = idx_bytes(array)
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data, mtime=0))
        else:
            (folder / name).write_bytes(data)
