"""Ensembles against the sums of their members' class values."""

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.errors import NetworkError
from signflip.formats.native import network_from_bytes, network_to_bytes
from signflip.network import (
    BinaryNetwork,
    Conv2d,
    Dense,
    InputRange,
    OutputLayer,
    SignLayer,
    Sparse,
    ensemble,
)
from tests.support.map_strategies import mapped_networks, siblings
from tests.support.strategies import images


def values(network: BinaryNetwork, image: np.ndarray) -> list[Fraction]:
    """The exact class values of an image (1, inputs)."""
    return network.output.exact_values(network.activations(image)[-1][0])


@settings(max_examples=300)
@given(mapped_networks(coarse=True), st.data())
def test_class_values_are_sums(network: BinaryNetwork, data: st.DataObject) -> None:
    members = [network, *data.draw(st.lists(siblings(network), max_size=2))]
    made = ensemble(members)
    assert len(made.hidden) == len(network.hidden)
    assert made.image_shape == network.image_shape
    copy = network_from_bytes(network_to_bytes(made))
    for _ in range(3):
        image = data.draw(images(network.inputs))[None]
        sums = [sum(each) for each in zip(*(values(one, image) for one in members), strict=True)]
        assert values(made, image) == sums
        assert values(copy, image) == sums


def test_of_one_is_itself() -> None:
    network = convolution(1)
    assert ensemble([network]).digest == network.digest


def convolution(seed: int, *, filters: int = 3) -> BinaryNetwork:
    """Input thresholds, two convolutions and a vote."""
    rng = np.random.default_rng(seed)
    levels = SignLayer(Sparse.selection(16, np.arange(16)), np.full(16, 0.5))
    first = Conv2d(rng.integers(-1, 2, (filters, 1, 3, 3)), (1, 4, 4))
    second = Conv2d(rng.integers(-1, 2, (2, filters, 2, 2)), (filters, 2, 2))
    return BinaryNetwork(
        (levels, SignLayer(first, np.zeros(4 * filters)), SignLayer(second, np.zeros(2))),
        OutputLayer(rng.integers(-3, 4, (3, 2)).astype(np.float64), np.ones(3), np.arange(3.0)),
    )


def test_convolutions_stay_so_and_what_is_the_same_is_kept_once() -> None:
    made = ensemble([convolution(1), convolution(2)])
    levels, first, second = (layer.map for layer in made.hidden)
    assert isinstance(levels, Sparse)
    assert levels.neurons == 16
    assert isinstance(first, Conv2d)
    assert first.output_shape == (6, 2, 2)
    assert isinstance(second, Conv2d)
    assert second.output_shape == (4, 1, 1)
    assert second.most_read <= 12  # three channels of its own, not six


def test_convolutions_of_other_sizes_become_a_matrix() -> None:
    small, large = convolution(1), convolution(2, filters=5)
    made = ensemble([small, large])
    assert isinstance(made.hidden[1].map, Conv2d)
    assert isinstance(made.hidden[2].map, Sparse)
    image = np.random.default_rng(0).random((1, 16))
    sums = [a + b for a, b in zip(values(small, image), values(large, image), strict=True)]
    assert values(made, image) == sums


def test_dense_layers_stay_dense() -> None:
    rng = np.random.default_rng(0)

    def one(width: int) -> BinaryNetwork:
        return BinaryNetwork(
            (
                SignLayer.dense(rng.choice([-1, 1], (width, 4)), np.zeros(width)),
                SignLayer.dense(rng.choice([-1, 1], (2, width)), np.zeros(2)),
            ),
            OutputLayer(rng.choice([-1, 1], (2, 2)), np.ones(2), np.zeros(2)),
        )

    made = ensemble([one(3), one(5)])
    assert all(isinstance(layer.map, Dense) for layer in made.hidden)
    assert made.widths == (8, 4)
    assert made.hidden[1].map.fan_in.tolist() == [3, 3, 5, 5]


def test_networks_that_do_not_fit() -> None:
    network = convolution(1)
    with pytest.raises(NetworkError, match="has 0 networks; it needs at least 1"):
        ensemble([])
    wrong: Any
    for wrong in (3, None, iter([network])):
        with pytest.raises(NetworkError, match=r"an ensemble are .*; they must be a list: \[one"):
            ensemble(wrong)
    none: Any = None
    with pytest.raises(NetworkError, match="the network is None; it must be a BinaryNetwork"):
        ensemble([none])
    shallow = BinaryNetwork(
        network.hidden[:2], OutputLayer(np.ones((3, 12)), np.ones(3), np.zeros(3))
    )
    with pytest.raises(NetworkError, match="network 1 of the ensemble has 2 hidden layers"):
        ensemble([network, shallow])
    other = dataclasses.replace(network, input_range=InputRange(lower=0, upper=255))
    with pytest.raises(NetworkError, match="network 1 of the ensemble has input_range"):
        ensemble([network, other])
    classes = dataclasses.replace(
        network, output=OutputLayer(np.ones((2, 2)), np.ones(2), np.zeros(2))
    )
    with pytest.raises(NetworkError, match="has classes 2, and network 0 has 3; all must agree"):
        ensemble([network, classes])
