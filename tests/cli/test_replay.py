from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from signflip.cli import cli
from signflip.formats.onnx_write import write_onnx
from signflip.zoo import load_zoo
from tests.support.absent import unless_package

NETWORK = "mnist-3x30"


@pytest.fixture(scope="module")
def witnesses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("replay") / "w.npz"
    options = ["--epsilon", "0.05", "--method", "fgsm", "--index", "0,3", "--witnesses", str(path)]
    done = CliRunner().invoke(cli, ["attack", NETWORK, "mnist-sample", *options])
    assert done.exit_code == 0, done.output
    return path


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["replay", *arguments])
    return done.exit_code, done.output


def test_witnesses_are_replayed(witnesses: Path) -> None:
    code, text = run(NETWORK, str(witnesses), "--images", "mnist-sample")
    assert code == 0
    assert "2 witnesses replayed exactly" in text
    with np.load(witnesses) as kept:
        classes = load_zoo(NETWORK).predict(kept["images"])
    rows = [line.split() for line in text.splitlines() if line.strip(" │").startswith(("0 ", "3 "))]
    assert [row[3] for row in rows] == [str(c) for c in classes]
    assert all(float(row[7]) <= 0.05 for row in rows)


@unless_package("onnxruntime", "replay in onnxruntime")
def test_and_in_onnxruntime(witnesses: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    write_onnx(load_zoo(NETWORK), path)
    code, text = run(NETWORK, str(witnesses), "--onnx", str(path))
    assert code == 0
    assert "onnxruntime (float64) has another class for 0 of them" in text


def test_bad_files(tmp_path: Path) -> None:
    code, text = run("mnist-2x100", str(tmp_path / "none.npz"))
    assert code == 2
    assert "none.npz cannot be read: No such file" in text
    few = tmp_path / "few.npz"
    np.savez(few, index=np.array([0]), images=np.zeros((1, 5)))
    assert "holds images of 5 inputs, and mnist-2x100 reads 784" in run("mnist-2x100", str(few))[1]
    np.savez(few, index=np.array([500]), images=np.zeros((1, 784)))
    text = run("mnist-2x100", str(few), "--images", "mnist-sample")[1]
    assert "is of images 500 to 500, and mnist-sample has 100" in text
    np.savez(few, images=np.zeros((1, 784)))
    assert "has no array 'index'; witnesses have" in run("mnist-2x100", str(few))[1]
    np.savez(few, index=np.zeros(3), images=np.zeros((1, 784)))
    assert "index is float64 of shape (3,)" in run("mnist-2x100", str(few))[1]
