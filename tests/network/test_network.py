import math
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from signflip.errors import DataError, NetworkError, SignflipError
from signflip.network import BinaryNetwork, Floats, InputRange, OutputLayer, SignLayer, ranking
from signflip.network import network as network_module
from tests.support.reference import (
    reference_layer,
    reference_prediction,
    reference_values,
    reference_values_of_pattern,
)
from tests.support.strategies import images, networks, thresholds, weights
from tests.support.weights import weights_of

FINITE = st.floats(allow_nan=False, allow_infinity=False)
DENORMAL = st.floats(-1e-307, 1e-307)


def layer(weight: list[list[int]], threshold: list[float]) -> SignLayer:
    return SignLayer.dense(np.array(weight), np.array(threshold))


def output(weight: list[list[float]], scale: list[float], bias: list[float]) -> OutputLayer:
    return OutputLayer(np.array(weight), np.array(scale), np.array(bias))


def small_network() -> BinaryNetwork:
    return BinaryNetwork(
        (layer([[1, 1], [-1, 1], [1, -1]], [0.5, 0.0, 0.25]), layer([[1, -1, 1]] * 2, [1.0, -1.0])),
        output([[1, 1], [-1, 1], [1, -1]], [1, 1, 1], [0, 0, 0]),
    )


# --- the forward pass is the definition, exactly -------------------------------------------------


@given(st.data())
def test_activations_and_values_are_those_of_the_definition(data: st.DataObject) -> None:
    network = data.draw(networks())
    batch = np.array([data.draw(images(network.inputs)) for _ in range(3)])
    for image, signs in zip(batch, network.activations(batch)[-1], strict=True):
        expected = reference_values(network, image.tolist())
        assert network.output.exact_values(signs) == expected
    predictions = [reference_prediction(reference_values(network, row)) for row in batch.tolist()]
    assert network.predict(batch).tolist() == predictions


@given(st.data())
def test_plain_values_are_exact_and_others_are_close(data: st.DataObject) -> None:
    network = data.draw(networks())
    image = data.draw(images(network.inputs))
    expected = reference_values(network, image.tolist())
    values = network.forward(image[None])[0]
    if network.output.plain:
        assert [Fraction(value) for value in values.tolist()] == expected
    assert values.tolist() == pytest.approx([float(value) for value in expected], abs=1e-12)


@given(st.data(), st.sampled_from([FINITE, DENORMAL, FINITE | DENORMAL | st.sampled_from([0.0])]))
def test_first_layer_is_exact_for_any_finite_input(
    data: st.DataObject, elements: st.SearchStrategy[float]
) -> None:
    inputs = data.draw(st.integers(1, 6))
    values = data.draw(arrays(np.float64, inputs, elements=elements))
    limits = data.draw(arrays(np.float64, 4, elements=elements | st.just(0.0)))
    hidden = SignLayer.dense(data.draw(weights(4, inputs)), limits)
    assert hidden.signs_of_reals(values[None])[0].tolist() == reference_layer(
        hidden, values.tolist()
    )


@given(st.data())
def test_first_layer_is_exact_at_and_beside_ties(data: st.DataObject) -> None:
    inputs = data.draw(st.integers(1, 60))
    pixel = st.floats(0, 1) | st.integers(0, 255).map(lambda k: k / 255) | st.just(1e-17)
    values = data.draw(arrays(np.float64, inputs, elements=pixel))
    weight = data.draw(weights(1, inputs))
    total = sum(map(Fraction, (weight[0] * values).tolist()), Fraction(0))
    nearest = float(total)
    near = [nearest, math.nextafter(nearest, math.inf), math.nextafter(nearest, -math.inf)]
    hidden = SignLayer.dense(np.repeat(weight, 3, axis=0), np.array(near))
    expected = [1 if total >= Fraction(limit) else -1 for limit in near]
    assert hidden.signs_of_reals(values[None])[0].tolist() == expected


