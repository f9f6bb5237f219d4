"""Reader of IDX files, the format that MNIST and Fashion-MNIST are published in.

A header of big-endian numbers (two bytes 0, type, number of axes, 4 bytes a size) stands before
the data: http://yann.lecun.com/exdb/mnist. The type here is always 8, unsigned bytes.
"""

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from signflip.errors import DataError
from signflip.files import unreadable

_UNSIGNED_BYTE = 8


def read_idx(path: Path, axes: int) -> npt.NDArray[np.uint8]:
    """The uint8 array of an IDX file, plain or compressed with gzip (name ends in `.gz`).

    Args:
        path: the file.
        axes: the number of axes it must have: 3 for images, 1 for labels.

    Raises:
        DataError: the file cannot be read or breaks a rule of the format.
    """
    data = read_bytes(path)
    expected = bytes([0, 0, _UNSIGNED_BYTE, axes])
    if data[:4] != expected:
        raise DataError(
            f"{path} starts with {data[:4].hex(' ') or 'nothing'}; an IDX file of bytes with "
            f"{axes} axes starts with {expected.hex(' ')}: is it the right file?"
        )
    start = 4 + 4 * axes
    shape = tuple(np.frombuffer(data[4:start], dtype=">u4").tolist()) if len(data) >= start else ()
    if not shape or len(data) != start + prod(shape):
        promise = f"{prod(shape)} bytes {shape}" if shape else f"{axes} sizes"
        raise DataError(
            f"{path} holds {max(0, len(data) - start)} bytes of data and its header promises "
            f"{promise}; get the file again"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def read_bytes(path: Path) -> bytes:
    """The contents of a file, without the compression if its name ends in `.gz`.

    Raises:
        DataError: the file cannot be read, or is no whole gzip file.
    """
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is no whole gzip file ({error}); get the file again") from error
    except OSError as error:
        raise unreadable(path, error, DataError) from error
