from typing import Any

import numpy as np
import pytest
import torch

from signflip.data import load_dataset
from signflip.errors import NetworkError, SettingError
from signflip.methods import Fgsm, Pgd
from signflip.network import BinaryNetwork, Dense, OutputLayer, SignLayer
from signflip.zoo import load_zoo
from tests.adapters.grey_levels import grey_levels

pytest.importorskip(
    "art", reason="not tested: evasion attacks of ART (adversarial-robustness-toolbox)"
)

from art.attacks.evasion import ProjectedGradientDescent
from art.estimators.classification import PyTorchClassifier

from signflip.adapters.art import SignflipEvasion, art_classifier

SAMPLE = load_dataset("fashion-mnist-sample")
IMAGES = SAMPLE.images[:6].astype(np.float32).reshape(6, 1, 28, 28)


@pytest.fixture(scope="module")
def classifier() -> Any:
    return art_classifier(load_zoo("fashion-3x100"))


def classes(classifier: Any, images: np.ndarray) -> np.ndarray:
    """What ART says, which must be what the network says."""
    predicted: np.ndarray = classifier.predict(images).argmax(axis=1)
    network = load_zoo("fashion-3x100")
    flat = images.reshape(len(images), -1).astype(np.float64)
    np.testing.assert_array_equal(predicted, network.predict(flat))
    return predicted


def test_a_method_is_an_evasion_attack(classifier: Any) -> None:
    clean = classes(classifier, IMAGES)
    attack = SignflipEvasion(classifier, Pgd(restarts=8), eps=0.02, time_limit=60)
    found = attack.generate(IMAGES)
    assert found.shape == IMAGES.shape
    assert found.dtype == np.float32
    # in the ball, exactly, though float32
    assert np.abs(found.astype(np.float64) - IMAGES).max() <= 0.02
    assert (classes(classifier, found) != clean).any()
    assert "Pgd" in repr(attack)


def test_it_flips_as_many_as_art_itself(classifier: Any) -> None:
    clean = classes(classifier, IMAGES)
    theirs = ProjectedGradientDescent(
        classifier, eps=0.02, eps_step=0.004, max_iter=40, verbose=False
    ).generate(IMAGES)
    ours = SignflipEvasion(classifier, Pgd(restarts=4), eps=0.02).generate(IMAGES)
    flips = [(classes(classifier, found) != clean).sum() for found in (ours, theirs)]
    assert flips[0] >= flips[1] > 0


def test_labels_of_every_form_say_what_is_left(classifier: Any) -> None:
    clean = classes(classifier, IMAGES)
    wrong = (clean + 1) % 10
    attack = SignflipEvasion(classifier, Fgsm(), eps=0.02)
    # what is not predicted is left already
    for labels in (wrong, np.eye(10)[wrong]):
        np.testing.assert_array_equal(attack.generate(IMAGES, labels), IMAGES)
    assert (attack.generate(IMAGES, y=clean) != IMAGES).any()


def test_targets_and_masks(classifier: Any) -> None:
    order = classifier.predict(IMAGES).argsort(axis=1)
    attack = SignflipEvasion(classifier, Pgd(restarts=8), eps=0.04, targeted=True)
    mask = np.ones((1, 28, 28))
    mask[:, :, :6] = 0
    found = attack.generate(IMAGES, order[:, -2], mask=mask)
    np.testing.assert_array_equal(found[..., :6], IMAGES[..., :6])
    assert (classes(classifier, found) == order[:, -2]).any()
    with pytest.raises(SettingError, match="the attack is targeted and y is None"):
        attack.generate(IMAGES)


@pytest.mark.parametrize("step", [None, 1.0])
def test_a_network_of_other_inputs(step: float | None) -> None:
    network, images = grey_levels(step)
    attack = SignflipEvasion(art_classifier(network), Pgd(restarts=8), eps=60.5)
    found = attack.generate(images).astype(np.float64)
    assert np.abs(found - images).max() <= 60.5
    assert (network.predict(found) != network.predict(images.astype(np.float64))).any()
    if step is not None:
        np.testing.assert_array_equal(found, np.rint(found))


def test_arrays_that_do_not_fit_are_refused(classifier: Any) -> None:
    attack = SignflipEvasion(classifier, Fgsm(), eps=0.02)
    for images, more, words in (
        (IMAGES.astype(np.int64), {}, "x is int64; it must be an array of float32"),
        (IMAGES.tolist(), {}, "x is list"),
        (IMAGES[:0], {}, r"x has shape \(0, 1, 28, 28\); .* at least one image"),
        (IMAGES[..., 0], {}, "784 values each"),
        (IMAGES, {"y": np.arange(2)}, r"y: labels have shape \(2,\), and there are 6 images"),
        (IMAGES, {"y": np.full(6, 10)}, "y: labels hold 10"),
        (IMAGES, {"y": np.array(["1"] * 6)}, "labels must be whole numbers, or one-hot"),
        (IMAGES, {"mask": np.ones(5)}, r"the mask has shape \(5,\)"),
        (IMAGES, {"mask": np.full((28, 28), np.nan)}, "the mask must hold numbers"),
        (IMAGES, {"mask": np.full((28, 28), "x")}, "the mask must hold numbers"),
    ):
        with pytest.raises(SettingError, match=words):
            attack.generate(images, **more)
    with pytest.raises(SettingError, match="eps is array"):
        SignflipEvasion(classifier, Fgsm(), eps=np.ones(3)).generate(IMAGES)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="the method is the class Fgsm"):
        SignflipEvasion(classifier, Fgsm, eps=0.02)  # type: ignore[arg-type]


def test_channels_come_first() -> None:
    rng = np.random.default_rng(0)
    hidden = SignLayer(Dense(rng.choice([-1, 1], (20, 60))), rng.normal(size=20))
    output = OutputLayer(rng.choice([-1, 1], (3, 20)), np.ones(3), np.zeros(3))
    network = BinaryNetwork((hidden,), output, input_shape=(3, 4, 5))
    attack = SignflipEvasion(art_classifier(network), Fgsm(), eps=0.02)
    images = rng.random((2, 3, 4, 5)).astype(np.float32)
    for shape in ((2, 3, 4, 5), (2, 60), (2, 3, 1, 4, 5)):
        assert attack.generate(images.reshape(shape)).shape == shape
    # read as they lie, they would be other images
    with pytest.raises(SettingError, match=r"reads \(N, 60\) or \(N, 3, 4, 5\): channels come"):
        attack.generate(images.transpose(0, 2, 3, 1))


def test_preprocessing_is_refused(classifier: Any) -> None:
    other = PyTorchClassifier(
        classifier.model,
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=(1, 28, 28),
        nb_classes=10,
        preprocessing=(0.5, 0.5),
    )
    with pytest.raises(SettingError, match="predicts otherwise than its network: it must have no"):
        SignflipEvasion(other, Fgsm(), eps=0.02).generate(IMAGES[:1])


def test_what_does_not_fit_is_refused(classifier: Any) -> None:
    other = PyTorchClassifier(
        torch.nn.Flatten(),
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=(1, 28, 28),
        nb_classes=784,
    )
    with pytest.raises(SettingError, match=r"it must hold network.to_torch\(\)"):
        SignflipEvasion(other, Fgsm(), eps=0.02)
    with pytest.raises(NetworkError, match="the network is None; it must be a BinaryNetwork"):
        art_classifier(None)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="batch_size: settings belong to the method"):
        SignflipEvasion(classifier, Fgsm(), eps=0.02).generate(IMAGES, batch_size=3)
