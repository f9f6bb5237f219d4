import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from signflip.errors import NetworkError
from signflip.network import BinaryNetwork
from signflip.training import BinaryModule, TrainingSettings, fold, train
from tests.support.datasets import full_test_set


def random_module(seed: int, hidden: tuple[int, ...], zero_gains: float) -> BinaryModule:
    """A module whose batch normalisation has gains of both signs, and some of exactly 0."""
    random = torch.Generator().manual_seed(seed)
    module = BinaryModule(inputs=6, hidden=hidden, classes=3)
    for linear, norm in module.hidden_layers():
        width, fan_in = linear.latent.shape
        assert norm.running_mean is not None
        assert norm.running_var is not None
        linear.latent.data = torch.randn(width, fan_in, generator=random)
        gain = torch.randn(width, generator=random)
        gain[torch.rand(width, generator=random) < zero_gains] = 0
        norm.weight.data = gain
        norm.bias.data = torch.randn(width, generator=random)
        norm.running_mean.data = torch.randn(width, generator=random)
        norm.running_var.data = torch.rand(width, generator=random) * fan_in
    module.output.latent.data = torch.randn(3, hidden[-1], generator=random)
    return module.double().eval()


@given(
    seed=st.integers(0, 2**32),
    hidden=st.lists(st.integers(1, 12), min_size=1, max_size=4).map(tuple),
    zero_gains=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_folded_network_has_the_modules_values(
    seed: int, hidden: tuple[int, ...], zero_gains: float
) -> None:
    module = random_module(seed, hidden, zero_gains)
    network = fold(module)
    images = np.random.default_rng(seed).random((64, 6))
    with torch.no_grad():
        logits = module(torch.tensor(images)).numpy()
    np.testing.assert_allclose(network.forward(images), logits * module.temperature, atol=1e-9)


def one_neuron(*, gain: float, shift: float, mean: float, variance: float = 1.0) -> BinaryNetwork:
    """The fold of one neuron that adds up 4 inputs, with the given batch normalisation."""
    module = BinaryModule(inputs=4, hidden=(1,), classes=2)
    ((linear, norm),) = module.hidden_layers()
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.eps = 0.0
    linear.latent.data.fill_(0.5)
    norm.weight.data.fill_(gain)
    norm.bias.data.fill_(shift)
    norm.running_mean.data.fill_(mean)
    norm.running_var.data.fill_(variance)
    return fold(module.eval())


SUMS = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 4.0])


@pytest.mark.parametrize(
    ("gain", "shift", "expected"),
    [
        # 2 (a - 1) / 2 + 0.5 >= 0 iff a >= 0.5
        (2.0, 0.5, [-1, 1, 1, 1, 1, 1]),
        # -2 (a - 1) / 2 + 0.5 >= 0 iff a <= 1.5
        (-2.0, 0.5, [1, 1, 1, 1, -1, -1]),
        (0.0, 0.5, [1] * 6),
        (0.0, 0.0, [1] * 6),  # sign(0) = +1
        (0.0, -0.5, [-1] * 6),
        (-0.0, -0.5, [-1] * 6),
        # a - 1 = 0: the tie belongs to +1, on both sides
        (2.0, 0.0, [-1, -1, 1, 1, 1, 1]),
        (-2.0, 0.0, [1, 1, 1, -1, -1, -1]),
    ],
)
def test_positive_negative_and_zero_gains(gain: float, shift: float, expected: list[int]) -> None:
    network = one_neuron(gain=gain, shift=shift, mean=1.0, variance=4.0)
    images = np.repeat(SUMS[:, None] / 4, 4, axis=1)
    assert network.activations(images)[0][:, 0].tolist() == expected


@pytest.mark.parametrize(("gain", "sign"), [(1e-45, 1), (-1e-45, 1), (1e-45, -1), (-1e-45, -1)])
def test_a_gain_near_zero_folds_to_a_finite_threshold(gain: float, sign: int) -> None:
    network = one_neuron(gain=gain, shift=sign * 1e38, mean=0.0, variance=1e38)
    assert abs(network.hidden[0].threshold[0]) == 5
    images = np.array([[0.0] * 4, [1.0] * 4])
    assert network.activations(images)[0][:, 0].tolist() == [sign, sign]


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist"])
def test_fold_predicts_what_the_trained_module_predicts_on_all_test_images(dataset: str) -> None:
    images, labels = full_test_set(dataset).images, full_test_set(dataset).labels
    settings = TrainingSettings(hidden=(100, 100), epochs=2, device="cpu")
    module = train(settings, images, labels)
    with torch.no_grad():
        logits = module.double()(torch.tensor(images)).numpy()
    assert np.array_equal(fold(module).predict(images), logits.argmax(axis=1))


def test_output_layer_is_plain() -> None:
    network = fold(random_module(1, (5, 4), 0.0))
    assert network.output.plain


def test_a_module_that_diverged_is_refused() -> None:
    with pytest.raises(NetworkError, match="finite"):
        one_neuron(gain=1.0, shift=float("nan"), mean=0.0)
