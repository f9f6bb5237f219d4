"""PyTorch modules against themselves, in float64."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from signflip import load_network
from signflip.errors import NetworkError
from signflip.formats.pytorch import from_torch
from signflip.network import BinaryNetwork


class PlusAtZero(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


class TorchSign(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sign(x)


class BinarizeLinear(nn.Linear):
    """As in BinaryNet.pytorch."""

    def forward(self, x: Tensor) -> Tensor:
        read = x if x.shape[1] == 784 else torch.sign(x)
        return nn.functional.linear(read, torch.sign(self.weight), self.bias)


SIGNS: dict[type, int] = {PlusAtZero: 1, TorchSign: 0}


def binary(layer: nn.Module, scale: float = 1.0) -> nn.Module:
    with torch.no_grad():
        layer.weight.copy_(torch.sign(layer.weight) * scale)  # type: ignore[operator, arg-type]
    return layer


def settled(module: nn.Module) -> nn.Module:
    """Batch norms with numbers of their own, some gains negative."""
    torch.manual_seed(3)
    with torch.no_grad():
        for each in module.modules():
            if isinstance(each, nn.BatchNorm1d | nn.BatchNorm2d):
                for tensor in (each.weight, each.bias, each.running_mean):
                    assert tensor is not None
                    tensor.normal_()
                assert each.running_var is not None
                each.running_var.uniform_(0.5, 2)
    return module.double().eval()


def agrees(module: nn.Module, network: BinaryNetwork, shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(4).random((60, *shape))
    with torch.no_grad():
        values = module(torch.from_numpy(images))
    assert np.array_equal(network.predict(images.reshape(60, -1)), values.argmax(dim=1).numpy())


def test_dense_layers() -> None:
    torch.manual_seed(1)
    hidden = [binary(nn.Linear(12, 9), 0.3), nn.BatchNorm1d(9), nn.Hardtanh(), PlusAtZero()]
    more = [nn.Dropout(), binary(nn.Linear(9, 7)), nn.BatchNorm1d(7), TorchSign()]
    module = settled(
        nn.Sequential(nn.Sequential(*hidden), *more, nn.Linear(7, 4), nn.LogSoftmax(1))
    )
    agrees(module, from_torch(module, (12,), signs=SIGNS), (12,))


def test_convolutions() -> None:
    torch.manual_seed(2)
    module = settled(
        nn.Sequential(
            binary(nn.Conv2d(2, 4, 3, padding=1, groups=2)),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(4),
            PlusAtZero(),
            binary(nn.Conv2d(4, 3, 2, stride=2, bias=False)),
            nn.BatchNorm2d(3),
            PlusAtZero(),
            nn.MaxPool2d((1, 2), stride=1),
            nn.Flatten(),
            nn.Linear(6, 5),
        )
    )
    network = from_torch(module, (2, 8, 9), signs=SIGNS)
    agrees(module, network, (2, 8, 9))
    assert network.image_shape == (2, 8, 9)


def test_the_layers_of_binary_net() -> None:
    torch.manual_seed(5)
    module = settled(
        nn.Sequential(
            BinarizeLinear(784, 16), nn.BatchNorm1d(16), nn.Hardtanh(),
            BinarizeLinear(16, 12), nn.BatchNorm1d(12), nn.Hardtanh(),
            BinarizeLinear(12, 10), nn.LogSoftmax(1),
        )
    )  # fmt: skip
    agrees(module, from_torch(module, (784,)), (784,))


def test_an_activation_that_comes_twice() -> None:
    torch.manual_seed(6)
    sign = PlusAtZero()
    layers = [binary(nn.Linear(12, 9)), nn.BatchNorm1d(9), sign, binary(nn.Linear(9, 7)),
              nn.BatchNorm1d(7), sign, nn.Linear(7, 4)]  # fmt: skip
    module = settled(nn.Sequential(*layers))
    network = from_torch(module, (12,), signs=SIGNS)
    assert network.widths == (9, 7)
    agrees(module, network, (12,))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("kernel", "apart"), [(3, 1), ((2, 5), 1), ((4, 3), (1, 2))])
def test_padding_by_name(padding: str, kernel: int | tuple[int, int], apart: Any) -> None:
    torch.manual_seed(7)
    conv = binary(nn.Conv2d(2, 3, kernel, padding=padding, dilation=apart))
    head = nn.LazyLinear(4)
    raw = nn.Sequential(conv, PlusAtZero(), nn.Flatten(), head)
    raw(torch.zeros(1, 2, 9, 8))
    module = settled(raw)
    agrees(module, from_torch(module, (2, 9, 8), signs=SIGNS), (2, 9, 8))


def test_a_sigmoid_of_one_logit_keeps_its_side() -> None:
    torch.manual_seed(8)
    module = settled(
        nn.Sequential(binary(nn.Linear(12, 9)), PlusAtZero(), nn.Linear(9, 1), nn.Sigmoid())
    )
    network = from_torch(module, (12,), signs=SIGNS)
    images = np.random.default_rng(4).random((60, 12))
    with torch.no_grad():
        values = module(torch.from_numpy(images))[:, 0].numpy()
    assert 0 < (values >= 0.5).sum() < 60
    assert np.array_equal(network.predict(images), values >= 0.5)
    assert network.card["outputs"] == "one logit, Sigmoid"


@pytest.mark.parametrize(
    "pool",
    [
        nn.AvgPool2d(2, padding=1),
        nn.AvgPool2d(2, padding=1, count_include_pad=False),
        nn.AvgPool2d(2, divisor_override=3),
        nn.AvgPool2d(2, ceil_mode=True),
        nn.MaxPool2d(2, ceil_mode=True),
    ],
)
def test_what_pools_divide_by(pool: nn.Module) -> None:
    torch.manual_seed(9)
    size = 9 if getattr(pool, "padding", 0) else 4
    layers = [pool, nn.BatchNorm2d(1), PlusAtZero(), nn.Flatten(), nn.Linear(size, 3)]
    module = settled(nn.Sequential(*layers))
    agrees(module, from_torch(module, (1, 4, 4), signs=SIGNS), (1, 4, 4))
    cut = nn.Sequential(type(pool)(3, ceil_mode=True), PlusAtZero(), nn.Flatten())
    with pytest.raises(NetworkError, match=r"reach beyond the image \(ceil_mode\)"):
        from_torch(cut, (1, 4, 4), signs=SIGNS)


def test_means_of_channels() -> None:
    torch.manual_seed(9)
    layers = [binary(nn.Conv2d(1, 6, 3)), PlusAtZero(), nn.AdaptiveAvgPool2d(1), nn.Flatten(1, 3)]
    module = settled(nn.Sequential(*layers, nn.Linear(6, 3)))
    agrees(module, from_torch(module, (1, 6, 6), signs=SIGNS), (1, 6, 6))
    for other, words in (
        (nn.AdaptiveAvgPool2d(2), "only the mean of each channel"),
        (nn.Flatten(0), r"it must be nn\.Flatten\(\)"),
        (nn.Flatten(2), r"it must be nn\.Flatten\(\)"),
    ):
        with pytest.raises(NetworkError, match=words):
            from_torch(nn.Sequential(*layers[:2], other), (1, 6, 6), signs=SIGNS)


def hidden(*after: nn.Module) -> nn.Module:
    return nn.Sequential(binary(nn.Linear(12, 9)), PlusAtZero(), binary(nn.Linear(9, 4)), *after)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (hidden(nn.Softmax(1), nn.Linear(4, 3)), r"'3' \(Softmax.*it is followed by Linear"),
        (hidden(nn.LogSoftmax(1), PlusAtZero()), r"'3' \(LogSoftmax.*it is followed by Sign"),
        (hidden(nn.Sigmoid(), nn.Linear(4, 3)), r"'3' \(Sigmoid.*it is followed by Linear"),
        (hidden(nn.Softmax(0)), "it is over the axis 0"),
        (hidden(binary(nn.Linear(4, 1)), nn.Softmax(1)), "at least 2 class values"),
    ],
)
def test_a_softmax_counts_only_at_the_end(module: nn.Module, words: str) -> None:
    from_torch(hidden(nn.Softmax(-1), nn.Dropout(), nn.Flatten()), (12,), signs=SIGNS)
    with pytest.raises(NetworkError, match=words):
        from_torch(module, (12,), signs=SIGNS)


@pytest.mark.parametrize("shape", [12, (), (-3, -4), (12.0,), "12"])
def test_a_shape_that_is_none_is_refused(shape: Any) -> None:
    with pytest.raises(NetworkError, match="it must be the shape of one image"):
        from_torch(hidden(), shape, signs=SIGNS)


@pytest.mark.parametrize("module", [None, 3, "net.pt", nn.Linear])
def test_what_is_no_module_is_refused(module: Any) -> None:
    with pytest.raises(NetworkError, match=r"^the module is .*; it must be an object of torch\.nn"):
        from_torch(module, (12,))


@pytest.mark.parametrize("card", [3, "text", ["ab"], {"seed": 7}])
def test_a_card_that_is_none_is_refused(card: Any) -> None:
    with pytest.raises(NetworkError, match=r"the card is .*; it must be texts by their names"):
        from_torch(hidden(), (12,), signs=SIGNS, card=card)


def test_a_range_that_is_none_is_refused() -> None:
    wrong: Any = 3
    with pytest.raises(NetworkError, match="the input range is 3; it must be InputRange"):
        from_torch(hidden(), (12,), signs=SIGNS, input_range=wrong)


def test_signs_that_are_none_are_refused() -> None:
    signs: Any
    for signs in ({PlusAtZero: 2}, {"PlusAtZero": 1}):
        with pytest.raises(NetworkError, match="what it answers at 0: 1, -1 or 0"):
            from_torch(hidden(), (12,), signs=signs)
    signs = 3
    with pytest.raises(NetworkError, match=r"signs is 3; it must be such as {Sign: 1}"):
        from_torch(hidden(), (12,), signs=signs)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(number: float) -> None:
    for layer in (nn.Linear(12, 5), BinarizeLinear(12, 5)):
        with torch.no_grad():
            layer.weight[0, 0] = number
        with pytest.raises(NetworkError, match=rf"'0' .*one of its numbers is {number}"):
            from_torch(nn.Sequential(layer, PlusAtZero(), nn.Linear(5, 2)), (12,), signs=SIGNS)


def test_a_clip_that_no_sign_follows_is_refused() -> None:
    layers = [binary(nn.Linear(12, 784)), nn.Hardtanh(), BinarizeLinear(784, 3), PlusAtZero()]
    with pytest.raises(NetworkError, match="so that the clip remains"):
        from_torch(nn.Sequential(*layers, nn.Linear(3, 2)), (12,), signs=SIGNS)


def test_what_cannot_be_said_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"'1' \(PlusAtZero.*signs=\{PlusAtZero: 1\}"):
        from_torch(nn.Sequential(nn.Linear(3, 2), PlusAtZero()), (3,))
    with pytest.raises(NetworkError, match=r"'1' .*real weights"):
        from_torch(nn.Sequential(nn.Linear(3, 2), PlusAtZero()), (3,), signs=SIGNS)
    with pytest.raises(NetworkError, match="no exact form of ReLU"):
        from_torch(nn.Sequential(binary(nn.Linear(3, 2)), nn.ReLU()), (3,))
    with pytest.raises(NetworkError, match="no sign before the output"):
        from_torch(nn.Linear(3, 2), (3,))
    with pytest.raises(NetworkError, match="a sign follows at once"):
        from_torch(nn.Sequential(binary(nn.Linear(3, 2)), nn.Hardtanh(), nn.Linear(2, 2)), (3,))


def test_a_state_dict_with_a_description(tmp_path: Path) -> None:
    module = settled(
        nn.Sequential(binary(nn.Linear(6, 5)), nn.BatchNorm1d(5), PlusAtZero(), nn.Linear(5, 3))
    )
    torch.save(module.state_dict(), tmp_path / "net.pt")
    text = """
