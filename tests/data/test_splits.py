from pathlib import Path

from signflip.data.sources import FILES
from signflip.data.splits import has_split


def test_which_data_sets_keep_parts_apart(tmp_path: Path) -> None:
    assert has_split("mnist", "train")
    assert not has_split("mnist-sample", "train")
    assert not has_split(tmp_path / "absent.npz", "train")
    (tmp_path / "raw").mkdir()
    for name in FILES["train"]:
        (tmp_path / "raw" / name).touch()
    assert has_split(tmp_path, "train")
    assert not has_split(tmp_path, "test")
    parquet = tmp_path / "parquet"
    parquet.mkdir()
    (parquet / "train-0.parquet").touch()
    assert has_split(parquet, "train")
    assert not has_split(parquet, "test")  # though it has images for whoever asks
