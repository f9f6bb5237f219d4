import struct
from pathlib import Path

import numpy as np
import pytest

from signflip.data import load_dataset, read_witnesses
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


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_damaged_file_is_refused_or_holds_arrays(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / f"images{suffix}"
    images = rng.random((3, 4, 4))
    if suffix == ".npy":
        np.save(path, images)
    else:
        np.savez(path, images=images)
    whole = path.read_bytes()
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        # half of them in the header, where a literal of Python stands
        place = int(rng.integers(0, 128 if rng.random() < 0.5 else len(data)))
        data[place : place + int(rng.integers(0, 3))] = rng.bytes(int(rng.integers(0, 3)))
        path.write_bytes(bytes(data))
        try:
            load_dataset(path)
        except DataError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_witnesses_that_are_no_numbers_are_named(tmp_path: Path, value: float) -> None:
    images = np.ones((2, 5))
    images[1, 3] = value
    np.savez(tmp_path / "w.npz", index=np.array([4, 2]), images=images)
    with pytest.raises(DataError, match=rf"w.npz: pixel 3 of the witness of image 2 is {value};"):
        read_witnesses(tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", index=np.array([4, -2]), images=np.ones((2, 5)))
    with pytest.raises(DataError, match=r"w.npz: an index is -2; indices count"):
        read_witnesses(tmp_path / "w.npz")


def test_nobody_is_told_to_load_what_may_run_code(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_text("no arrays")
    np.savez(tmp_path / "b.npz", c=np.array([object()]))
    for name in ("a.npz", "b.npz"):
        with pytest.raises(DataError, match=r"\(it holds objects, or no arrays\)") as caught:
            read_npz(tmp_path / name, name, ("c",))
        assert "allow_pickle" not in str(caught.value)