def test_a_tie_that_every_order_of_float64_additions_gets_wrong() -> None:
    # the exact sum is 2**-53 above the threshold and each rounding to even loses it
    values = np.array([1.0, 2.0**-53, 1.0, 2.0**-53])
    hidden = layer([[1, 1, -1, -1], [1, 1, 1, -1], [1, 1, 1, 1]], [0.0, 2.0, 2 + 2.0**-52])
    assert hidden.signs_of_reals(values[None])[0].tolist() == [1, 1, 1]
    assert hidden.signs_of_reals(values[None] * [1, 1, 1, 3])[0].tolist() == [-1, -1, 1]


def test_sums_beyond_the_range_of_float64_are_exact() -> None:
    huge = np.finfo(np.float64).max
    values = np.array([[huge, huge, huge, 1.0]])
    hidden = layer([[1, 1, -1, -1], [1, -1, -1, 1], [1, 1, 1, 1], [-1, -1, -1, 1]], [huge] * 4)
    assert hidden.signs_of_reals(values)[0].tolist() == [-1, -1, 1, -1]
    assert hidden.signs_of_reals(values * [1, 1, 1, 0])[0].tolist() == [1, -1, 1, -1]


def test_a_sum_that_only_rounding_takes_beyond_the_range_is_exact() -> None:
    # each addition from left to right rounds 0.51 units up to 1, and the last one overflows
    greatest, unit = float(np.finfo(np.float64).max), 2.0**971
    values = np.array([[greatest - 14 * unit, *[0.51 * unit] * 15]])
    hidden = layer([[1] * 16] * 2, [greatest - 6 * unit, greatest - 7 * unit])
    # products of matrices of other shapes add in other orders
    for rows in (1, 2, 8):
        assert hidden.signs_of_reals(np.repeat(values, rows, axis=0)).tolist() == [[-1, 1]] * rows


def test_denormal_differences_decide() -> None:
    tiny = 5e-324
    hidden = layer([[1, -1], [1, -1], [-1, -1]], [0.0, tiny, -tiny])
    assert hidden.signs_of_reals(np.array([[tiny, 0.0]]))[0].tolist() == [1, 1, 1]
    assert hidden.signs_of_reals(np.array([[0.0, tiny]]))[0].tolist() == [-1, -1, 1]
    assert hidden.signs_of_reals(np.array([[tiny, tiny]]))[0].tolist() == [1, -1, -1]


def test_a_sum_at_the_threshold_is_positive_and_minus_zero_is_zero() -> None:
    hidden = layer([[1, -1], [-1, 1]], [0.0, -0.0])
    assert hidden.signs_of_reals(np.array([[0.5, 0.5], [-0.0, 0.0]])).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("count", [0, 1, 2047, 2048, 2049, 5000])
def test_a_batch_of_any_size_is_right(count: int) -> None:
    random = np.random.default_rng(count)
    hidden = SignLayer.dense(random.choice([-1, 1], (7, 20)), random.integers(-4, 5, 7) / 2)
    values = random.integers(0, 3, (count, 20)) / 2
    signs = hidden.signs_of_reals(values)
    assert signs.dtype == np.int8
    # halves, which float64 adds without rounding
    expected = np.where(values @ weights_of(hidden).T >= hidden.threshold, 1, -1)
    assert np.array_equal(signs, expected)


@given(st.data())
def test_upper_layers_of_a_pattern_are_those_of_the_definition(data: st.DataObject) -> None:
    network = data.draw(networks())
    pattern = data.draw(weights(1, network.widths[0]))
    signs = network.activations_of_pattern(pattern)
    assert [len(row[0]) for row in signs] == list(network.widths)
    assert network.output.exact_values(signs[-1][0]) == reference_values_of_pattern(
        network, pattern[0].tolist()
    )


