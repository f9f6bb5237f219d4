import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from signflip.data import load_dataset
from signflip.errors import SignflipError
from signflip.files import write_bytes
from signflip.formats.native import load_network
from signflip.many.grid import read_plan
from signflip.many.masks import load_mask
from signflip.queries.vnnlib import read_property


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    assert path.read_bytes() == b"old"
    write_bytes(path, b"")
    assert path.read_bytes() == b""
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fault", ["os.fsync", "pathlib.Path.replace"])
def test_a_failure_leaves_the_old_file_and_no_other(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fault, fail)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stands_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    seen = []
    fsync = os.fsync

    def watch(descriptor: int) -> None:
        fsync(descriptor)
        seen.append(path.read_bytes())

    monkeypatch.setattr(os, "fsync", watch)
    write_bytes(path, b"new")
    assert seen == [b"old"]
    assert path.read_bytes() == b"new"


def test_the_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.write_bytes(b"")
    write_bytes(ours, b"")
    assert stat.S_IMODE(ours.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_bytes(tmp_path / "folder", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        write_bytes(tmp_path / "absent" / "file", b"")


@pytest.mark.parametrize("mode", ["missing", "folder", "closed", "beneath a file"])
@pytest.mark.parametrize(
    ("read", "name"),
    [
        (load_network, "net.safetensors"),
        (load_dataset, "images.npz"),
        (load_mask, "mask.npy"),
        (load_mask, "mask.png"),
        (read_plan, "grid.toml"),
        (read_property, "property.vnnlib"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(
    read: Callable[[Path], object],
    name: str,
    mode: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, mend = tmp_path / name, "name one that is there"
    if mode == "folder":
        path.mkdir()
        mend = "name a file"
    elif mode == "beneath a file":
        (tmp_path / "file").touch()
        path, mend = tmp_path / "file" / name, "name another"
    elif mode == "closed":
        path.touch()
        mend = "ask for the right to read it"

        def refuse(self: Path, *_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

        monkeypatch.setattr("builtins.open", refuse)
        monkeypatch.setattr("io.open", refuse)
    with pytest.raises(SignflipError, match=f"{name} cannot be read: .*; .*{mend}"):
        read(path)
