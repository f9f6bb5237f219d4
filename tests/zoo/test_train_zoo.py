import gzip
import importlib.util
import json
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from signflip.formats.native import network_from_bytes
from signflip.training import TrainingSettings
from signflip.zoo import ATTACKED, SMALL, zoo_card

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_zoo.py"


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_zoo", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_idx(path: Path, array: np.ndarray) -> None:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes())


def write_mnist(folder: Path, held_out_value: int) -> Path:
    """6,040 training images, the first 6,000 of one grey, and 10 test images."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6040, 28, 28))
    images[:6000] = held_out_value
    folder.mkdir()
    for split, chosen in (("train", images), ("t10k", images[-10:])):
        write_idx(folder / f"{split}-images-idx3-ubyte", chosen)
        write_idx(folder / f"{split}-labels-idx1-ubyte", np.arange(len(chosen)) % 10)
    return folder


def test_the_first_mnist_images_are_held_out(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = TrainingSettings(hidden=(4, 4), epochs=2, batch_size=10, device="cpu")
    monkeypatch.setattr(script, "settings_of", lambda _: tiny)
    torch.set_num_threads(1)  # as the script does
    files = []
    for value in (0, 255):
        networks, checkpoints = tmp_path / f"networks{value}", tmp_path / f"checkpoints{value}"
        networks.mkdir()
        checkpoints.mkdir()
        monkeypatch.setattr(script, "NETWORKS", networks)
        script.train_one("mnist-2x100", write_mnist(tmp_path / str(value), value), checkpoints)
        files.append((networks / "mnist-2x100.safetensors.gz").read_bytes())
    assert files[0] == files[1]
    card = network_from_bytes(gzip.decompress(files[0])).card
    assert card["training_images"] == "6,001 to 6,040 of the training split"


@pytest.mark.parametrize("name", ATTACKED + SMALL)
def test_the_settings_of_the_script_are_those_of_the_card(script: ModuleType, name: str) -> None:
    expected = json.loads(json.dumps(asdict(script.settings_of(name))))
    assert json.loads(zoo_card(name)["settings"]) == expected