@given(st.data())
def test_signs_at_extremes_are_the_extremes_over_all_corners(data: st.DataObject) -> None:
    inputs = data.draw(st.integers(1, 4))
    hidden = SignLayer.dense(data.draw(weights(3, inputs)), data.draw(thresholds(3, inputs)))
    ends = np.sort([data.draw(images(inputs)), data.draw(images(inputs))], axis=0)
    least, greatest = hidden.signs_at_extremes(ends[0], ends[1])
    corners = np.array([reference_layer(hidden, corner) for corner in product(*ends.T.tolist())])
    assert least.tolist() == corners.min(axis=0).tolist()
    assert greatest.tolist() == corners.max(axis=0).tolist()


@pytest.mark.parametrize("inputs", [3, 64, 784])
@pytest.mark.parametrize("size", [1.0, 1e-300, 1e300])
def test_signs_at_extremes_are_exact_where_rounding_hides_them(inputs: int, size: float) -> None:
    rng = np.random.default_rng(inputs)
    lower, upper = size * np.sort(rng.random((2, inputs)), axis=0)
    weight = rng.choice([-1, 1], (3, inputs)).astype(np.int8)
    for low in (True, False):
        corners = np.where((weight > 0) == low, lower, upper)
        sums = [math.fsum(row) for row in (weight * corners).tolist()]
        # fsum is the sum rounded once: its neighbours lie on either side of it
        for towards, expected in ((-np.inf, 1), (np.inf, -1)):
            hidden = SignLayer.dense(weight, np.nextafter(sums, towards))
            assert (
                hidden.signs_at_extremes(lower, upper)[0 if low else 1].tolist() == [expected] * 3
            )


# --- integer thresholds ---------------------------------------------------------------------------


@given(inputs=st.integers(1, 9), threshold=st.floats(-12, 12) | st.integers(-12, 12).map(float))
@example(inputs=2, threshold=1e-238)
@example(inputs=3, threshold=math.nextafter(1, 2))
@example(inputs=4, threshold=-1.7e308)
@example(inputs=4, threshold=1.7e308)
def test_integer_threshold_changes_no_neuron_that_reads_signs(
    inputs: int, threshold: float
) -> None:
    hidden = layer([[1] * inputs], [threshold])
    whole = int(hidden.integer_threshold[0])
    assert (whole - inputs) % 2 == 0
    assert -inputs <= whole <= inputs + 2
    for total in range(-inputs, inputs + 1, 2):
        assert (total >= whole) == (Fraction(total) >= Fraction(threshold))


# --- predictions ----------------------------------------------------------------------------------


def test_a_tie_goes_to_the_lower_class() -> None:
    constant = layer([[1]], [-5.0])
    tied = BinaryNetwork((constant,), output([[-1], [1], [1]], [1, 1, 1], [0, 0, 0]))
    assert tied.predict([[0.3]]).tolist() == [1]
    scaled = BinaryNetwork((constant,), output([[-1], [1], [1]], [1, 0.5, 0.25], [0, 0.5, 0.75]))
    assert scaled.predict([[0.3]]).tolist() == [1]


def test_predictions_hold_where_float64_values_tie() -> None:
    # 0.1 * 3 is just above 0.3 exactly, and both are rounded to 0.30000000000000004
    three = layer([[1]] * 3, [-5.0] * 3)
    network = BinaryNetwork(
        (three,), output([[1, 1, 1], [1, 1, -1]], [0.1, 0.0], [0.0, 0.30000000000000004])
    )
    values = network.forward([[0.0]])[0]
    assert values[0] == values[1]
    assert network.predict([[0.0]]).tolist() == [1]


@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_rankings_are_those_of_exact_values(scale: float) -> None:
    rng = np.random.default_rng(5)
    hidden = layer(rng.choice([-1, 1], (6, 4)).tolist(), rng.normal(size=6).tolist())
    network = BinaryNetwork(
        (hidden,),
        output(rng.choice([-1, 1], (5, 6)).tolist(), [scale] * 5, [0.0] * 4 + [1 - scale]),
    )
    images = rng.random((50, 4))
    last = network.activations(images)[-1]
    expected = [ranking(network.output.exact_values(row)) for row in last]
    assert network.rankings(images).tolist() == expected
    assert network.predict(images).tolist() == [first for first, *_ in expected]
    assert network.rankings(images[:0]).shape == (0, 5)


