"""Images to attack and to train on: published data sets, embedded samples, `.npz` files."""

from importlib.resources import as_file, files
from pathlib import Path

from signflip.data.idx import read_idx
from signflip.data.image_set import ImageSet
from signflip.data.npz import read_npz, read_witnesses
from signflip.data.sources import FILES, SOURCES, locate
from signflip.errors import DataError

__all__ = ["SAMPLES", "ImageSet", "dataset_names", "load_dataset", "read_witnesses"]

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
        name: one of `dataset_names()`, or a `.npz` file that holds `images`, (N, inputs) or
            (N, height, width), uint8 or floats in [0, 1], and `labels` (N,), integers.
        split: `test` or `train`, for `mnist` and `fashion-mnist`. Samples and files have one split,
            which is for testing.
        data_dir: folder of the IDX files, plain or .gz, in itself or in a folder called as the data
            set. None to look in the folder that `SIGNFLIP_DATA` names, then in the system's, and
            then to download.

    Raises:
        DataError: there is no such data set or split, files are missing or damaged, or the
            download fails.
    """
    if split not in FILES:
        raise DataError(f"the split is {split!r}; it must be 'test' or 'train'")
    if name in SOURCES:
        source = SOURCES[str(name)]
        images, labels = locate(source, split, None if data_dir is None else Path(data_dir))
        return ImageSet.of_arrays(source.name, read_idx(images, axes=3), read_idx(labels, axes=1))
    if split != "test":
        raise DataError(f"{name} has no split {split!r}; of {', '.join(SOURCES)} there is one")
    if name in SAMPLES:
        with as_file(files("signflip.data").joinpath("samples", f"{name}.npz")) as path:
            return _load_npz(path, str(name))
    if Path(name).suffix == ".npz":
        return _load_npz(Path(name), str(name))
    raise DataError(
        f"no data set is called {str(name)!r}; give one of {', '.join(dataset_names())}, or a "
        ".npz file"
    )


def _load_npz(path: Path, name: str) -> ImageSet:
    arrays = read_npz(path, name, ("images", "labels"))
    for key in ("images", "labels"):
        if key not in arrays:
            raise DataError(f"{name} has no array {key!r}; it must hold 'images' and 'labels'")
    return ImageSet.of_arrays(name, arrays["images"], arrays["labels"])
