import json
from pathlib import Path

import numpy as np

from signflip import load_network
from signflip.data import load_dataset
from signflip.zoo import load_zoo
from tests.cli.conftest import Invoke


def test_class_values_are_sums(tmp_path: Path, invoke: Invoke) -> None:
    out = tmp_path / "both.safetensors"
    result = invoke("ensemble", "mnist-2x100", "mnist-robust-2x100", "--out", out)
    assert result.exit_code == 0, result.output
    assert "2x200, 784 inputs in [0, 1], 10 classes, of 2 networks" in result.stdout
    images = load_dataset("mnist-sample").images
    made = load_network(out)
    members = [load_zoo(name) for name in ("mnist-2x100", "mnist-robust-2x100")]
    assert np.array_equal(made.forward(images), sum(each.forward(images) for each in members))
    cards = json.loads(made.card["members"])
    assert [card["name"] for card in cards] == ["mnist-2x100", "mnist-robust-2x100"]
    alone = invoke("ensemble", "mnist-2x100", "--out", tmp_path / "one.safetensors")
    assert alone.stdout.endswith("10 classes, of 1 network\n")
    again = invoke("ensemble", "mnist-2x100", "--out", out)
    assert again.exit_code == 2
    assert "both.safetensors exists" in again.stderr
    named = invoke("ensemble", "mnist-2x100", "--out", tmp_path / "both.onnx")
    assert named.exit_code == 2
    assert "both.onnx does not end in .safetensors" in named.stderr


def test_networks_that_do_not_fit(tmp_path: Path, invoke: Invoke) -> None:
    out = tmp_path / "both.safetensors"
    result = invoke("ensemble", "mnist-2x100", "mnist-3x100", "--out", out)
    assert result.exit_code == 2
    assert "network 1 of the ensemble has 3 hidden layers, and network 0 has 2" in result.stderr
    assert not out.exists()
