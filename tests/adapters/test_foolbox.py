from typing import Any

import numpy as np
import pytest
import torch

from signflip.data import load_dataset
from signflip.errors import NetworkError, SettingError
from signflip.methods import Fgsm, Pgd
from signflip.zoo import load_zoo
from tests.adapters.grey_levels import grey_levels

pytest.importorskip("foolbox", reason="not tested: attacks of foolbox (foolbox)")

from foolbox.attacks import LinfPGD
from foolbox.criteria import Misclassification, TargetedMisclassification
from foolbox.models import PyTorchModel

from signflip.adapters.foolbox import SignflipAttack, SignflipModel

EPSILONS = [0.0, 0.02]


@pytest.fixture(scope="module")
def case() -> tuple[Any, torch.Tensor, torch.Tensor]:
    """A model, images (6, 1, 28, 28) float32, and their labels, some of which it gets wrong."""
    sample = load_dataset("fashion-mnist-sample")
    images = torch.from_numpy(sample.images[:6].copy()).float().reshape(6, 1, 28, 28)
    return (
        SignflipModel(load_zoo("fashion-3x100")),
        images,
        torch.from_numpy(sample.labels[:6].copy()),
    )


def test_a_method_is_an_attack(case: Any) -> None:
    model, images, labels = case
    attack = SignflipAttack(Pgd(restarts=8))
    raw, clipped, is_adv = attack(model, images, labels, epsilons=EPSILONS)
    assert [x.shape for x in (*raw, *clipped)] == [images.shape] * 4
    assert is_adv.shape == (2, 6)
    # nothing is gained at 0; at 0.02 much is
    wrong = model(images).argmax(dim=1) != labels
    torch.testing.assert_close(is_adv[0], wrong)
    assert is_adv[1].sum() > wrong.sum()
    for k, epsilon in enumerate(EPSILONS):
        assert (clipped[k] - images).abs().max() <= epsilon + 1e-6
        predicted = model.network.predict(clipped[k].reshape(6, -1).double().numpy())
        np.testing.assert_array_equal(predicted != labels.numpy(), is_adv[k].numpy())


def test_it_flips_as_many_as_foolbox_itself(case: Any) -> None:
    model, images, labels = case
    theirs = LinfPGD(steps=40)(model, images, labels, epsilons=0.02)[2]
    ours = SignflipAttack(Pgd(restarts=4))(model, images, labels, epsilons=0.02)[2]
    assert ours.sum() >= theirs.sum() > 0


def test_targets(case: Any) -> None:
    model, images, _ = case
    targets = (model(images).argsort(dim=1))[:, -2]  # the second-highest class of each
    criterion = TargetedMisclassification(targets)
    _, clipped, is_adv = SignflipAttack(Pgd(restarts=8))(model, images, criterion, epsilons=0.03)
    assert is_adv.any()
    torch.testing.assert_close(model(clipped).argmax(dim=1) == targets, is_adv)


def test_one_epsilon_and_a_criterion_in_float64(case: Any) -> None:
    model, images, labels = case
    attack = SignflipAttack(Fgsm())
    raw, clipped, is_adv = attack(model, images.double(), Misclassification(labels), epsilons=0.02)
    assert raw.dtype == clipped.dtype == torch.float64
    assert is_adv.shape == (6,)
    assert "Fgsm" in repr(attack)


@pytest.mark.parametrize("step", [None, 1.0])
def test_a_network_of_other_inputs(step: float | None) -> None:
    network, images = grey_levels(step)
    labels = network.predict(images.astype(np.float64))
    _, clipped, is_adv = SignflipAttack(Pgd(restarts=8))(
        SignflipModel(network), torch.from_numpy(images), torch.from_numpy(labels), epsilons=60.5
    )
    found = clipped.double().numpy()
    assert is_adv.any()
    assert np.abs(found - images).max() <= 60.5
    assert found.max() > 1
    np.testing.assert_array_equal(network.predict(found) != labels, is_adv.numpy())
    if step is not None:
        np.testing.assert_array_equal(found, np.rint(found))


def test_what_does_not_fit_is_refused(case: Any) -> None:
    model, images, labels = case
    attack = SignflipAttack(Fgsm())
    other = PyTorchModel(model.network.to_torch(), bounds=(0, 1), device="cpu")
    with pytest.raises(SettingError, match=r"it must be a SignflipModel\(network\)"):
        attack(other, images, labels, epsilons=0.02)
    with pytest.raises(SettingError, match="steps: settings belong to the method"):
        attack(model, images, labels, epsilons=0.02, steps=3)
    criterion = Misclassification(labels) & Misclassification(labels)
    with pytest.raises(SettingError, match=r"the criterion is .* & "):
        attack(model, images, criterion, epsilons=0.02)
    with pytest.raises(SettingError, match=r"labels have shape \(2,\), and there are 6 images"):
        attack(model, images, labels[:2], epsilons=0.02)
    with pytest.raises(NetworkError, match="the network is None; it must be a BinaryNetwork"):
        SignflipModel(None)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="the method is the class Pgd"):
        SignflipAttack(Pgd)  # type: ignore[arg-type]
    moved = model.transform_bounds((0, 2))
    with pytest.raises(SettingError, match="predicts otherwise than its network"):
        attack(moved, images, labels, epsilons=0.02)