def test_ranking_puts_a_tie_in_the_order_of_classes() -> None:
    assert ranking([Fraction(1), Fraction(3), Fraction(3), Fraction(-1, 3)]) == [1, 2, 0, 3]


# --- what a network says of itself ----------------------------------------------------------------


def test_shapes_and_names() -> None:
    network = small_network()
    assert (network.inputs, network.widths, network.classes) == (2, (3, 2), 3)
    assert network.architecture == "3-2"
    same = BinaryNetwork((network.hidden[1],), network.output)
    assert same.architecture == "1x2"
    assert network.output.plain
    assert not output([[1], [1]], [1, 2], [0, 0]).plain
    assert not output([[1], [1]], [1, 1], [0, 0.5]).plain


def test_digest_tells_networks_apart_and_ignores_the_card() -> None:
    network = small_network()
    first, second = network.hidden
    variants = [
        BinaryNetwork((layer([[1, 1], [-1, 1], [1, 1]], [0.5, 0, 0.25]), second), network.output),
        BinaryNetwork((layer([[1, 1], [-1, 1], [1, -1]], [0.5, 0, 0.5]), second), network.output),
        BinaryNetwork((first, layer([[1, -1, 1]] * 2, [1, 1])), network.output),
        BinaryNetwork((first, second), output([[1, 1], [-1, 1], [1, 1]], [1] * 3, [0] * 3)),
        BinaryNetwork((first, second), output([[1, 1], [-1, 1], [1, -1]], [1, 1, 2], [0] * 3)),
        BinaryNetwork((first, second), output([[1, 1], [-1, 1], [1, -1]], [1] * 3, [0, 0, 1])),
    ]
    assert len({network.digest, *(variant.digest for variant in variants)}) == 7
    assert BinaryNetwork(network.hidden, network.output, {"seed": "1"}).digest == network.digest


def test_a_network_keeps_its_own_arrays() -> None:
    weight, threshold = np.ones((2, 3), dtype=np.int8), np.zeros(2)
    hidden = SignLayer.dense(weight, threshold)
    weight[0, 0], threshold[0] = -1, 9
    assert weights_of(hidden)[0, 0] == 1
    assert hidden.threshold[0] == 0
    for array in (weights_of(hidden), hidden.threshold):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


