"""Reader of data sets as Hugging Face publishes them: Parquet files with pictures inside."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.data.pictures import read_picture, stacked
from signflip.errors import DataError, MissingExtraError
from signflip.files import unreadable

IMAGES = ("image", "img")
LABELS = ("label", "labels", "fine_label")


def parquet_files(folder: Path, split: str) -> list[Path]:
    """The Parquet files of a split in a folder, or in its `data` folder, in order."""
    for place in (folder, folder / "data"):
        found = sorted(place.glob("*.parquet")) if place.is_dir() else []
        if found:
            return [path for path in found if path.name.startswith(split)] or found
    return []


def read_parquet(files: Sequence[Path]) -> tuple[Floats, Integers | None]:
    """Pictures (N, height, width[, 3]) float64 in [0, 1], and labels (N,) if there are any.

    Raises:
        DataError: a file cannot be read or holds no pictures, or pictures differ in shape.
        MissingExtraError: Polars is not installed.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise MissingExtraError("polars", "report", "reading Parquet files") from error
    pictures: list[tuple[str, Floats]] = []
    labels: list[int] = []
    for path in files:
        try:
            frame = pl.read_parquet(path)
        except OSError as error:
            raise unreadable(path, error, DataError) from error
        except pl.exceptions.PolarsError as error:
            raise DataError(f"{path} is no whole Parquet file ({error}); get it again") from error
        column = next((name for name in IMAGES if name in frame.columns), None)
        if column is None:
            raise DataError(
                f"{path} has the columns {', '.join(frame.columns)}; pictures must be in one "
                f"called {' or '.join(IMAGES)}"
            )
        for row, cell in enumerate(frame[column].to_list()):
            name = f"{path}, row {row}"
            pictures.append((name, read_picture(io.BytesIO(_bytes(name, cell)), name)))
        labelled = next((name for name in LABELS if name in frame.columns), None)
        if labelled is not None:
            if not frame[labelled].dtype.is_integer():
                raise DataError(f"{path}: the column {labelled!r} holds no whole numbers")
            labels += _labels(path, labelled, frame[labelled].to_list())
    if not pictures:
        raise DataError(f"{files[0]} holds no pictures; at least one is needed")
    whole = len(labels) == len(pictures)
    return stacked(pictures), np.array(labels, dtype=np.int64) if whole else None


def _labels(path: Path, column: str, found: list[int | None]) -> list[int]:
    labels = []
    for row, label in enumerate(found):
        if label is None or label > np.iinfo(np.int64).max:
            what = "empty" if label is None else label
            raise DataError(
                f"{path}, row {row}: the column {column!r} is {what}; each picture needs the "
                "number of a class, or leave the column out"
            )
        labels.append(label)
    return labels


def _bytes(name: str, cell: Any) -> bytes:
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(data, bytes):
        raise DataError(f"{name} holds no picture; it must be the bytes of a PNG or JPEG file")
    return data
