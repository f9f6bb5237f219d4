import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from signflip.errors import DataError, ProblemError
from signflip.many.masks import load_mask

FREE = np.arange(784) % 3 == 0


def written(folder: Path, kind: str) -> Path:
    path = folder / f"mask.{kind}"
    if kind == "npy":
        np.save(path, FREE)
    elif kind == "npz":
        np.savez_compressed(path, mask=FREE)
    else:
        Image.fromarray(np.where(FREE, 255, 0).astype(np.uint8).reshape(28, 28)).save(path)
    return path


@pytest.mark.parametrize("kind", ["npy", "npz", "png"])
def test_a_mask_is_read(kind: str, tmp_path: Path) -> None:
    np.testing.assert_array_equal(load_mask(written(tmp_path, kind)).free.ravel(), FREE)


@pytest.mark.parametrize("kind", ["npy", "npz", "png"])
def test_a_damaged_mask_is_refused_or_read(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path, kind)
    whole, random = path.read_bytes(), np.random.default_rng(zlib.crc32(kind.encode()))
    refused = 0
    for _ in range(200):
        data = bytearray(whole)
        for place in random.integers(min(len(data), 300), size=3):
            data[place] = random.integers(256)
        path.write_bytes(data[: random.integers(1, len(data))] if refused % 5 == 0 else data)
        try:
            load_mask(path)
        except (DataError, ProblemError):
            refused += 1
    assert refused > 50


def test_a_picture_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(DataError, match="is too large for a picture"):
        load_mask(path)
