import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signflip import Problem, Untargeted, attack
from signflip.data import load_dataset
from signflip.errors import NetworkError
from signflip.formats.native import network_to_bytes
from signflip.methods import Exact
from signflip.problem import Ties
from signflip.result import Verdict
from signflip.zoo import ATTACKED, ROBUST, SMALL, load_zoo, zoo_card, zoo_names, zoo_sha256
from tests.support.datasets import full_test_set

NAMES = zoo_names()
NATURAL = ATTACKED + SMALL
LEAST_ACCURACY = {"mnist": 0.95, "fashion-mnist": 0.85}
SMALL_LEAST_ACCURACY = 0.9
README = Path(__file__).parents[2] / "README.md"


def test_the_papers_architectures_are_there_for_both_data_sets() -> None:
    sizes = {"2x100", "2x200", "2x300", "2x400", "2x500", "3x100", "4x100", "5x100"}
    expected = {f"{prefix}-{size}" for prefix in ("mnist", "fashion") for size in sizes}
    assert set(ATTACKED) == expected
    assert len(NAMES) == len(set(NAMES)) == len(expected | set(SMALL) | set(ROBUST))


@pytest.mark.parametrize("name", NATURAL)
def test_network_is_what_its_name_says(name: str) -> None:
    network = load_zoo(name)
    prefix, architecture = name.split("-")
    assert network.architecture == architecture
    assert (network.inputs, network.classes) == (784, 10)
    assert network.output.plain
    assert network.card["dataset"] == {"mnist": "mnist", "fashion": "fashion-mnist"}[prefix]


@pytest.mark.parametrize("name", NAMES)
def test_card_tells_how_to_train_the_network_again(name: str) -> None:
    card = zoo_card(name)
    settings = json.loads(card["settings"])
    if name in NATURAL:
        assert tuple(settings["hidden"]) == load_zoo(name).widths
    assert settings["seed"] == int(card["seed"])
    assert settings["epochs"] > 0
    assert card["torch"]
    first, last = ("1" if name in NATURAL and name.startswith("fashion") else "6,001"), "60,000"
    assert card["training_images"] == f"{first} to {last} of the training split"


@pytest.mark.parametrize("name", NAMES)
def test_network_knows_the_embedded_sample(name: str) -> None:
    sample = load_dataset(f"{zoo_card(name)['dataset']}-sample")
    accuracy = np.mean(load_zoo(name).predict(sample.images) == sample.labels)
    assert accuracy >= (0.8 if name in NATURAL else 0.7)


@pytest.mark.parametrize("name", NAMES)
def test_accuracy_on_the_whole_test_set_is_that_of_the_card(name: str) -> None:
    card = zoo_card(name)
    test_set = full_test_set(card["dataset"])
    assert len(test_set) == 10_000
    accuracy = np.mean(load_zoo(name).predict(test_set.images) == test_set.labels)
    assert accuracy == pytest.approx(float(card["accuracy"]), abs=1e-9)
    if name in NATURAL:
        least = SMALL_LEAST_ACCURACY if name in SMALL else LEAST_ACCURACY[card["dataset"]]
        assert accuracy >= least


@pytest.mark.parametrize("name", NAMES)
def test_saving_a_network_gives_its_file_again(name: str) -> None:
    assert hashlib.sha256(network_to_bytes(load_zoo(name))).hexdigest() == zoo_sha256(name)


@pytest.mark.parametrize("name", NATURAL)
def test_readme_has_the_networks_row(name: str) -> None:
    network = load_zoo(name)
    percent = f"{100 * float(network.card['accuracy']):.2f} %"
    row = (name, network.architecture, percent, network.card["seed"], zoo_sha256(name))
    assert f"| {' | '.join(row)} |" in README.read_text()


@pytest.mark.parametrize("name", ROBUST)
def test_some_test_images_are_certified_as_the_card_says(name: str) -> None:
    """A sample of the images that no network was trained on; the card's share is of another."""
    card, network = zoo_card(name), load_zoo(name)
    sample = load_dataset(f"{card['dataset']}-sample")
    verdicts = []
    for image, label in zip(sample.images[:30], sample.labels[:30], strict=True):
        problem = Problem.ball(
            network, image, epsilon=float(card["epsilon"]), goal=Untargeted(), ties=Ties.FLIP
        )
        right = problem.prediction == label
        verdict = attack(problem, Exact(), time_limit=10).verdict if right else Verdict.FLIPPED
        verdicts.append(verdict)
    # of an image in hundreds, where the card has any: a few might be in a sample
    assert verdicts.count(Verdict.UNKNOWN) <= (2 if float(card["unknown"]) > 0 else 0)
    share = verdicts.count(Verdict.ROBUST) / len(verdicts)
    assert share == pytest.approx(float(card["certified"]), abs=0.2)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fasion-2x100", r"did you mean 'fashion-2x100'\?"),
        ("mnist-2x10", r"did you mean 'mnist-2x100'\?"),
        ("", "the names are mnist-2x100"),
        (None, "no zoo network is called None; the names are mnist-2x100"),
        ("../networks/mnist-2x100", "the names are mnist-2x100"),
    ],
)
def test_an_unknown_name_is_refused(name: Any, hint: str) -> None:
    with pytest.raises(NetworkError, match=hint):
        load_zoo(name)
