"""Every map against the matrix that it is, and every domain against the definition."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.errors import NetworkError
from signflip.formats.native import network_from_bytes, network_to_bytes
from signflip.network import (
    BinaryNetwork,
    Composed,
    Conv2d,
    Dense,
    LinearMap,
    OutputLayer,
    Pool,
    SignLayer,
    Sparse,
)
from signflip.network.domains import FRACTIONS, INTERVALS, NUMBERS, Interval, propagate
from signflip.network.maps import kind_of, map_of
from signflip.network.maps.windows import Windows
from tests.support.map_strategies import (
    conv_maps,
    dense_maps,
    mapped_networks,
    sparse_maps,
    upper_layers,
)
from tests.support.strategies import images
from tests.support.weights import weights_of

maps = st.one_of(
    dense_maps(4),
    sparse_maps(4),
    conv_maps((2, 2, 1)),
    conv_maps((1, 2, 2)),
    upper_layers((2, 2, 2)).map(lambda layer: layer.map),
)


def dense_form(network: BinaryNetwork) -> BinaryNetwork:
    """The same network, each map as the matrix that it is."""
    hidden = tuple(SignLayer.dense(weights_of(each), each.threshold) for each in network.hidden)
    return BinaryNetwork(hidden, network.output)


@settings(max_examples=200)
@given(maps, st.data())
def test_a_map_is_its_matrix(linear: LinearMap, data: st.DataObject) -> None:
    matrix = linear.rows(slice(None))
    assert matrix.dtype == np.int8
    assert matrix.shape == (linear.neurons, linear.inputs)
    assert set(np.unique(matrix)) <= {-1, 0, 1}
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    whole = rng.integers(-9, 10, (3, linear.inputs))
    above = rng.integers(-9, 10, (3, linear.neurons))
    some = rng.random(linear.neurons) < 0.5
    free = rng.random(linear.inputs) < 0.5
    assert np.array_equal(linear.fan_in, np.count_nonzero(matrix, axis=1))
    for kind in (np.int64, np.float64, np.float32):
        assert np.array_equal(linear.apply(whole.astype(kind)), whole @ matrix.T)
        assert linear.apply(whole.astype(kind)).dtype == kind
        assert np.array_equal(linear.transpose(above.astype(kind)), above @ matrix)
    assert np.array_equal(linear.counts(np.sign(whole).astype(np.int8)), np.sign(whole) @ matrix.T)
    size = np.abs(whole[0]).astype(np.float64)
    assert np.array_equal(linear.magnitude(size), np.abs(matrix) @ size)
    assert np.array_equal(linear.rows(np.flatnonzero(some)), matrix[some])
    assert np.array_equal(linear.columns(free), matrix[:, free])
    assert np.array_equal(linear.columns(np.flatnonzero(free)), matrix[:, free])
    copy = map_of(kind_of(linear), linear.parts())
    assert np.array_equal(copy.rows(slice(None)), matrix)
    assert (copy.input_shape, copy.output_shape) == (linear.input_shape, linear.output_shape)


@settings(max_examples=150)
@given(mapped_networks(), st.data())
def test_every_domain_agrees_with_the_dense_form(
    network: BinaryNetwork, data: st.DataObject
) -> None:
    plain = dense_form(network)
    batch = np.array([data.draw(images(network.inputs)) for _ in range(3)])
    signs = propagate(network.hidden, NUMBERS, batch)
    for each, other in zip(signs, propagate(plain.hidden, NUMBERS, batch), strict=True):
        assert np.array_equal(each, other)
    assert np.array_equal(network.predict(batch), plain.predict(batch))
    exact = propagate(network.hidden, FRACTIONS, [Fraction(value) for value in batch[0].tolist()])
    for each, fractions in zip(signs, exact, strict=True):
        assert each[0].tolist() == list(fractions)
    whole = Interval(batch.min(axis=0), batch.max(axis=0))
    ranges = propagate(network.hidden, INTERVALS, whole)
    same = propagate(plain.hidden, INTERVALS, whole)
    for each, interval, twin in zip(signs, ranges, same, strict=True):
        assert np.array_equal(interval.low, twin.low)
        assert np.array_equal(interval.high, twin.high)
        assert np.all((interval.low <= each) & (each <= interval.high))


@settings(max_examples=100)
@given(mapped_networks(), st.data())
def test_exact_values_are_what_the_output_says(network: BinaryNetwork, data: st.DataObject) -> None:
    output = network.output
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    rows = rng.choice([-1, 1], (4, output.inputs)).astype(np.int8)
    for row in rows:
        expected = [
            Fraction(scale)
            * sum(Fraction(w) * s for w, s in zip(weight, row.tolist(), strict=True))
            + Fraction(bias)
            for weight, scale, bias in zip(
                output.weight.tolist(), output.scale.tolist(), output.bias.tolist(), strict=True
            )
        ]
        assert output.exact_values(row) == expected
        assert output.lead(1, 0).most(row, row) == expected[1] - expected[0]
        every = np.ones_like(row)
        assert output.lead(1, 0).most(-every, every) >= expected[1] - expected[0]
        best = output.rankings(row[None])[0].tolist()
        assert best == sorted(range(output.classes), key=lambda c: (-expected[c], c))


@settings(max_examples=100)
@given(mapped_networks())
def test_a_file_keeps_any_network(network: BinaryNetwork) -> None:
    copy = network_from_bytes(network_to_bytes(network))
    assert copy.digest == network.digest
    assert copy.image_shape == network.image_shape
    assert [type(each.map) for each in copy.hidden] == [type(each.map) for each in network.hidden]


def test_a_convolution_is_the_one_of_deep_learning() -> None:
    rng = np.random.default_rng(1)
    weight = rng.choice([-1, 0, 1], (4, 3, 3, 2))
    image = rng.integers(-5, 6, (3, 7, 6))
    conv = Conv2d(weight, (3, 7, 6), stride=(2, 1), padding=(1, 0, 2, 1))
    padded = np.pad(image, ((0, 0), (1, 2), (0, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 2), axis=(1, 2))
    expected = np.einsum("crkij,fcij->frk", windows, weight)[:, ::2]
    assert conv.output_shape == expected.shape
    assert np.array_equal(conv.apply(image.reshape(1, -1)).reshape(conv.output_shape), expected)


def test_groups_and_dilation() -> None:
    rng = np.random.default_rng(2)
    weight = rng.choice([-1, 1], (4, 1, 2, 2))
    image = rng.integers(-5, 6, (2, 5, 5))
    conv = Conv2d(weight, (2, 5, 5), groups=2, dilation=(2, 3))
    sums = conv.apply(image.reshape(1, -1)).reshape(conv.output_shape)
    assert conv.output_shape == (4, 3, 2)
    for number in range(4):
        taps = [
            weight[number, 0, i, j] * image[number // 2, 1 + 2 * i, 3 * j]
            for i in range(2)
            for j in range(2)
        ]
        assert sums[number, 1, 0] == sum(taps)


def test_max_pooling_of_signs() -> None:
    rng = np.random.default_rng(3)
    signs = rng.choice([-1, 1], (2, 4, 6), p=[0.8, 0.2]).astype(np.int8)
    pool = Pool((2, 4, 6), (2, 2))
    layer = SignLayer(pool, (2 - pool.fan_in).astype(np.float64))
    expected = signs.reshape(2, 2, 2, 3, 2).max(axis=(2, 4))
    assert layer.signs_of_signs(signs.reshape(1, -1)).reshape(2, 2, 3).tolist() == expected.tolist()


def test_whole_numbers_are_compared_as_they_are() -> None:
    # 0.1 * 3 and the like are not exact; pixels in whole steps are
    layer = SignLayer.dense(np.array([[1, -1, 1], [1, 1, 0]]), np.array([0.0, 255.5]))
    assert layer.signs_of_reals(np.array([[3.0, 255.0, 252.0]])).tolist() == [[1, 1]]
    assert layer.signs_of_reals(np.array([[3.0, 252.0, 248.0]])).tolist() == [[-1, -1]]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Dense([[2]]), r"weight\[0, 0\] is 2; every weight must be -1, 0 or \+1"),
        (lambda: Sparse(np.array([[0.5]])), "is 0.5"),
        (lambda: Conv2d(np.ones((1, 1, 2)), (1, 2, 2)), r"shape \(1, 1, 2\)"),
        (lambda: Conv2d(np.ones((1, 2, 1, 1)), (1, 2, 2)), "2 channels in 1 groups over 1"),
        (lambda: Conv2d(np.ones((1, 1, 3, 3)), (1, 2, 2)), "do not fit an image of 2x2"),
        (lambda: Conv2d(np.ones((1, 1, 1, 1)), (1, 2, 2), stride=(0, 1)), "stride is"),
        (lambda: Pool((1, 2, 2), (3, 1)), "do not fit"),
        (lambda: Pool((1, 2**14, 2**15), (1, 1)), "at most"),
        (lambda: Composed([]), "no maps"),
        (lambda: Composed([Dense([[1, 1]]), Dense([[1, 1]])]), "shapes must chain"),
        (
            lambda: Composed([Dense([[1, 1], [1, 0]]), Dense([[1, 1]])]),
            "weight of 2; every weight must be",
        ),
        (lambda: map_of("cubic", {}), "no map is of the kind 'cubic'"),
        (lambda: map_of("pool", {}), "lacks the part"),
    ],
)
def test_a_broken_map_is_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        build()


@pytest.mark.parametrize(
    ("image", "padding", "whole"),
    [((5, 7), (0, 0, 0, 0), True), ((5, 6), (0, 0, 0, 0), False), ((5, 6), (0, 0, 0, 1), True)],
)
def test_windows_that_end_before_the_image(
    image: tuple[int, int], padding: tuple[int, int, int, int], whole: bool
) -> None:
    windows = Windows(image=image, kernel=(3, 3), stride=(2, 2), padding=padding)
    if whole:
        windows.need_whole()
    else:
        with pytest.raises(NetworkError, match=r"reach beyond the image \(ceil_mode\)"):
            windows.need_whole()


def test_an_output_of_zeros_with_a_scale_of_many_bits() -> None:
    output = OutputLayer(np.zeros((2, 3)), np.array([1e-300, 0.1]), np.array([1e-300, 0.0]))
    lead = output.lead(0, 1)
    row = np.ones(3, dtype=np.int8)
    assert lead.most(row, row) == Fraction(1e-300)
    assert output.exact_values(row) == [Fraction(1e-300), 0]


def test_real_weights_of_many_bits_with_scales_of_0() -> None:
    output = OutputLayer(np.array([[1e-200, 0.5], [1.0, 1e99]]), np.zeros(2), np.array([0.0, 1.0]))
    assert output.exact_values(np.ones(2, dtype=np.int8)) == [0, 1]
