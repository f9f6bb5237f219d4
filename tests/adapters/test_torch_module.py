import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.adapters.torch_module import TorchNetwork, to_torch
from signflip.data import load_dataset
from signflip.errors import DataError, NetworkError, ProblemError, SettingError
from signflip.methods.losses import Margin
from signflip.methods.surrogate import Slope, Surrogate
from signflip.network import BinaryNetwork, Dense, InputRange, OutputLayer, SignLayer
from signflip.zoo import load_zoo
from tests.support.map_strategies import mapped_networks
from tests.support.strategies import images, networks

SLOPES = [slope.value for slope in Slope]


def module_of(network: BinaryNetwork, **settings: Any) -> TorchNetwork:
    module = network.to_torch(**settings)
    assert isinstance(module, TorchNetwork)
    return module


@settings(max_examples=60)
@given(networks() | mapped_networks(), st.data(), st.sampled_from([torch.float64, torch.float32]))
def test_it_predicts_what_the_network_does(
    network: BinaryNetwork, data: st.DataObject, dtype: torch.dtype
) -> None:
    drawn = data.draw(st.lists(images(network.inputs), min_size=1, max_size=4))
    batch = torch.from_numpy(np.array(drawn)).to(dtype)
    read = batch.double().numpy()  # what is left of the images in that type
    values = module_of(network)(batch)
    assert values.dtype == dtype
    np.testing.assert_array_equal(values.argmax(dim=1).numpy(), network.predict(read))
    np.testing.assert_allclose(values.double().numpy(), network.forward(read), atol=1e-5)


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("cast", [torch.nn.Module.float, torch.nn.Module.double])
def test_it_predicts_real_images_exactly_with_a_gradient_too(
    slope: str, dtype: torch.dtype, cast: Any
) -> None:
    network = load_zoo("fashion-3x100")
    images = load_dataset("fashion-mnist-sample").images
    batch = torch.from_numpy(images.copy()).to(dtype)
    module = cast(module_of(network, slope=slope, width=0.5))
    expected = network.forward(batch.double().numpy())
    with_gradient = module(batch.clone().requires_grad_())
    assert with_gradient.requires_grad
    for values in (module(batch), with_gradient.detach()):
        np.testing.assert_array_equal(values.double().numpy(), expected)


def test_a_neuron_at_its_threshold_is_plus_one() -> None:
    # 0.1 + 0.2 + ... in floating point is above or below 1.0 as the order wants
    weight = np.ones((1, 4), dtype=np.int8)
    output = OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2))
    rows = np.random.default_rng(0).permuted(np.tile([0.1, 0.2, 0.3, 0.4], (24, 1)), axis=1)
    for threshold in (1.0, float(np.nextafter(1.0, 2)), float(np.nextafter(1.0, 0))):
        network = BinaryNetwork((SignLayer.dense(weight, np.array([threshold])),), output)
        predicted = module_of(network)(torch.from_numpy(rows.copy())).argmax(dim=1)
        np.testing.assert_array_equal(predicted.numpy(), network.predict(rows))


