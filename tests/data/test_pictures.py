import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from signflip.data import load_dataset
from signflip.data.pictures import read_picture
from signflip.errors import DataError
from tests.support.absent import unless_package
from tests.support.idx import write_split

GREY = np.arange(20, dtype=np.uint8).reshape(4, 5) * 12
COLOUR = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)


def save(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(pixels)
    (picture if mode is None else picture.convert(mode)).save(path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".tiff"])
def test_a_picture_is_a_set_of_one(suffix: str, tmp_path: Path) -> None:
    grey = load_dataset(save(tmp_path / f"grey{suffix}", GREY))
    np.testing.assert_array_equal(grey.images, GREY.reshape(1, -1) / 255)
    assert (grey.shape, grey.labelled) == ((4, 5), False)
    colour = load_dataset(save(tmp_path / f"colour{suffix}", COLOUR))
    np.testing.assert_array_equal(colour.images[0], COLOUR.transpose(2, 0, 1).ravel() / 255)
    assert colour.shape == (3, 4, 5)


def test_jpeg_is_read(tmp_path: Path) -> None:
    found = load_dataset(save(tmp_path / "a.jpg", np.full((8, 8), 128, dtype=np.uint8)))
    np.testing.assert_allclose(found.images, 128 / 255, atol=0.01)


def test_kinds_of_pictures(tmp_path: Path) -> None:
    black_and_white = save(tmp_path / "1.png", np.array([[0, 255]], dtype=np.uint8), "1")
    assert read_picture(black_and_white, "").tolist() == [[0, 1]]
    palette = save(tmp_path / "p.png", COLOUR[:1, :1], "P")
    assert read_picture(palette, "").shape == (1, 1, 3)
    deep = save(tmp_path / "16.png", np.array([[0, 1, 65535]], dtype=np.uint16))
    assert read_picture(deep, "").tolist() == [[0, 1 / 65535, 1]]
    opaque = save(tmp_path / "a.png", np.full((2, 2, 4), 255, dtype=np.uint8))
    assert read_picture(opaque, "").shape == (2, 2, 3)
    with pytest.raises(DataError, match=r"half.png is transparent in places"):
        load_dataset(save(tmp_path / "half.png", np.full((2, 2, 4), 100, dtype=np.uint8)))


def test_a_folder_of_pictures_has_no_labels(tmp_path: Path) -> None:
    for number in (2, 0, 1):
        save(tmp_path / f"{number}.png", GREY + number)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_bytes(b"no picture")
    found = load_dataset(tmp_path)
    np.testing.assert_array_equal(found.images[:, 0] * 255, [0, 1, 2])
    assert not found.labelled
    assert found.name == str(tmp_path)


@pytest.mark.parametrize(
    ("names", "labels"),
    [(["cat", "dog"], [0, 0, 1, 1]), (["10", "9"], [10, 10, 9, 9]), (["00", "x"], [0, 0, 1, 1])],
)
def test_a_folder_for_each_class(tmp_path: Path, names: list[str], labels: list[int]) -> None:
    for name in names:
        save(tmp_path / name / "a.png", COLOUR)
        save(tmp_path / name / "deep" / "b.png", COLOUR)
    (tmp_path / "empty").mkdir()
    found = load_dataset(tmp_path)
    assert found.labels.tolist() == labels
    assert found.shape == (3, 4, 5)


def test_splits_of_a_folder(tmp_path: Path) -> None:
    for split, names in (("train", "abc"), ("test", "ab")):
        for name in names:
            save(tmp_path / split / name / "a.png", GREY)
    assert load_dataset(tmp_path).labels.tolist() == [0, 1]
    assert load_dataset(tmp_path, "train").labels.tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="has no split 'train': no folder of that name"):
        load_dataset(tmp_path / "test", "train")


def test_folders_of_torchvision(tmp_path: Path) -> None:
    write_split(tmp_path / "MNIST" / "raw", "test", np.full((2, 28, 28), 7), [3, 1])
    for found in (load_dataset("mnist", data_dir=tmp_path), load_dataset(tmp_path / "MNIST")):
        assert found.labels.tolist() == [3, 1]
        assert found.shape == (28, 28)


