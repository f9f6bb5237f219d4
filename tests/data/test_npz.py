import struct
from pathlib import Path

import numpy as np
import pytest

from signflip.data import read_witnesses
from signflip.data.npz import read_npz
from signflip.errors import DataError


def test_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=np.arange(3), b=np.arange(2), c=np.array([object()]))
    found = read_npz(path, "a.npz", ("a", "missing"))
    assert list(found) == ["a"]
    with pytest.raises(DataError, match=r"no whole \.npz file of plain arrays"):
        read_npz(path, "a.npz", ("c",))


def test_a_packing_that_python_lacks(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, images=np.zeros((2, 3)))
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = data.find(mark)
        data[start + place : start + place + 2] = struct.pack("<H", 9)  # Deflate64
    path.write_bytes(data)
    with pytest.raises(DataError, match="packed in a way that cannot be read"):
        read_npz(path, "a.npz", ("images",))


def test_witnesses_are_read_flat(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, index=np.array([4, 2]), images=np.ones((2, 3, 4), dtype=np.float32))
    index, images = read_witnesses(path)
    assert index.tolist() == [4, 2]
    assert images.shape == (2, 12)
    assert images.dtype == np.float64
