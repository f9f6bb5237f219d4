import logging
import os
from pathlib import Path

import pytest

from signflip import compiled_files
from signflip.compiled_files import CompiledFiles, CompiledSet, code_is_kept

KEY = ("float64", 3)


@pytest.fixture(autouse=True)
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The refusals of the test's own."""
    found: list[str] = []
    monkeypatch.setattr(compiled_files, "_refusals", found)
    return found


def unwritable(folder: Path) -> Path:
    """A folder that cannot be, whoever asks: root may write into any other."""
    (folder / "file").touch()
    return folder / "file" / "__pycache__"


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    files = CompiledFiles([tmp_path], "f-1", "sources")
    assert files.load(KEY) is None
    files.save(KEY, "code")
    files.save(("int64", 3), "other code")
    assert CompiledFiles([tmp_path], "f-1", "sources").load(KEY) == "code"
    assert files.load(("int64", 3)) == "other code"
    assert CompiledFiles([tmp_path], "f-2", "sources").load(KEY) is None


@pytest.mark.parametrize("damage", ["empty", "short", "changed"])
def test_a_damaged_file_counts_as_none_and_is_replaced(tmp_path: Path, damage: str) -> None:
    files = CompiledFiles([tmp_path], "f-1", "sources")
    files.save(KEY, "code")
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    if damage == "changed":
        data[-3] ^= 1
    path.write_bytes(data[: {"empty": 0, "short": len(data) - 1}.get(damage)])
    assert files.load(KEY) is None
    files.save(KEY, "code")
    assert files.load(KEY) == "code"


def test_code_of_other_sources_is_removed_and_that_of_other_functions_stays(tmp_path: Path) -> None:
    CompiledFiles([tmp_path], "f-1", "old").save(KEY, "old code")
    CompiledFiles([tmp_path], "f-10", "old").save(KEY, "code of another")
    (tmp_path / "f-1.py").touch()
    files = CompiledFiles([tmp_path], "f-1", "new")
    assert files.load(KEY) is None
    files.save(KEY, "new code")
    assert CompiledFiles([tmp_path], "f-1", "old").load(KEY) is None
    assert CompiledFiles([tmp_path], "f-10", "old").load(KEY) == "code of another"
    assert (tmp_path / "f-1.py").exists()
    files.flush()
    assert files.load(KEY) is None


def test_the_next_folder_is_taken_where_one_cannot_be_written(tmp_path: Path) -> None:
    files = CompiledFiles([unwritable(tmp_path), tmp_path / "new" / "own"], "f", "sources")
    files.save(KEY, "code")
    assert files.load(KEY) == "code"
    assert code_is_kept()


def test_no_folder_can_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    closed = unwritable(tmp_path)
    with caplog.at_level(logging.WARNING):
        for name in "fg":
            CompiledFiles([closed], name, "sources").save(KEY, "code")
    assert not code_is_kept()
    (message,) = caplog.messages
    assert message == (
        "compiled code cannot be kept, so that each start takes half a minute longer: none of "
        f"{closed} (Not a directory) can be written; set NUMBA_CACHE_DIR to a folder that can"
    )


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_what_another_user_has_kept_is_read(tmp_path: Path) -> None:
    CompiledFiles([tmp_path], "f", "sources").save(KEY, "code")
    tmp_path.chmod(0o555)
    try:
        assert CompiledFiles([tmp_path], "f", "sources").load(KEY) == "code"
    finally:
        tmp_path.chmod(0o755)


def test_a_home_that_nobody_knows_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr("numba.core.config.CACHE_DIR", "")
    assert list(compiled_files._folders(tmp_path / "f.py")) == [tmp_path / "__pycache__"]
    monkeypatch.setattr("numba.core.config.CACHE_DIR", "/chosen")
    assert next(compiled_files._folders(tmp_path / "f.py")).parent == Path("/chosen")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source whose code is kept beside it."""
    monkeypatch.setattr("numba.core.config.CACHE_DIR", "")
    return tmp_path / "compiled.py"


def test_a_set_is_complete_until_a_source_changes(source: Path) -> None:
    made = CompiledSet(source, "sources")
    assert not made.is_complete("walk")
    made.set_complete("walk")
    assert CompiledSet(source, "sources").is_complete("walk")
    assert not made.is_complete("exact")
    assert not CompiledSet(source, "other sources").is_complete("walk")
    (kept,) = (source.parent / "__pycache__").iterdir()
    kept.unlink()
    assert not made.is_complete("walk")


def test_a_set_is_not_complete_where_code_cannot_be_kept(source: Path, refusals: list[str]) -> None:
    refusals.append("f")
    made = CompiledSet(source, "sources")
    made.set_complete("walk")
    assert not made.is_complete("walk")
    assert not (source.parent / "__pycache__").exists()
