"""Arrays of -1, 0 and +1 as bits: one a value where none is 0, else two."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from signflip.arrays import Signs
from signflip.errors import NetworkError

Tensors = dict[str, npt.NDArray[np.generic]]
PARTS = ("plus", "minus", "shape")


def to_bits(name: str, signs: Signs) -> Tensors:
    """The tensors of an int8 array: `plus`, its +1 as packed bits, `minus` where some are 0."""
    tensors: Tensors = {
        f"{name}.plus": np.packbits(signs.ravel() > 0),
        f"{name}.shape": np.array(signs.shape, dtype=np.int64),
    }
    if not signs.all():
        tensors[f"{name}.minus"] = np.packbits(signs.ravel() < 0)
    return tensors


def from_bits(name: str, tensors: Mapping[str, npt.NDArray[np.generic]]) -> Signs:
    """The int8 array of the tensors `plus`, `minus` and `shape`.

    Raises:
        NetworkError: they do not make an array.
    """
    unknown = sorted(set(tensors) - set(PARTS))
    if unknown or "plus" not in tensors or "shape" not in tensors:
        raise NetworkError(
            f"{name} has the tensors {', '.join(sorted(tensors))}; it must have plus, shape, and "
            "minus where a weight is 0"
        )
    sizes = [int(size) for size in tensors["shape"].ravel().tolist()]
    count = int(np.prod(np.array(sizes, dtype=object), initial=1))
    length = -(-count // 8)
    for part in ("plus", "minus"):
        bits = tensors.get(part)
        if bits is not None and (bits.dtype != np.uint8 or bits.shape != (length,)):
            raise NetworkError(
                f"{name}.{part} is {bits.dtype} of shape {bits.shape}; the shape {tuple(sizes)} "
                f"needs uint8 of shape ({length},)"
            )
    if min(sizes, default=0) < 0:
        raise NetworkError(f"{name}.shape is {tuple(sizes)}; no size can be below 0")
    plus = np.unpackbits(tensors["plus"].astype(np.uint8), count=count).astype(np.int8)
    if "minus" not in tensors:
        return (2 * plus - 1).reshape(sizes)
    minus = np.unpackbits(tensors["minus"].astype(np.uint8), count=count).astype(np.int8)
    if np.any(plus & minus):
        raise NetworkError(f"{name} has a weight that is both +1 and -1; the file is damaged")
    return (plus - minus).reshape(sizes)
