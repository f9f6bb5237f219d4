"""What is compared with a format's runtime when a network is read."""

import numpy as np
import pytest

from signflip.arrays import Floats, Integers
from signflip.errors import NetworkError
from signflip.formats.agreement import check_agreement
from signflip.network import BinaryNetwork, InputRange, OutputLayer, SignLayer

GREY = InputRange(lower=0, upper=255, step=1)


def network_of(
    threshold: float, input_range: InputRange, seed: int = 0, lift: float = 0.0
) -> BinaryNetwork:
    rng = np.random.default_rng(seed)
    first = SignLayer.dense(rng.choice([-1, 1], (5, 12)), np.full(5, threshold + lift))
    second = SignLayer.dense(rng.choice([-1, 1], (6, 5)), np.zeros(6))
    output = OutputLayer(rng.choice([-1, 1], (3, 6)), np.ones(3), np.array([0.0, 0.25, 0.5]))
    return BinaryNetwork((first, second), output, {}, input_range)


class Other:
    """A runtime that is another network, in float32 or float64."""

    def __init__(self, network: BinaryNetwork, kind: type = np.float32) -> None:
        self.network = network
        self.dtype = np.dtype(kind)

    def read(self, images: Floats) -> Floats:
        return images.astype(self.dtype).astype(np.float64)

    def predict(self, images: Floats) -> Integers:
        return self.network.predict(self.read(images))


@pytest.mark.parametrize("input_range", [InputRange(), GREY, InputRange(lower=-1, upper=1)])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.0])
def test_the_same_network_agrees(input_range: InputRange, threshold: float) -> None:
    network = network_of(threshold, input_range)
    said = check_agreement(network, Other(network), "it")
    assert said.startswith("the classes are those of it on 32 random inputs")
    assert ("on thresholds" in said) == (threshold != 0.3)


@pytest.mark.parametrize("input_range", [InputRange(), GREY, InputRange(lower=-1, upper=1)])
def test_another_network_is_an_error_that_shows_the_input(input_range: InputRange) -> None:
    network, other = (network_of(0.0, input_range, seed) for seed in (0, 1))
    with pytest.raises(NetworkError, match=r"has class \d for an input .*\[.*, \.\.\.\]|\]"):
        check_agreement(network, Other(other), "it")


@pytest.mark.parametrize("input_range", [GREY, InputRange(lower=-1, upper=1)])
def test_another_sign_of_zero_is_an_error(input_range: InputRange) -> None:
    """Only sums that are exactly on thresholds tell the two apart."""
    output = OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2))
    network, strict = (
        BinaryNetwork(
            (network_of(0.0, input_range, lift=lift).hidden[0].part(np.arange(1)),),
            output,
            {},
            input_range,
        )
        for lift in (0.0, 2.0**-30)
    )
    with pytest.raises(NetworkError, match="it has class 0 for an input for which Signflip has 1"):
        check_agreement(network, Other(strict, np.float64), "it")


def test_given_images_are_compared_too() -> None:
    network = network_of(0.0, GREY)
    images = np.full((3, 12), 7.0)
    assert "3 given images" in check_agreement(network, Other(network), "it", images)


def test_rounding_is_no_error() -> None:
    """A threshold that float32 has elsewhere: what lies between is another image there."""
    network = network_of(0.3, InputRange())
    image = np.full((1, 12), 0.5)
    row = network.hidden[0].map.rows(np.array([0]))[0]
    image[0, 0] += (0.3 - float(row @ image[0])) * row[0]

    class Rounds(Other):
        def predict(self, images: Floats) -> Integers:
            classes = super().predict(images)
            return np.where((images == image).all(axis=1), (classes + 1) % 3, classes)

    said = check_agreement(network, Rounds(network), "it", image)
    assert said.endswith("but for 1 within its rounding")
