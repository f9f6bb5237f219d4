"""Each benchmark on an image or two: it measures, stores, prints, and does not measure again."""

from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import (
    attacks_at_size,
    attacks_compared,
    exact_against_milp,
    exact_table,
    proofs,
    two_versions,
    verdicts_agree,
)
from benchmarks.common import Store
from signflip.data import load_dataset
from signflip.zoo import DATASETS
from tests.support.idx import write_split

RUNS: list[tuple[click.Command, tuple[str, ...], tuple[str, ...], int]] = [
    (
        exact_table.main,
        exact_table.KEY,
        ("--architecture", "2x100", "--epsilon", "0.01", "--images", "1"),
        4,
    ),
    (exact_against_milp.main, exact_against_milp.KEY, ("--images", "1"), 8),
    (
        attacks_at_size.main,
        attacks_at_size.KEY,
        ("--table", "sizes", "--cell", "mnist-2x100:0.02", "--method", "walk", "--images", "2"),
        2,
    ),
    (attacks_compared.main, attacks_compared.KEY, ("--images", "2"), 10),
    (verdicts_agree.main, verdicts_agree.KEY, ("--problems", "2"), 14),
    (proofs.main, proofs.KEY, ("--only", "mnist-2x100", "--epsilon", "0.005", "--images", "2"), 2),
]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded samples as the test images of both data sets, repeated to a thousand."""
    for name in DATASETS.values():
        sample = load_dataset(f"{name}-sample")
        pixels = np.tile(np.round(sample.images * 255), (10, 1)).reshape(-1, 28, 28)
        write_split(tmp_path / "data" / name, "test", pixels, np.tile(sample.labels, 10))
    monkeypatch.setenv("SIGNFLIP_DATA", str(tmp_path / "data"))


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("command", "key", "options", "count"),
    RUNS,
    ids=[
        "exact_table",
        "exact_against_milp",
        "attacks_at_size",
        "attacks_compared",
        "verdicts_agree",
        "proofs",
    ],
)
def test_measures_once_and_prints_tables(
    tmp_path: Path,
    command: click.Command,
    key: tuple[str, ...],
    options: tuple[str, ...],
    count: int,
) -> None:
    path = tmp_path / "store.jsonl"
    arguments = ["--out", str(path), "--time-limit", "0.3", "--workers", "1", *options]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    store = Store(path, key)
    rows = store.rows()
    assert len({store.job(row) for row in rows}) == len(rows) == count
    assert "| --- |" in result.stdout
    before = path.read_bytes()
    again = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert again.exit_code == 0
    assert path.read_bytes() == before


@pytest.mark.usefixtures("data")
def test_a_checkout_beside_itself(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    arguments = ["--old", str(two_versions.HERE), "--out", str(path), "--images", "1"]
    arguments += ["--architecture", "2x100", "--runs", "1", "--time-limit", "5"]
    result = CliRunner().invoke(two_versions.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    rows = Store(path, two_versions.KEY).rows()
    assert len(rows) == 10
    assert all(row["old"] > 0 and row["new"] > 0 for row in rows)
    assert "| 2x100 | all | 10 |" in result.stdout
    before = path.read_bytes()
    again = CliRunner().invoke(two_versions.main, arguments, catch_exceptions=False)
    assert again.exit_code == 0
    assert path.read_bytes() == before


def test_a_checkout_that_cannot_run_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "src" / "signflip").mkdir(parents=True)
    (tmp_path / "src" / "signflip" / "__init__.py").write_text("")
    arguments = ["--old", str(tmp_path), "--out", str(tmp_path / "store.jsonl"), "--images", "1"]
    result = CliRunner().invoke(two_versions.main, arguments)
    assert result.exit_code == 2
    assert "the process of one version ended" in result.stderr


def test_missing_images_are_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNFLIP_DATA", str(tmp_path / "nowhere"))
    arguments = ["--out", str(tmp_path / "store.jsonl"), "--images", "1", "--workers", "1"]
    result = CliRunner().invoke(attacks_compared.main, arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: the folder of SIGNFLIP_DATA is")
