"""Parts of a data set: that to train on, and that to test on."""

from pathlib import Path

from signflip.data.parquet import parquet_files
from signflip.data.sources import SOURCES, pair_in


def has_split(name: str | Path, split: str) -> bool:
    """Whether a data set keeps images for `test` or `train` apart: published ones, and folders."""
    if name in SOURCES:
        return True
    folder = Path(name)
    if not folder.is_dir():
        return False
    if any(pair_in(place, split) for place in idx_folders(folder)):
        return True
    parquet = parquet_files(folder, split)
    return parquet[0].name.startswith(split) if parquet else (folder / split).is_dir()


def idx_folders(folder: Path) -> tuple[Path, Path]:
    """Where the IDX files of a folder may be: in itself, or as torchvision has them."""
    return folder, folder / "raw"
