from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from signflip.cli import cli
from signflip.formats.native import network_to_bytes
from signflip.formats.onnx_write import write_onnx
from signflip.network import BinaryNetwork, InputRange, OutputLayer, SignLayer
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


def test_what_is_no_input_is_said(witnesses: Path, tmp_path: Path) -> None:
    with np.load(witnesses) as kept:
        index, images = kept["index"], kept["images"]
    assert "no images that the network reads" not in run(NETWORK, str(witnesses))[1]
    moved = tmp_path / "moved.npz"
    images[1, 7] = 1.5
    np.savez(moved, index=index, images=images)
    code, text = run(NETWORK, str(moved))
    assert code == 0
    said = "1 of 2 witnesses are no images that the network reads: pixel 7 of that of image 3"
    assert f"{said} is 1.5, and inputs are [0, 1]" in " ".join(text.split())


def test_originals_are_read_as_the_network_reads_them(tmp_path: Path) -> None:
    hidden = SignLayer.dense(np.ones((1, 4), dtype=np.int8), np.array([500.0]))
    output = OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2))
    network = tmp_path / "net.safetensors"
    made = BinaryNetwork((hidden,), output, input_range=InputRange(upper=255, step=1))
    network.write_bytes(network_to_bytes(made))
    np.savez(tmp_path / "images.npz", images=np.full((1, 2, 2), 130, dtype=np.uint8))
    np.savez(tmp_path / "w.npz", index=np.array([0]), images=np.full((1, 4), 120.0))
    code, text = run(
        str(network), str(tmp_path / "w.npz"), "--images", str(tmp_path / "images.npz")
    )
    assert code == 0
    row = next(line.split() for line in text.splitlines() if line.strip(" │").startswith("0 "))
    assert row[1::2][:4] == ["0", "0", "1", "10.0"]
    np.savez(tmp_path / "images.npz", images=np.full((1, 3, 3), 130, dtype=np.uint8))
    text = run(str(network), str(tmp_path / "w.npz"), "--images", str(tmp_path / "images.npz"))[1]
    assert "holds images of 9 values" in text


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
    np.savez(few, index=np.array([2**63 + 5], dtype=np.uint64), images=np.zeros((1, 784)))
    assert "an index is 9223372036854775813; indices count" in run("mnist-2x100", str(few))[1]
    np.savez(few, images=np.zeros((1, 784)))
    assert "has no array 'index'; witnesses have" in run("mnist-2x100", str(few))[1]
    np.savez(few, index=np.zeros(3), images=np.zeros((1, 784)))
    assert "index is float64 of shape (3,)" in run("mnist-2x100", str(few))[1]
