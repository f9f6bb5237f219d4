"""Images to attack and to train on: published data sets, embedded samples, files and folders."""

from importlib.resources import as_file, files
from pathlib import Path

from signflip.data.idx import read_idx
from signflip.data.image_set import UNLABELLED, ImageSet
from signflip.data.npz import read_npy, read_npz, read_witnesses
from signflip.data.parquet import parquet_files, read_parquet
from signflip.data.pictures import is_picture, read_folder, read_picture
from signflip.data.sources import FILES, SOURCES, locate, pair_in
from signflip.data.splits import idx_folders
from signflip.errors import DataError
from signflip.files import as_path

__all__ = [
    "SAMPLES",
    "UNLABELLED",
    "ImageSet",
    "dataset_names",
    "load_dataset",
    "read_witnesses",
]

SAMPLES = ("mnist-sample", "fashion-mnist-sample")
"""Names of the samples inside the package, 100 images each; see `samples/README.md`."""


def dataset_names() -> tuple[str, ...]:
    """The names that `load_dataset` knows."""
    return (*SOURCES, *SAMPLES)


def load_dataset(
    name: str | Path, split: str = "test", data_dir: str | Path | None = None
) -> ImageSet:
    """Images and labels of a data set.

    Args:
        name: one of `dataset_names()`; a `.npz` file with `images`, as
            `signflip.data.layout.flat_images` reads them, and `labels` (N,) if there are any; a
            `.npy` file of images; a picture; a folder of pictures, or of one for each class; a
            `.parquet` file, or a folder of those, as Hugging Face has them; a folder of IDX files.
        split: `test` or `train`: of `mnist` and `fashion-mnist`, and of folders that have it.
            Samples and files have one split, which is for testing.
        data_dir: folder of the IDX files, plain or .gz, in itself or in a folder called as the data
            set, or as torchvision calls it. None to look in the folder that `SIGNFLIP_DATA` names,
            then in the system's, and then to download.

    Raises:
        DataError: there is no such data set or split, files are missing or damaged, or the
            download fails.
    """
    if split not in FILES:
        raise DataError(f"the split is {split!r}; it must be 'test' or 'train'")
    path = as_path(name, "the data set", DataError)
    if name in SOURCES:
        source = SOURCES[str(name)]
        images, labels = locate(source, split, None if data_dir is None else Path(data_dir))
        return _of_idx(source.name, images, labels)
    if str(name) and path.suffix not in (".npz", ".npy") and path.is_dir():
        return _load_folder(path, str(name), split)
    if split != "test":
        raise DataError(f"{name} has no split {split!r}; of {', '.join(SOURCES)} there is one")
    if name in SAMPLES:
        with as_file(files("signflip.data").joinpath("samples", f"{name}.npz")) as sample:
            return _load_npz(sample, str(name))
    if path.suffix in (".npz", ".npy"):
        return _load_npz(path, str(name))
    if is_picture(path):
        return ImageSet.of_arrays(str(name), read_picture(path, str(name))[None])
    if path.suffix == ".parquet":
        return ImageSet.of_arrays(str(name), *read_parquet([path]))
    raise DataError(
        f"no data set is called {str(name)!r}; give one of {', '.join(dataset_names())}, a .npz, "
        ".npy or .parquet file, a picture, or a folder of pictures"
    )


def _load_npz(path: Path, name: str) -> ImageSet:
    if path.suffix == ".npy":
        return ImageSet.of_arrays(name, read_npy(path, name))
    arrays = read_npz(path, name, ("images", "labels"))
    if "images" not in arrays:
        raise DataError(f"{name} has no array 'images'; it must hold 'images', and 'labels' if any")
    return ImageSet.of_arrays(name, arrays["images"], arrays.get("labels"))


def _of_idx(name: str, images: Path, labels: Path) -> ImageSet:
    # grey levels, whatever they are: no binary image is meant
    return ImageSet.of_arrays(name, read_idx(images, axes=3) / 255, read_idx(labels, axes=1))


def _load_folder(folder: Path, name: str, split: str) -> ImageSet:
    for place in idx_folders(folder):
        pair = pair_in(place, split)
        if pair is not None:
            return _of_idx(name, *pair)
    parquet = parquet_files(folder, split)
    if parquet:
        return ImageSet.of_arrays(name, *read_parquet(parquet))
    if (folder / split).is_dir():
        return ImageSet.of_arrays(name, *read_folder(folder / split))
    if split != "test":
        raise DataError(f"{name} has no split {split!r}: no folder of that name")
    return ImageSet.of_arrays(name, *read_folder(folder))