@pytest.mark.parametrize(
    ("scale", "bias"),
    [
        ([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]),  # a tie, to the lower class
        ([1.0, 1.0, 1.0], [0.0, 1e-12, 0.0]),  # equal as float32, not as float64
        ([0.1, 0.3, 0.1], [0.2, 0.0, 1e-17]),  # equal as float64, not as fractions
        ([0.1, 0.3, 0.3], [0.2, 0.0, 1e-18]),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_classes_that_rounding_would_join_are_told_apart(
    scale: list[float], bias: list[float], dtype: torch.dtype
) -> None:
    hidden = SignLayer.dense(np.ones((1, 1), dtype=np.int8), np.array([0.5]))
    output = OutputLayer(np.ones((3, 1), dtype=np.int8), np.array(scale), np.array(bias))
    network = BinaryNetwork((hidden,), output)
    predicted = module_of(network)(torch.ones((1, 1), dtype=dtype)).argmax(dim=1)
    np.testing.assert_array_equal(predicted.numpy(), network.predict(np.ones((1, 1))))


@settings(max_examples=40)
@given(networks() | mapped_networks(), st.data(), st.sampled_from([0.5, 1.0, 3.0]))
def test_the_ramps_gradient_is_that_of_the_surrogate(
    network: BinaryNetwork, data: st.DataObject, width: float
) -> None:
    image = data.draw(images(network.inputs))
    surrogate = Surrogate(network, image, width)
    passed = surrogate.at(image[None])
    if min(np.abs(np.abs(ramp) - 1).min() for ramp in passed.ramps) < 1e-4:
        return  # at a kink either slope is right
    _, pull = Margin(0, np.array([1]))(passed.values, np.array([0]))
    point = torch.from_numpy(image[None].copy()).requires_grad_()
    values = module_of(network, width=width)(point)[0]
    (slope,) = torch.autograd.grad(values[1] - values[0], point)
    np.testing.assert_allclose(slope.numpy(), passed.gradient(pull), rtol=1e-4, atol=1e-4)


@settings(max_examples=20)
@given(networks() | mapped_networks(), st.data(), st.sampled_from([0.03, 0.2, 1.0]))
def test_within_a_ball_the_gradient_is_that_of_the_attacks_surrogate(
    network: BinaryNetwork, data: st.DataObject, epsilon: float
) -> None:
    image = data.draw(images(network.inputs))
    # the module knows the ball's radius, and not where the range of inputs cuts it
    reach = np.float64(epsilon) * network.hidden[0].map.fan_in.astype(np.float64)
    surrogate = Surrogate(network, image, 1.0, Slope.RAMP, reach)
    passed = surrogate.at(image[None])
    if min(np.abs(np.abs(ramp) - 1).min() for ramp in passed.ramps) < 1e-3:
        return  # at a kink either slope is right
    _, pull = Margin(0, np.array([1]))(passed.values, np.array([0]))
    point = torch.from_numpy(image[None].copy()).requires_grad_()
    values = module_of(network, epsilon=epsilon)(point)[0]
    (slope,) = torch.autograd.grad(values[1] - values[0], point)
    np.testing.assert_allclose(slope.numpy(), passed.gradient(pull), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("slope", SLOPES)
def test_a_scale_beyond_float32_leaves_class_values_and_gradients(slope: str) -> None:
    hidden = SignLayer.dense([[1, 1], [1, -1]], [0.75, 0.0])
    weight = np.array([[1.0, -2.0], [0.5, 3.0]])
    plain, scaled = (
        module_of(
            BinaryNetwork((hidden,), OutputLayer(rows, np.full(2, scale), np.zeros(2))), slope=slope
        )
        for rows, scale in ((weight, 1.0), (weight * 2.0**-140, 2.0**140))
    )
    found = []
    for module in (plain, scaled):
        image = torch.tensor([[0.5, 0.375]], requires_grad=True)
        values = module(image)
        (gradient,) = torch.autograd.grad(values[0, 0], image)
        found.append((values.tolist(), gradient.tolist()))
    assert found[0] == found[1]
    assert np.any(found[0][1])


def test_an_images_gradient_does_not_depend_on_its_batch() -> None:
    """The first neuron is constant in the range; ramps this wide have a slope even there."""
    hidden = SignLayer.dense([[1, 1], [1, -1]], [300.0, 0.0])
    output = OutputLayer(np.array([[1.0, 1.0], [-1.0, 1.0]]), np.ones(2), np.zeros(2))
    network = BinaryNetwork((hidden,), output, input_range=InputRange(upper=100.0))
    module = module_of(network, width=5.0)

    def gradient(images: torch.Tensor) -> list[float]:
        leaf = images.clone().requires_grad_()
        (found,) = torch.autograd.grad(module(leaf)[:, 0].sum(), leaf)
        values: list[float] = found[0].tolist()
        return values

    both = torch.tensor([[1.0, 2.0], [90.0, 80.0]])
    assert gradient(both) == gradient(both[:1])


def test_an_epsilon_out_of_range_is_refused() -> None:
    with pytest.raises(ProblemError, match="epsilon is 2; it must be from 0 to 1"):
        load_zoo("mnist-2x100").to_torch(epsilon=2)


def test_straight_through_reads_the_true_signs() -> None:
    # the second layer's neuron is on its ramp for the soft sum, and off it for the true one
    first = SignLayer.dense(np.ones((4, 1), dtype=np.int8), np.array([0.4, 0.45, 0.55, 0.6]))
    second = SignLayer.dense(np.ones((1, 4), dtype=np.int8), np.array([2.0]))
    output = OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2))
    network = BinaryNetwork((first, second), output)
    found = {}
    for slope in SLOPES:
        point = torch.full((1, 1), 0.7, requires_grad=True)
        values = module_of(network, slope=slope, width=0.9)(point)
        (found[slope],) = torch.autograd.grad(values[0, 1] - values[0, 0], point)
    # true sum 4, soft sum 1.3, midway 1, root 2: distances 1.5 and 0.15
    assert found["straight-through"].item() == 0
    assert found["ramp"].item() > 0


def test_pictures_with_channels_are_read_flat() -> None:
    network = load_zoo("mnist-3x30")
    images = torch.from_numpy(load_dataset("mnist-sample").images[:5].copy())
    module = module_of(network)
    flat = module(images)
    torch.testing.assert_close(module(images.reshape(5, 1, 28, 28)), flat, rtol=0, atol=0)
    assert module(images[:0]).shape == (0, 10)


def test_it_survives_copies_and_state() -> None:
    network = load_zoo("mnist-3x30")
    images = torch.from_numpy(load_dataset("mnist-sample").images[:5].copy())
    module = module_of(network)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        other.load_state_dict(module.state_dict())
        torch.testing.assert_close(other(images), module(images), rtol=0, atol=0)


@pytest.mark.parametrize("cast", ["float", "double", "half", "bfloat16"])
def test_no_cast_of_the_module_rounds_real_weights(cast: str) -> None:
    # classes that float32 does not tell apart
    rng = np.random.default_rng(0)
    hidden = SignLayer(Dense(rng.choice([-1, 1], (8, 6))), rng.normal(size=8))
    weight = rng.normal(size=8) * (1 + 1e-8 * rng.normal(size=(3, 8)))
    network = BinaryNetwork((hidden,), OutputLayer(weight, np.ones(3), np.zeros(3)))
    images = rng.random((200, 6))
    module = getattr(module_of(network), cast)()
    values = module(torch.from_numpy(images))
    np.testing.assert_array_equal(values.argmax(dim=1).numpy(), network.predict(images))
    np.testing.assert_allclose(values.numpy(), network.forward(images), rtol=1e-13, atol=1e-13)


def test_autocast_rounds_nothing() -> None:
    network = load_zoo("mnist-3x30")
    images = torch.from_numpy(load_dataset("mnist-sample").images[:20].copy()).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = module_of(network)(images)
    np.testing.assert_array_equal(values.numpy(), network.forward(images.double().numpy()))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros((2, 783)), r"shape \(2, 783\); this network reads \(N, 784\)"),
        (torch.zeros(784), r"shape \(784,\); this network reads \(N, 784\)"),
        (torch.zeros((2, 784), dtype=torch.uint8), "torch.uint8; the module reads float32 and"),
        (np.zeros((1, 784), dtype=np.float32), "are of type ndarray; the module reads a tensor"),
        ([[0.0] * 784], "are of type list; the module reads a tensor"),
        (torch.full((1, 784), torch.nan), "holds a value that is not finite"),
        (torch.full((1, 784), torch.inf), "holds a value that is not finite"),
    ],
)
def test_bad_images_are_refused(images: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        module_of(load_zoo("mnist-3x30"))(images)


def test_values_beyond_float32_are_refused() -> None:
    hidden = SignLayer.dense(np.ones((1, 1), dtype=np.int8), np.array([0.5]))
    output = OutputLayer(np.array([[1], [-1]]), np.full(2, 1e50), np.zeros(2))
    module = module_of(BinaryNetwork((hidden,), output))
    with pytest.raises(DataError, match=r"may reach 1e\+50, beyond torch.float32"):
        module(torch.ones((1, 1)))
    assert module(torch.ones((1, 1), dtype=torch.float64))[0, 0] == 1e50


def test_bad_settings_are_refused() -> None:
    network = load_zoo("mnist-3x30")
    with pytest.raises(SettingError, match="the slope is 'soft'; it must be 'ramp' or 'straight"):
        to_torch(network, slope="soft")
    with pytest.raises(
        SettingError, match=r"the surrogate's width is 0.0; it must be from 1e-6 to 1e6"
    ):
        to_torch(network, width=0.0)


@pytest.mark.parametrize("wrong", [None, "net.safetensors"])
def test_what_is_no_network_is_refused(wrong: Any) -> None:
    with pytest.raises(NetworkError, match=f"the network is {wrong!r}; it must be a BinaryNetwork"):
        to_torch(wrong)


def test_without_torch_the_error_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from signflip.errors import MissingExtraError\n"
        "from signflip.zoo import load_zoo\n"
        "try:\n    load_zoo('mnist-3x30').to_torch()\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'signflip[torch]'" in answer.stdout
