import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from signflip.data.idx import read_idx
from signflip.errors import DataError
from tests.support.idx import idx_bytes

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@given(
    array=arrays(np.uint8, array_shapes(min_dims=1, max_dims=3, min_side=0)), packed=st.booleans()
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, packed: bool
) -> None:
    path = tmp_path_factory.mktemp("idx") / ("file.gz" if packed else "file")
    path.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    read = read_idx(path, axes=array.ndim)
    assert read.dtype == np.uint8
    assert np.array_equal(read, array)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "starts with nothing; an IDX file of bytes with 3 axes starts with 00 00 08 03"),
        (b"\0\0", "starts with 00 00;"),
        (b"\x89PNG\r\n", "starts with 89 50 4e 47"),
        (idx_bytes([1, 2, 3]), "starts with 00 00 08 01.*is it the right file"),
        (b"\0\0\x0d\3" + bytes(12), "starts with 00 00 0d 03"),  # floats
        (idx_bytes(IMAGES)[:10], "holds 0 bytes of data and its header promises 3 sizes"),
        (idx_bytes(IMAGES)[:-1], r"holds 23 bytes.*promises 24 bytes \(2, 3, 4\); get the file"),
        (idx_bytes(IMAGES) + b"\0", r"holds 25 bytes.*promises 24 bytes"),
        (b"\0\0\x08\3" + b"\xff" * 12, "holds 0 bytes"),
    ],
)
def test_a_broken_file_is_refused(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, axes=3)
    assert str(path) in str(caught.value)


PACKED = gzip.compress(idx_bytes(IMAGES), mtime=0)


@given(length=st.integers(1, len(PACKED) - 1))
def test_a_truncated_gzip_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    path = tmp_path_factory.mktemp("idx") / "images.gz"
    path.write_bytes(PACKED[:length])
    with pytest.raises(DataError, match=r"images.gz is no whole gzip file"):
        read_idx(path, axes=3)


@given(place=st.integers(0, len(PACKED) - 1), bit=st.integers(0, 7))
def test_a_damaged_gzip_file_is_refused_or_the_damage_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    path = tmp_path_factory.mktemp("idx") / "images.gz"
    damaged = bytearray(PACKED)
    damaged[place] ^= 1 << bit
    path.write_bytes(damaged)
    try:
        assert np.array_equal(read_idx(path, axes=3), IMAGES)
    except DataError as error:
        assert "images.gz is no whole gzip file" in str(error)  # noqa: PT017


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent cannot be read: No such file"):
        read_idx(tmp_path / "absent", axes=1)
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        read_idx(tmp_path, axes=1)
