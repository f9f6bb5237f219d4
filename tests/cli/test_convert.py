from pathlib import Path

import numpy as np

from signflip import load_network
from signflip.data import load_dataset
from signflip.network import InputRange
from signflip.zoo import load_zoo
from tests.cli.conftest import Invoke


def test_out_and_in(tmp_path: Path, invoke: Invoke) -> None:
    onnx, back = tmp_path / "net.onnx", tmp_path / "net.safetensors"
    result = invoke("convert", "mnist-2x100", onnx)
    assert result.exit_code == 0, result.output
    assert "2x100, 784 inputs in [0, 1], 10 classes" in result.stdout
    assert invoke("convert", onnx, back).exit_code == 0
    images = load_dataset("mnist-sample").images
    again = load_network(back).predict(images)
    assert np.array_equal(again, load_zoo("mnist-2x100").predict(images))
    # a converted file is a network like any other
    attacked = invoke(
        "attack", onnx, "mnist-sample", "--index", "0", "--epsilon", "0.01", "--method", "fgsm"
    )
    assert attacked.exit_code == 0, attacked.output


def test_the_range_of_inputs_is_stated(tmp_path: Path, invoke: Invoke) -> None:
    onnx, back = tmp_path / "net.onnx", tmp_path / "net.safetensors"
    invoke("convert", "mnist-2x100", onnx)
    assert invoke("convert", onnx, back, "--inputs", "0:255:1").exit_code == 0
    assert load_network(back).input_range == InputRange(lower=0, upper=255, step=1)
    for text, message in (
        ("0", "no range"),
        ("1:0", "first below the second"),
        ("a:b", "no range"),
    ):
        result = invoke("convert", onnx, back, "--inputs", text, "--overwrite")
        assert result.exit_code == 2
        assert message in result.stderr


def test_the_range_is_stated_for_each_command(tmp_path: Path, invoke: Invoke) -> None:
    onnx, proofs, witnesses = tmp_path / "net.onnx", tmp_path / "proofs", tmp_path / "flips.npz"
    invoke("convert", "mnist-2x100", onnx)
    near = (onnx, "mnist-sample", "--index", "0:2", "--inputs", "0:255", "--epsilon", "0.5")
    attacked = invoke("attack", *near, "--witnesses", witnesses)
    assert attacked.exit_code == 0, attacked.output
    with np.load(witnesses) as found:
        assert 200 < found["images"].max() <= 255
    certified = invoke("certify", *near, "--proofs", proofs)
    assert certified.exit_code == 0, certified.output
    assert invoke("check", proofs, *near[:-2]).exit_code == 0
    other = invoke("check", proofs, *near[:2])
    assert other.exit_code == 1
    assert "that of another network" in other.output
    assert invoke("replay", onnx, witnesses, "--inputs", "0:255").exit_code == 0


def test_a_range_that_is_known_is_not_stated(tmp_path: Path, invoke: Invoke) -> None:
    own = tmp_path / "net.safetensors"
    invoke("convert", "mnist-2x100", own)
    for network in ("mnist-2x100", own):
        result = invoke("certify", network, "mnist-sample", "--epsilon", "1", "--inputs", "0:255")
        assert result.exit_code == 2
        assert f"{network} states the range of its inputs itself" in result.stderr
    result = invoke("verify", tmp_path / "query.ipq", "--inputs", "0:255")
    assert result.exit_code == 2
    assert "leave out --inputs" in result.stderr


def test_nothing_is_replaced_unasked(tmp_path: Path, invoke: Invoke) -> None:
    target = tmp_path / "net.onnx"
    target.write_bytes(b"mine")
    result = invoke("convert", "mnist-2x100", target)
    assert (result.exit_code, target.read_bytes()) == (2, b"mine")
    assert "--overwrite" in result.stderr
    assert invoke("convert", "mnist-2x100", target, "--overwrite").exit_code == 0
    result = invoke("convert", "mnist-2x100", tmp_path / "net.pt")
    assert "must end in .safetensors or .onnx" in result.stderr


def test_where_nothing_can_be_written_is_said_by_its_name(tmp_path: Path, invoke: Invoke) -> None:
    for name in ("net.onnx", "net.safetensors"):
        target = tmp_path / "none" / name
        result = invoke("convert", "no-network", target)  # the network is not even looked for
        assert result.exit_code == 2
        assert f"{target} cannot be written: {tmp_path / 'none'} is no folder" in result.stderr