# --- refusals -------------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: layer([[1, 2]], [0]), r"hidden layer weight\[0, 1\] is 2.*-1, 0 or \+1"),
        (lambda: SignLayer.dense(np.array([[1, 0.5]]), np.zeros(1)), r"weight\[0, 1\] is 0.5"),
        (lambda: SignLayer.dense(np.array([[1, NAN]]), np.zeros(1)), r"weight\[0, 1\] is nan"),
        (lambda: SignLayer.dense(np.array([[257]]), np.zeros(1)), r"weight\[0, 0\] is 257"),
        (
            lambda: SignLayer.dense(np.ones(3, np.int8), np.zeros(3)),
            r"shape \(3,\).*\(neurons, inputs\)",
        ),
        (
            lambda: SignLayer.dense(np.ones((0, 3), np.int8), np.zeros(0)),
            r"shape \(0, 3\).*at least 1",
        ),
        (lambda: layer([[1], [1]], [0]), r"threshold has shape \(1,\); it must be \(2,\)"),
        (lambda: layer([[1], [1]], [0, NAN]), r"threshold\[1\] is nan; it must be finite"),
        (lambda: layer([[1], [1]], [-INF, 0]), r"threshold\[0\] is -inf.*constant neuron"),
        (lambda: output([[1]], [1], [0]), "1 class; a classifier needs at least 2"),
        (lambda: output([[1], [NAN]], [1, 1], [0, 0]), r"output layer weight\[1, 0\] is nan"),
        (lambda: output([[1], [1e101]], [1, 1], [0, 0]), r"weight reaches 1e\+101.*overflow"),
        (lambda: output([[1], [1]], [1], [0, 0]), r"output layer scale has shape \(1,\)"),
        (lambda: output([[1], [1]], [1, 1], [0, INF]), r"output layer bias\[1\] is inf"),
        (lambda: output([[1], [1]], [1, -1e101], [0, 0]), r"scale reaches 1e\+101.*overflow"),
        (lambda: output([[1], [1]], [1, 1], [1e300, 0]), r"bias reaches 1e\+300.*overflow"),
        (lambda: BinaryNetwork((), output([[1], [1]], [1, 1], [0, 0])), "0 hidden layers"),
        (
            lambda: BinaryNetwork((layer([[1], [1]], [0, 0]),), output([[1], [1]], [1, 1], [0, 0])),
            "hidden layer 0 has 2 neurons, and the layer above it reads 1; shapes must chain",
        ),
        (
            lambda: BinaryNetwork(
                (layer([[1]], [0]), layer([[1, 1]], [0])), output([[1], [1]], [1, 1], [0, 0])
            ),
            "hidden layer 0 has 1 neurons, and the layer above it reads 2",
        ),
    ],
)
def test_a_broken_network_is_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(NetworkError, match=message) as caught:
        build()
    assert isinstance(caught.value, SignflipError)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (np.zeros(2), r"shape \(2,\); this network reads \(N, 2\)"),
        (np.zeros((1, 3)), r"shape \(1, 3\); this network reads \(N, 2\)"),
        (np.zeros((1, 1, 2)), r"reshape"),
        (np.array([[0, 0], [0, NAN]]), r"images\[1, 1\] is nan; every value must be finite"),
        (np.array([[-INF, 0]]), r"images\[0, 0\] is -inf"),
    ],
)
@pytest.mark.parametrize("method", ["activations", "forward", "predict"])
def test_broken_images_are_refused(batch: Floats, message: str, method: str) -> None:
    with pytest.raises(DataError, match=message):
        getattr(small_network(), method)(batch)


def test_whole_numbers_are_the_same_input_range() -> None:
    ours = InputRange(lower=0, upper=255, step=1)
    assert repr(ours) == repr(InputRange(lower=0.0, upper=255.0, step=1.0))


@pytest.mark.parametrize(("lower", "upper"), [(0, 1e39), (-1.5e38, 1), (-1e308, 1e308)])
def test_an_input_range_that_float32_does_not_hold_is_refused(lower: float, upper: float) -> None:
    with pytest.raises(NetworkError, match="beyond 1e38"):
        InputRange(lower=lower, upper=upper)
    InputRange(lower=-1e38, upper=1e38)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros(2), r"have shape \(2,\); .* \(N, 2\): one image is image\[None\]"),
        (np.zeros((3, 2, 1)), r"have shape \(3, 2, 1\); .*: reshape them"),
        (np.zeros((3, 4)), r"have shape \(3, 4\); .*: give images of as many values"),
        (np.zeros((3, 4, 1)), r"have shape \(3, 4, 1\); .*: give images of as many values"),
        (np.zeros(()), r"have shape \(\); .*: give images of as many values"),
        (np.zeros((1, 2), dtype=complex), "images hold complex128; they must be real numbers"),
        ([[None, 0.5]], "images hold object"),
        ([["0.5", "0.5"]], "images hold <U3"),
        ("text", "images hold <U4"),
        ([[1.0, 2.0], [1.0]], "images are no array of numbers"),
    ],
)
def test_what_is_no_array_of_images_is_refused_with_the_mend(images: Any, message: str) -> None:
    network = small_network()
    for read in (network.predict, network.forward, network.activations, network.rankings):
        with pytest.raises(DataError, match=message):
            read(images)


