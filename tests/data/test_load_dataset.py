import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signflip.data import SAMPLES, dataset_names, load_dataset
from signflip.data.sources import FASHION_MNIST, FILES, MNIST, SOURCES, Source
from signflip.errors import DataError
from tests.support.idx import write_split

NO_ADDRESS: tuple[str, ...] = ()


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder of this machine, and no download."""
    monkeypatch.delenv("SIGNFLIP_DATA", raising=False)
    for source in (MNIST, FASHION_MNIST):
        replace_source(monkeypatch, source, folders=(), mirrors=NO_ADDRESS)


def replace_source(monkeypatch: pytest.MonkeyPatch, source: Source, **changes: object) -> None:
    changed = Source(**{**vars(source), **changes})
    monkeypatch.setitem(SOURCES, source.name, changed)


def write(folder: Path, grey: int, split: str = "test", *, packed: bool = True) -> None:
    """Two images of one grey level, labelled 3 and 1."""
    write_split(folder, split, np.full((2, 28, 28), grey), [3, 1], packed=packed)


def grey(name: str | Path, split: str = "test", data_dir: str | Path | None = None) -> int:
    """The grey level of the images that are found."""
    images = load_dataset(name, split, data_dir)
    assert images.images.shape == (2, 784)
    assert images.labels.tolist() == [3, 1]
    return round(float(images.images[0, 0]) * 255)


# --- folders --------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("inner", ["", "mnist"])
@pytest.mark.parametrize("split", ["test", "train"])
def test_files_of_a_data_folder_are_read(
    inner: str, split: str, packed: bool, tmp_path: Path
) -> None:
    write(tmp_path / inner, 7, split, packed=packed)
    assert grey("mnist", split, tmp_path) == 7
    assert grey("mnist", split, str(tmp_path)) == 7
    other = {"test": "train", "train": "test"}[split]
    with pytest.raises(DataError, match=f"has no {FILES[other][0]} and {FILES[other][1]} of mnist"):
        load_dataset("mnist", other, tmp_path)


def test_places_are_searched_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = ("argument/fashion-mnist", "argument", "variable", "system")
    for level, folder in enumerate(folders, start=2):
        write(tmp_path / folder, level)
    replace_source(monkeypatch, FASHION_MNIST, folders=(tmp_path / "no", tmp_path / "system"))
    assert grey("fashion-mnist") == 5
    monkeypatch.setenv("SIGNFLIP_DATA", str(tmp_path / "variable"))
    assert grey("fashion-mnist") == 4
    assert grey("fashion-mnist", data_dir=tmp_path / "argument") == 2
    assert grey("mnist", data_dir=tmp_path / "argument") == 3


def test_a_folder_of_the_variable_may_lack_a_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "data" / "mnist", 5)
    write(tmp_path / "system", 6)
    monkeypatch.setenv("SIGNFLIP_DATA", str(tmp_path / "data"))
    replace_source(monkeypatch, FASHION_MNIST, folders=(tmp_path / "system",))
    assert grey("mnist") == 5
    assert grey("fashion-mnist") == 6


def test_an_empty_variable_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNFLIP_DATA", "")
    with pytest.raises(DataError, match="no mirror gave it"):
        load_dataset("mnist")


def test_a_missing_data_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = tmp_path / "absent"
    with pytest.raises(DataError, match=f"the data folder is {absent}, which is no folder"):
        load_dataset("mnist", data_dir=absent)
    monkeypatch.setenv("SIGNFLIP_DATA", str(absent))
    with pytest.raises(DataError, match=f"the folder of SIGNFLIP_DATA is {absent}, which is no"):
        load_dataset("mnist")


@pytest.mark.parametrize("missing", FILES["test"])
def test_images_without_labels_are_refused(missing: str, tmp_path: Path) -> None:
    write(tmp_path, 0)
    (tmp_path / f"{missing}.gz").unlink()
    with pytest.raises(DataError, match=f"of mnist, and no {missing}, plain or .gz"):
        load_dataset("mnist", data_dir=tmp_path)


def test_images_and_labels_must_be_as_many(tmp_path: Path) -> None:
    write_split(tmp_path, "test", np.zeros((3, 28, 28)), [1, 2])
    with pytest.raises(DataError, match=r"mnist: 3 images and labels of shape \(2,\)"):
        load_dataset("mnist", data_dir=tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, 0, packed=False)
    path = tmp_path / FILES["test"][0]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=f"{path} holds 84 bytes"):
        load_dataset("mnist", data_dir=tmp_path)


# --- .npz files -----------------------------------------------------------------------------------

ARRAYS: dict[str, Any] = {
    "images": np.full((2, 28, 28), 9, dtype=np.uint8),
    "labels": np.array([3, 1]),
}


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, allow_pickle=True, **arrays)
    return path


@pytest.mark.parametrize("compressed", [True, False])
def test_an_npz_file_is_read(compressed: bool, tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    (np.savez_compressed if compressed else np.savez)(path, **ARRAYS, other=np.zeros(3))
    assert grey(path) == 9
    assert grey(str(path)) == 9
    assert load_dataset(path).name == str(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": ARRAYS["labels"]}, "has no array 'images'"),
        ({}, "has no array 'images'"),
        ({**ARRAYS, "labels": np.zeros(2)}, "labels are float64"),
        ({**ARRAYS, "images": np.full((2, 784), 256)}, "pixel 0 of image 0 is 256; integers must"),
        ({**ARRAYS, "images": np.full((2, 784), np.nan)}, "pixel 0 of image 0 is nan"),
        ({**ARRAYS, "images": np.full((2, 784), 255.0)}, "is 255.0.*divide 8-bit values"),
        ({**ARRAYS, "images": np.zeros(784)}, r"shape \(784,\)"),
        ({**ARRAYS, "images": np.array([{}, {}])}, "no whole .npz file of plain arrays"),
    ],
)
def test_a_broken_npz_file_is_refused(
    arrays: dict[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    path = npz(tmp_path / "own.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(path)
    assert str(path) in str(caught.value)


def saved() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **ARRAYS)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        saved()[:-30],
        saved()[:60],
        saved().replace(saved()[60:80], bytes(20)),
    ],
    ids=["empty", "text", "cut", "cut short", "damaged"],
)
def test_a_file_that_is_no_npz_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"own.npz is no whole .npz file.*numpy.savez"):
        load_dataset(path)


def test_an_array_without_a_name_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", ARRAYS["images"])
    (tmp_path / "own.npy").rename(tmp_path / "own.npz")
    with pytest.raises(DataError, match=r"own.npz has no array 'images'"):
        load_dataset(tmp_path / "own.npz")


def test_an_npz_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent.npz cannot be read: No such file"):
        load_dataset(tmp_path / "absent.npz")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(DataError, match=r"folder.npz cannot be read: Is a directory"):
        load_dataset(tmp_path / "folder.npz")


# --- names and splits -----------------------------------------------------------------------------


def test_names() -> None:
    assert dataset_names() == ("mnist", "fashion-mnist", "mnist-sample", "fashion-mnist-sample")


@pytest.mark.parametrize("name", [None, 3, b"mnist", ["mnist"], "a\0.npz"])
def test_what_is_no_name_is_refused(name: Any) -> None:
    with pytest.raises(DataError, match=r"^the data set is .*; it must be a path, as a text"):
        load_dataset(name)


@pytest.mark.parametrize("name", ["cifar", "", "MNIST", "images.dat", Path("mnist")])
def test_an_unknown_name_is_refused(name: str | Path) -> None:
    with pytest.raises(DataError, match=f"no data set is called {str(name)!r}; give one of mnist"):
        load_dataset(name)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(DataError, match="the split is 'validation'; it must be 'test' or 'train'"):
        load_dataset("mnist", "validation")


@pytest.mark.parametrize("name", [*SAMPLES, "own.npz"])
def test_only_the_published_sets_have_a_training_split(name: str) -> None:
    with pytest.raises(DataError, match=f"{name} has no split 'train'; of mnist, fashion-mnist"):
        load_dataset(name, "train")
