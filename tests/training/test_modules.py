import pytest
import torch

from signflip.errors import SettingError
from signflip.training import BinaryLinear, BinaryModule, sign


def test_sign_of_zero_is_plus_one() -> None:
    values = torch.tensor([-2.0, -1e-30, -0.0, 0.0, 1e-30, 2.0])
    assert sign(values).tolist() == [-1, -1, 1, 1, 1, 1]


def test_gradient_passes_between_minus_one_and_one_only() -> None:
    values = torch.tensor([-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5], requires_grad=True)
    sign(values).backward(torch.arange(1.0, 8.0))  # type: ignore[no-untyped-call]
    assert values.grad is not None
    assert values.grad.tolist() == [0, 2, 3, 4, 5, 6, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sign_keeps_the_type(dtype: torch.dtype) -> None:
    assert sign(torch.ones(2, dtype=dtype)).dtype == dtype


def test_binary_linear_multiplies_with_signs() -> None:
    linear = BinaryLinear(3, 2)
    linear.latent.data = torch.tensor([[0.1, -0.2, 0.0], [-0.9, 0.3, -0.1]])
    outputs = linear(torch.tensor([[1.0, 2.0, 4.0]]))
    assert outputs.tolist() == [[1 - 2 + 4, -1 + 2 - 4]]


def test_clip_bounds_the_latent_weights_of_every_layer() -> None:
    module = BinaryModule(inputs=4, hidden=(3, 2), classes=2)
    for parameter in module.parameters():
        parameter.data.fill_(-7.0)
    module.clip()
    for linear, _ in module.hidden_layers():
        assert torch.all(linear.latent == -1)
    assert torch.all(module.output.latent == -1)


def test_hidden_layers_chain() -> None:
    module = BinaryModule(inputs=7, hidden=(5, 3), classes=4)
    shapes = [tuple(linear.latent.shape) for linear, _ in module.hidden_layers()]
    assert shapes == [(5, 7), (3, 5)]
    assert tuple(module.output.latent.shape) == (4, 3)


@pytest.mark.parametrize(
    ("inputs", "hidden", "classes"), [(0, (2,), 2), (2, (), 2), (2, (3, 0), 2), (2, (3,), 0)]
)
def test_sizes_below_one_are_refused(inputs: int, hidden: tuple[int, ...], classes: int) -> None:
    with pytest.raises(SettingError, match="each must be at least 1"):
        BinaryModule(inputs=inputs, hidden=hidden, classes=classes)