format = "signflip-arrays"
arrays = "net.pt"
input = { shape = [6] }
step = [
  { kind = "dense", weight = "0.weight", bias = "0.bias" },
  { kind = "batch_norm", mean = "1.running_mean", variance = "1.running_var", gamma = "1.weight", beta = "1.bias", epsilon = 1e-5 },
  { kind = "sign", at_zero = 1 },
  { kind = "dense", weight = "3.weight", bias = "3.bias" },
]
"""  # noqa: E501
    (tmp_path / "net.toml").write_text(text)
    agrees(module, load_network(tmp_path / "net.toml"), (6,))


def test_parameters_are_read_and_other_tensors_are_named(tmp_path: Path) -> None:
    text = """
format = "signflip-arrays"
arrays = "net.pt"
input = { shape = [4] }
step = [
  { kind = "dense", weight = "w" },
  { kind = "sign", at_zero = 1 },
  { kind = "dense", weight = "v" },
]
"""
    (tmp_path / "net.toml").write_text(text)
    plain = torch.ones(3, 4)
    for weight, word in (
        (nn.Parameter(plain), None),
        (nn.Parameter(plain.to(torch.bfloat16)), None),
        (nn.Parameter(plain.double()), None),
        (plain.to_sparse(), "torch.sparse_coo"),
        (plain.to(torch.complex64), "complex"),
        (torch.empty(3, 4, device="meta"), "without data"),
    ):
        torch.save({"w": weight, "v": torch.ones(2, 3)}, tmp_path / "net.pt")
        if word is None:
            assert load_network(tmp_path / "net.toml").widths == (3,)
            continue
        with pytest.raises(NetworkError, match=f"net.pt: the tensor 'w' is {word}; it must be"):
            load_network(tmp_path / "net.toml")


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "net.pt")
    (tmp_path / "net.toml").write_text(
        'format = "signflip-arrays"\narrays = "net.pt"\ninput = { shape = [2] }\n'
        'step = [{ kind = "sign", at_zero = 1 }]\n'
    )
    with pytest.raises(NetworkError, match="no state_dict of plain tensors"):
        load_network(tmp_path / "net.toml")


class Float32Sign(nn.Module):
    """Which makes float32 of any numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x >= 0, 1.0, -1.0)


def test_a_module_that_runs_in_float32_alone_is_compared_in_it() -> None:
    torch.manual_seed(0)
    first, last = binary(nn.Linear(4, 3, bias=False)), nn.Linear(3, 2)
    module = nn.Sequential(first, Float32Sign(), last)
    network = from_torch(module, (4,), signs={Float32Sign: 1})
    checked = network.card["checked"]
    assert checked.startswith("the classes are those of PyTorch in float32 on 32 random inputs")
    with pytest.raises(NetworkError, match="PyTorch in float32 has class"):
        from_torch(module, (4,), signs={Float32Sign: -1})


def test_a_module_that_does_not_run_is_read_all_the_same() -> None:
    class Two(nn.Sequential):
        def forward(self, input: Any) -> Any:  # noqa: A002 - the name of PyTorch
            for module in self:
                input = module(input)  # noqa: A001
            return input, None

    module = Two(binary(nn.Linear(4, 3, bias=False)), PlusAtZero(), nn.Linear(3, 2))
    network = from_torch(module, (4,), signs=SIGNS)
    assert network.card["checked"].startswith("not compared: the module cannot run")
