"""Pictures: PNG, JPEG and other files that Pillow reads, one by one or in folders."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.errors import DataError
from signflip.files import unreadable

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".bmp",
    ".gif",
    ".ppm",
    ".pgm",
    ".pbm",
    ".tif",
    ".tiff",
    ".webp",
)
_MOST_DIGITS = 18  # of a label, as int64 holds it
_GREY = {"1", "L", "I;16", "I;16B", "I;16L", "I", "LA"}


def is_picture(path: Path) -> bool:
    """Whether a file's name ends as one of a picture."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read_picture(source: Path | IO[bytes], name: str) -> Floats:
    """A picture (height, width) or (height, width, 3), float64 in [0, 1].

    Args:
        source: the file.
        name: what to call it in errors.

    Raises:
        DataError: the file cannot be read, is no picture, or has an alpha that matters.
    """
    from PIL import Image, UnidentifiedImageError  # most images come from other files

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(source) as picture:
                return _pixels(name, picture)
    except UnidentifiedImageError as error:
        raise DataError(f"{name} is no picture that can be read; get the file again") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{name} is too large for a picture: {error}") from error
    except OSError as error:
        raise unreadable(name, error, DataError) from error
    except (ValueError, SyntaxError, EOFError) as error:  # what Pillow raises for damaged files
        raise DataError(f"{name} is no whole picture ({error}); get the file again") from error


def _pixels(name: str, picture: "Image.Image") -> Floats:
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        alpha = np.asarray(picture.convert("RGBA"))[..., 3]
        if alpha.min() < 255:
            raise DataError(
                f"{name} is transparent in places, and networks see no such colour; save it "
                "without alpha"
            )
    if picture.mode.startswith("I"):
        values: Floats = np.asarray(picture).astype(np.float64) / 65535
        if not 0 <= values.min() <= values.max() <= 1:
            raise DataError(
                f"{name} has levels beyond 16 bits; save it with 8 or 16 bits a channel"
            )
        return values
    if picture.mode == "F":
        raise DataError(f"{name} holds real numbers; save it with 8 bits, or use an .npz file")
    levels = np.asarray(picture.convert("L" if picture.mode in _GREY else "RGB"))
    return levels.astype(np.float64) / 255


def read_folder(folder: Path) -> tuple[Floats, Integers | None]:
    """Pictures (N, height, width[, 3]) float64 in [0, 1], and labels (N,) if there are classes.

    Pictures lie in the folder itself, in the order of their names, or in a folder for each class,
    as torchvision and Hugging Face have them. Where the names of all classes are whole numbers they
    are the labels; else the classes are counted in the order of their names.

    Raises:
        DataError: there is no picture, one cannot be read, there are pictures beside classes, or
            they differ in shape.
    """
    try:
        own = sorted(path for path in folder.iterdir() if path.is_file() and is_picture(path))
        classes = [(path, _in_class(path)) for path in sorted(_folders_of(folder))]
    except OSError as error:
        raise unreadable(folder, error, DataError) from error
    classes = [(path, files) for path, files in classes if files]
    if own and classes:
        raise DataError(
            f"{folder} has pictures itself and in {classes[0][0].name}; give a folder of pictures, "
            "or one with a folder for each class"
        )
    if not own and not classes:
        raise DataError(
            f"{folder} has no pictures ({', '.join(SUFFIXES)}), neither in itself nor in a folder "
            "for each class"
        )
    if own:
        return _stacked(own), None
    labels = _labels([path.name for path, _ in classes])
    files = [file for _, those in classes for file in those]
    counts = [len(those) for _, those in classes]
    return _stacked(files), np.repeat(np.array(labels, dtype=np.int64), counts)


def _folders_of(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._"]


def _in_class(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and is_picture(path))


def _labels(names: Sequence[str]) -> list[int]:
    if all(name.isascii() and name.isdigit() for name in names):
        return [_label(name) for name in names]
    return list(range(len(names)))


def _label(name: str) -> int:
    if len(name) > _MOST_DIGITS:
        raise DataError(
            f"the folder {name} is called by a number that is no label; labels count classes from "
            "0: rename it"
        )
    return int(name)


def _stacked(files: Sequence[Path]) -> Floats:
    return stacked([(str(path), read_picture(path, str(path))) for path in files])


def stacked(pictures: Sequence[tuple[str, Floats]]) -> Floats:
    """One array (N, ...) of pictures, each with a name for errors.

    Raises:
        DataError: they differ in shape.
    """
    first, shape = pictures[0][0], pictures[0][1].shape
    for name, picture in pictures:
        if picture.shape != shape:
            raise DataError(
                f"{name} is of shape {picture.shape} and {first} of {shape}; all must be of one "
                "size and of one kind, grey or colour: convert them"
            )
    return np.stack([picture for _, picture in pictures])