@unless_package("polars", "Parquet files of pictures")
@pytest.mark.parametrize("labelled", [True, False])
def test_parquet_files_of_hugging_face(tmp_path: Path, labelled: bool) -> None:
    import polars as pl

    def cell(pixels: np.ndarray) -> dict[str, object]:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format="png")
        return {"bytes": buffer.getvalue(), "path": "a.png"}

    (tmp_path / "data").mkdir()
    for split, count in (("train", 3), ("test", 2)):
        columns: dict[str, list[object]] = {"image": [cell(GREY + k) for k in range(count)]}
        if labelled:
            columns["label"] = list(range(count))
        pl.DataFrame(columns).write_parquet(tmp_path / "data" / f"{split}-00000-of-00001.parquet")
    found = load_dataset(tmp_path)
    np.testing.assert_array_equal(found.images[:, 0] * 255, [0, 1])
    assert found.labels.tolist() == ([0, 1] if labelled else [-1, -1])
    assert len(load_dataset(tmp_path, "train")) == 3
    assert len(load_dataset(tmp_path / "data" / "train-00000-of-00001.parquet")) == 3
    bad = tmp_path / "bad.parquet"
    for label, what in ((None, "empty"), (2**63, "9223372036854775808")):
        labels = pl.Series([0, label], dtype=pl.UInt64)
        pl.DataFrame({"image": [cell(GREY)] * 2, "label": labels}).write_parquet(bad)
        with pytest.raises(DataError, match=f"bad.parquet, row 1: the column 'label' is {what};"):
            load_dataset(bad)
    pl.DataFrame({"text": ["a"]}).write_parquet(bad)
    with pytest.raises(DataError, match="has the columns text; pictures must be in one called im"):
        load_dataset(bad)
    bad.write_bytes(b"no parquet")
    with pytest.raises(DataError, match="no whole Parquet file"):
        load_dataset(bad)


def test_npy_files(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GREY[None])
    assert load_dataset(tmp_path / "a.npy").shape == (4, 5)
    (tmp_path / "a.npy").write_bytes(b"text")
    with pytest.raises(DataError, match=r"a.npy is no whole .npy file"):
        load_dataset(tmp_path / "a.npy")
    with pytest.raises(DataError, match=r"b.npy cannot be read: No such file"):
        load_dataset(tmp_path / "b.npy")


def test_what_is_wrong_with_pictures_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_bytes(b"text")
    with pytest.raises(DataError, match=r"text.png is no picture that can be read"):
        load_dataset(tmp_path / "text.png")
    with pytest.raises(DataError, match=r"absent.png cannot be read: No such file"):
        load_dataset(tmp_path / "absent.png")
    noise = np.random.default_rng(0).integers(0, 255, (50, 50, 3)).astype(np.uint8)
    cut = save(tmp_path / "cut.png", noise)
    cut.write_bytes(cut.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"cut.png .*truncated"):
        load_dataset(cut)
    huge = Image.new("1", (20_000, 20_000))
    huge.save(tmp_path / "huge.png")
    with pytest.raises(DataError, match=r"huge.png is too large"):
        load_dataset(tmp_path / "huge.png")


def test_what_is_wrong_with_folders_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no pictures \(.png, "):
        load_dataset(tmp_path)
    save(tmp_path / "class" / "a.png", GREY)
    save(tmp_path / "b.png", GREY)
    with pytest.raises(DataError, match="has pictures itself and in class; give"):
        load_dataset(tmp_path)
    save(tmp_path / "class" / "c.png", COLOUR)
    with pytest.raises(DataError, match=r"c.png is of shape \(4, 5, 3\) and .*a.png of \(4, 5\)"):
        load_dataset(tmp_path / "class")


def test_a_folder_called_by_a_number_that_is_no_label(tmp_path: Path) -> None:
    for name in ("1", "9" * 20):
        save(tmp_path / name / "a.png", GREY)
    with pytest.raises(DataError, match=f"the folder {'9' * 20} .* no label.*: rename it"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("label", "said"), [(None, "row 1: the column 'label' is empty"), (2**64 - 1, str(2**64 - 1))]
)
@unless_package("polars", "Parquet files with labels that are none")
def test_parquet_labels_that_are_none(label: int | None, said: str, tmp_path: Path) -> None:
    import polars as pl

    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, "PNG")
    columns = {"image": [buffer.getvalue()] * 2, "label": [1, label]}
    pl.DataFrame(columns, schema={"image": pl.Binary, "label": pl.UInt64}).write_parquet(
        tmp_path / "a.parquet"
    )
    with pytest.raises(DataError, match=said):
        load_dataset(tmp_path / "a.parquet")
