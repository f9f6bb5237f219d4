import importlib.util
import json
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from signflip import load_network, save_network
from signflip.data import ImageSet
from signflip.training.robust import RobustSettings
from signflip.zoo import ROBUST, zoo_card
from tests.support.tiny import INPUTS, tiny_network

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_robust.py"
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_robust", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_robust_network_has_a_recipe(script: ModuleType) -> None:
    assert set(script.RECIPES) >= set(ROBUST)


@pytest.mark.parametrize("name", ROBUST)
def test_the_recipe_is_that_of_the_card(script: ModuleType, name: str) -> None:
    card = zoo_card(name)
    defaults, recipe = (
        json.loads(json.dumps(asdict(each))) for each in (RobustSettings(), script.RECIPES[name])
    )
    # settings that came after the network was trained are off by default
    assert {**defaults, **json.loads(card["settings"])} == recipe
    assert float(card["epsilon"]) == script.RECIPES[name].epsilon


def test_the_readme_has_the_scripts_table(script: ModuleType) -> None:
    assert script.table(ROBUST) in README.read_text()


def test_certified_images_are_counted(script: ModuleType, tmp_path: Path) -> None:
    save_network(tiny_network(), tmp_path / "net.safetensors")
    network = load_network(tmp_path / "net.safetensors")
    images = np.random.default_rng(7).random((8, INPUTS))
    labels = network.predict(images)
    labels[0] = (labels[0] + 1) % 3
    counts = script.certified(network, ImageSet(images=images, labels=labels, name="x"), 0.1)
    assert sum(counts.values()) == 8
    assert counts["wrong"] == 1
    assert counts["robust"] + counts["flipped"] == 7
