from pathlib import Path

import pytest
import torch

from signflip.errors import SettingError
from signflip.training.checkpoint import check_replaceable, load_checkpoint, save_checkpoint

IDENTITY = {"seed": 1, "hidden": (2, 3)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "run.pt"
    save_checkpoint(file, IDENTITY, {"epoch": 7, "weights": torch.arange(3.0)})
    return file


def test_what_is_saved_is_loaded(path: Path) -> None:
    state = load_checkpoint(path, IDENTITY)
    assert state["epoch"] == 7
    assert state["weights"].tolist() == [0, 1, 2]


def test_saving_replaces_the_file_and_leaves_no_other(path: Path) -> None:
    save_checkpoint(path, IDENTITY, {"epoch": 8})
    assert load_checkpoint(path, IDENTITY) == {"epoch": 8}
    assert list(path.parent.iterdir()) == [path]


def test_another_run_is_named(path: Path) -> None:
    with pytest.raises(SettingError, match="seed 1, not 2"):
        load_checkpoint(path, {**IDENTITY, "seed": 2})


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_a_truncated_file_is_refused(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(SettingError, match="damaged or no checkpoint"):
        load_checkpoint(path, IDENTITY)


def test_a_flipped_bit_in_a_weight_is_seen(path: Path) -> None:
    save_checkpoint(path, IDENTITY, {"weights": torch.full((1000,), 1.5)})
    whole = path.read_bytes()
    place = whole.index(torch.full((10,), 1.5).numpy().tobytes()) + 401
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
    with pytest.raises(SettingError, match="damaged or no checkpoint"):
        load_checkpoint(path, IDENTITY)
    path.write_bytes(whole)
    assert load_checkpoint(path, IDENTITY)["weights"].tolist() == [1.5] * 1000


@pytest.mark.parametrize("content", [{"epoch": 1}, [1, 2], torch.ones(2)])
def test_another_kind_of_file_is_refused(path: Path, content: object) -> None:
    torch.save(content, path)
    with pytest.raises(SettingError, match="damaged or no checkpoint"):
        load_checkpoint(path, IDENTITY)


def test_a_text_file_is_refused(path: Path) -> None:
    path.write_text("no checkpoint at all\n" * 10)
    with pytest.raises(SettingError, match="damaged or no checkpoint"):
        load_checkpoint(path, IDENTITY)


def test_only_checkpoints_are_replaced(path: Path) -> None:
    check_replaceable(path)
    check_replaceable(path.with_name("new.pt"))
    torch.save({"epoch": 1}, path)
    for content in (path.read_bytes(), b"precious", b""):
        path.write_bytes(content)
        with pytest.raises(SettingError, match=r"run.pt' exists and is no checkpoint"):
            check_replaceable(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="nothing to resume"):
        load_checkpoint(tmp_path / "none.pt", IDENTITY)


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be written"):
        save_checkpoint(tmp_path / "none" / "run.pt", IDENTITY, {})
