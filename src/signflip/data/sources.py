"""Where the published data sets are: folders of this machine, else a download with a checksum."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pooch

from signflip.errors import DataError

ENVIRONMENT = "SIGNFLIP_DATA"
"""The environment variable that names a folder of data sets."""

SPLITS = {"train": "train", "test": "t10k"}
"""Split -> how the names of its files start."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set as it was published: four gzip-compressed IDX files.

    Attributes:
        name: the data set's name.
        checksums: file name -> SHA-256 of the published file.
        mirrors: addresses of folders that hold the files, tried in this order.
        folders: folders where a system package puts the files.
    """

    name: str
    checksums: Mapping[str, str]
    mirrors: tuple[str, ...]
    folders: tuple[Path, ...] = ()


SOURCES = {
    source.name: source
    for source in (
        Source(
            name="mnist",
            checksums={
                "train-images-idx3-ubyte.gz": "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "train-labels-idx1-ubyte.gz": "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "t10k-images-idx3-ubyte.gz": "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "t10k-labels-idx1-ubyte.gz": "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            },
            mirrors=(
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
        ),
        Source(
            name="fashion-mnist",
            checksums={
                "train-images-idx3-ubyte.gz": "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "train-labels-idx1-ubyte.gz": "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "t10k-images-idx3-ubyte.gz": "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "t10k-labels-idx1-ubyte.gz": "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            },
            mirrors=(
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            ),
            folders=(Path("/usr/share/datasets/fashion-mnist"),),  # Debian's dataset-fashion-mnist
        ),
    )
}


def locate(source: Source, split: str, data_dir: Path | None) -> tuple[Path, Path]:
    """The files (images, labels) of a split.

    They are looked for in `data_dir`; without one in the folder that `SIGNFLIP_DATA` names, then in
    the system's folders, and last they are downloaded into the user's cache.

    Raises:
        DataError: `data_dir` or the folder of `SIGNFLIP_DATA` is missing, `data_dir` lacks the
            files, a folder holds one file of the two, or the download fails.
    """
    if data_dir is not None:
        found = _in_folder(source, split, data_dir, "the data folder")
        if found is None:
            raise DataError(
                f"the data folder {data_dir} has no {' and '.join(_file_names(split))} of "
                f"{source.name}, neither in itself nor in {data_dir / source.name}, plain or .gz; "
                "name another folder, or none to look elsewhere"
            )
        return found
    named = os.environ.get(ENVIRONMENT)
    folders = [(Path(named), f"the folder of {ENVIRONMENT}")] if named else []
    folders += [(folder, "the system's folder") for folder in source.folders if folder.is_dir()]
    for folder, what in folders:
        found = _in_folder(source, split, folder, what)
        if found is not None:
            return found
    images, labels = _file_names(split)
    return _download(source, f"{images}.gz"), _download(source, f"{labels}.gz")


def _file_names(split: str) -> tuple[str, str]:
    return f"{SPLITS[split]}-images-idx3-ubyte", f"{SPLITS[split]}-labels-idx1-ubyte"


def _in_folder(source: Source, split: str, folder: Path, what: str) -> tuple[Path, Path] | None:
    if not folder.is_dir():
        raise DataError(f"{what} is {folder}, which is no folder; name one that exists")
    for place in (folder / source.name, folder):
        paths = [_plain_or_gz(place / name) for name in _file_names(split)]
        images, labels = paths
        if images is not None and labels is not None:
            return images, labels
        if images is not None or labels is not None:
            missing = next(
                name for name, path in zip(_file_names(split), paths, strict=True) if path is None
            )
            raise DataError(
                f"{place} has images or labels of {source.name}, and no {missing}, plain or .gz; "
                "put the missing file beside the other"
            )
    return None


def _plain_or_gz(path: Path) -> Path | None:
    candidates = (path, path.with_name(f"{path.name}.gz"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _download(source: Source, name: str) -> Path:
    failures = []
    for mirror in source.mirrors:
        try:
            fetched = pooch.retrieve(
                mirror + name,
                known_hash=source.checksums[name],
                fname=name,
                path=pooch.os_cache("signflip") / source.name,
                downloader=pooch.HTTPDownloader(progressbar=True, timeout=30),
            )
        # requests' exceptions are OSErrors; pooch reports a wrong checksum by a ValueError
        except (OSError, ValueError) as error:
            failures.append(f"{mirror}{name}: {error}")
        else:
            return Path(fetched)
    raise DataError(
        f"{name} of {source.name} is in no folder of this machine, and no mirror gave it "
        f"({'; '.join(failures)}); put the IDX files into a folder and name it by --data-dir or "
        f"{ENVIRONMENT}, or use {source.name}-sample, which comes with Signflip"
    )