def test_numbers_of_any_type_are_images() -> None:
    network = small_network()
    expected = network.predict(np.array([[1.0, 0.0]]))
    for kind in (np.uint8, np.int64, np.bool_, np.float16, np.longdouble, object):
        assert network.predict(np.array([[1, 0]], dtype=kind)) == expected
    assert network.predict([[1, 0]]) == expected


@pytest.mark.parametrize(
    "pattern", [np.ones((2, 4), np.int8), np.ones(3, np.int8), np.ones((2, 3)), [[1, 1, 1]], None]
)
def test_a_pattern_of_another_shape_or_kind_is_refused(pattern: Any) -> None:
    with pytest.raises(DataError, match=r"^the pattern has shape .*; it must be \(N, 3\) int8"):
        small_network().activations_of_pattern(pattern)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("hidden", None, "hidden layer 0 is None; it must be a SignLayer"),
        ("hidden", (3,), "hidden layer 0 is 3; it must be a SignLayer"),
        ("output", None, r"the output is None; it must be OutputLayer\("),
        ("card", None, "the card is None; it must be texts by their names"),
        ("card", {"seed": 7}, "the card is {'seed': 7}; it must be texts by their names"),
        ("input_shape", 3, "the input shape is 3, and the first layer reads 2 inputs"),
    ],
)
def test_a_part_of_another_type_is_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        replace(small_network(), **{field: value})


def test_thresholds_and_scales_that_are_no_numbers_are_refused() -> None:
    texts: Any = ["a", "b"]
    with pytest.raises(NetworkError, match=r"values of hidden layer threshold hold <U1; they must"):
        SignLayer.dense(np.ones((2, 2)), texts)
    with pytest.raises(NetworkError, match=r"values of output layer scale hold <U1; they must"):
        OutputLayer(np.ones((2, 2)), texts, np.zeros(2))


def test_a_matrix_is_no_map_and_a_layer_no_tuple() -> None:
    weight: Any = np.ones((2, 2), dtype=np.int8)
    with pytest.raises(NetworkError, match=r"map is of type ndarray; .*SignLayer\.dense"):
        SignLayer(weight, np.zeros(2))
    network, ends = small_network(), (0, 255)
    first: Any = network.hidden[0]
    with pytest.raises(NetworkError, match="hidden is a layer; it must be a tuple of layers"):
        BinaryNetwork(first, network.output)
    wrong: Any = ends
    with pytest.raises(NetworkError, match=r"range is \(0, 255\); it must be InputRange"):
        BinaryNetwork(network.hidden, network.output, input_range=wrong)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 9])
def test_images_in_parts_are_as_those_at_once(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, pictures = small_network(), np.random.default_rng(0).random((count, 2))
    reads = (network.forward, network.predict, network.rankings)
    whole = [read(pictures) for read in reads]
    layers = network.activations(pictures)
    monkeypatch.setattr(network_module, "_AT_ONCE", 4 * 3)  # of at most 3 neurons a layer
    for read, wanted in zip(reads, whole, strict=True):
        found = read(pictures)
        assert found.dtype == wanted.dtype
        assert np.array_equal(found, wanted)
    assert all(map(np.array_equal, network.activations(pictures), layers))


def test_memory_does_not_grow_with_the_neurons_of_all_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    wide = SignLayer.dense(rng.choice([-1, 1], size=(512, 4)), np.zeros(512))
    network = BinaryNetwork(
        (wide, SignLayer.dense(rng.choice([-1, 1], size=(512, 512)), np.zeros(512))),
        output([[1] * 512, [-1] * 512], [1, 1], [0, 0]),
    )
    pictures = rng.random((4096, 4))
    network.predict(pictures[:1])
    monkeypatch.setattr(network_module, "_AT_ONCE", 2**16)
    tracemalloc.start()
    network.predict(pictures)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4096 * 512  # a byte a neuron; a sum alone takes four
