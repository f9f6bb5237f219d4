"""Where the published data sets are: folders of this machine, else a download with a checksum."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from signflip.data.idx import read_bytes
from signflip.errors import DataError

ENVIRONMENT = "SIGNFLIP_DATA"
"""The environment variable that names a folder of data sets."""

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
"""Split -> names of its files, images and labels, which are the same in every data set."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set as it was published: IDX files, compressed with gzip.

    Attributes:
        name: the data set's name.
        checksums: split -> SHA-256 of the published `.gz` files, images and labels.
        labels: split -> SHA-256 of the labels file without compression, which tells data sets
            apart whose files have the same names.
        mirrors: addresses of folders that hold the files, tried in this order.
        folders: folders where a system package puts the files.
        torchvision: what torchvision calls its folder.
    """

    name: str
    checksums: Mapping[str, tuple[str, str]]
    labels: Mapping[str, str]
    mirrors: tuple[str, ...]
    folders: tuple[Path, ...] = ()
    torchvision: str = ""


MNIST = Source(
    name="mnist",
    torchvision="MNIST",
    checksums={
        "train": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        "test": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    },
    labels={
        "train": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "test": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

FASHION_MNIST = Source(
    name="fashion-mnist",
    torchvision="FashionMNIST",
    checksums={
        "train": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        "test": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    },
    labels={
        "train": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "test": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    folders=(Path("/usr/share/datasets/fashion-mnist"),),  # Debian's dataset-fashion-mnist
)

SOURCES = {source.name: source for source in (MNIST, FASHION_MNIST)}


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
                f"the data folder {data_dir} has no {' and '.join(FILES[split])} of {source.name}, "
                f"neither in itself nor in {data_dir / source.name}, plain or .gz; name another "
                "folder, or none to look elsewhere"
            )
        return found
    named = os.environ.get(ENVIRONMENT)
    folders = [(Path(named), f"the folder of {ENVIRONMENT}")] if named else []
    folders += [(folder, "the system's folder") for folder in source.folders if folder.is_dir()]
    for folder, what in folders:
        found = _in_folder(source, split, folder, what)
        if found is not None:
            return found
    images, labels = zip(FILES[split], source.checksums[split], strict=True)
    return _download(source, *images), _download(source, *labels)


def _in_folder(source: Source, split: str, folder: Path, what: str) -> tuple[Path, Path] | None:
    if not folder.is_dir():
        raise DataError(f"{what} is {folder}, which is no folder; name one that exists")
    for own in (folder / source.name, folder / source.torchvision / "raw"):
        pair = pair_in(own, split, source.name)
        if pair is not None:
            return pair
    pair = pair_in(folder, split, source.name)
    return None if pair is None or _belongs_to_another(source, split, pair[1]) else pair


def pair_in(folder: Path, split: str, name: str = "the data set") -> tuple[Path, Path] | None:
    """The IDX files (images, labels) of a split in a folder, plain or .gz; None if there are none.

    Raises:
        DataError: there is one of the two.
    """
    images, labels = (_plain_or_gz(folder / name) for name in FILES[split])
    if images is not None and labels is not None:
        return images, labels
    if images is not None or labels is not None:
        missing = FILES[split][0 if images is None else 1]
        raise DataError(
            f"{folder} has {images or labels} of {name}, and no {missing}, plain or .gz; "
            "put the missing file beside the other"
        )
    return None


def _plain_or_gz(path: Path) -> Path | None:
    candidates = (path, path.with_name(f"{path.name}.gz"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _belongs_to_another(source: Source, split: str, labels: Path) -> bool:
    digest = hashlib.sha256(read_bytes(labels)).hexdigest()
    return any(digest == other.labels[split] for other in SOURCES.values() if other != source)


def _download(source: Source, name: str, checksum: str) -> Path:
    import pooch  # here, and not above: most runs find their files, and it takes long to import

    failures = []
    for mirror in source.mirrors:
        address = f"{mirror}{name}.gz"
        try:
            fetched = pooch.retrieve(
                address,
                known_hash=f"sha256:{checksum}",
                fname=f"{name}.gz",
                path=pooch.os_cache("signflip") / source.name,
                downloader=pooch.HTTPDownloader(progressbar=True, timeout=30),
            )
        # requests' exceptions are OSErrors; pooch reports a wrong checksum by a ValueError
        except (OSError, ValueError) as error:
            failures.append(f"{address}: {error}")
        else:
            return Path(fetched)
    raise DataError(
        f"{name} of {source.name} is in no folder of this machine, and no mirror gave it "
        f"({'; '.join(failures)}); put the IDX files into a folder and name it by --data-dir or "
        f"{ENVIRONMENT}, or use {source.name}-sample, which comes with Signflip"
    )
