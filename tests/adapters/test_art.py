from typing import Any

import numpy as np
import pytest
import torch

from signflip.data import load_dataset
from signflip.errors import SettingError
from signflip.methods import Fgsm, Pgd
from signflip.zoo import load_zoo

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


def test_what_does_not_fit_is_refused(classifier: Any) -> None:
    other = PyTorchClassifier(
        torch.nn.Flatten(),
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=(1, 28, 28),
        nb_classes=784,
    )
    with pytest.raises(SettingError, match=r"it must hold network.to_torch\(\)"):
        SignflipEvasion(other, Fgsm(), eps=0.02)
    with pytest.raises(SettingError, match="batch_size: settings belong to the method"):
        SignflipEvasion(classifier, Fgsm(), eps=0.02).generate(IMAGES, batch_size=3)
