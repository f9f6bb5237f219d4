"""Images as a network with another input range reads them."""

import numpy as np
import pytest

from signflip.data import ImageSet, load_dataset
from signflip.errors import DataError
from signflip.network import UNIT_RANGE, BinaryNetwork, InputRange, OutputLayer, SignLayer

BYTES = InputRange(upper=255.0, step=1.0)


def of_bytes(pixels: list[list[int]]) -> ImageSet:
    labels = np.zeros(len(pixels), dtype=np.int64)
    return ImageSet.of_arrays("bytes", np.array(pixels, dtype=np.uint8), labels)


def test_every_8_bit_value_is_its_step_exactly() -> None:
    images = of_bytes([list(range(256))])
    assert images.fitted(BYTES).images.tolist() == [list(range(256))]
    halves = InputRange(lower=-64.0, upper=63.5, step=0.5)
    assert images.fitted(halves).images.tolist() == [[k / 2 - 64 for k in range(256)]]
    single = ImageSet(
        name="single",
        images=images.images.astype(np.float32).astype(np.float64),
        labels=images.labels,
    )
    assert np.array_equal(single.fitted(BYTES).images, images.fitted(BYTES).images)


def test_sums_of_steps_are_exact() -> None:
    # in [0, 1] a sum that is 0 in whole numbers is -1.4e-17, and its neuron -1
    images = of_bytes([[1, 32, 33]])
    hidden = SignLayer.dense(np.array([[1, 1, -1]]), np.zeros(1))
    output = OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2))
    unit = BinaryNetwork((hidden,), output)
    assert unit.predict(images.images).tolist() == [0]
    stepped = BinaryNetwork((hidden,), output, input_range=BYTES)
    assert stepped.predict(images.fitted(stepped.input_range).images).tolist() == [1]


def test_a_network_in_bytes_predicts_as_one_in_shares_of_them() -> None:
    images = load_dataset("mnist-sample")
    rng = np.random.default_rng(0)
    weight = rng.choice([-1, 1], (50, 784))
    levels = np.rint(images.images * 255)
    threshold = np.floor(np.median(levels @ weight.T, axis=0)) + 0.5
    output = OutputLayer(rng.choice([-1, 1], (10, 50)), np.ones(10), np.zeros(10))
    unit = BinaryNetwork((SignLayer.dense(weight, threshold / 255),), output)
    stepped = BinaryNetwork((SignLayer.dense(weight, threshold),), output, input_range=BYTES)
    fitted = images.fitted(BYTES)
    assert np.array_equal(fitted.images, levels)
    assert np.array_equal(stepped.predict(fitted.images), unit.predict(images.images))


def test_a_range_without_steps_is_spread_over() -> None:
    images = of_bytes([[0, 51, 255]])
    around_zero = images.fitted(InputRange(lower=-1.0, upper=1.0))
    assert around_zero.images[0] == pytest.approx([-1, -0.6, 1])
    assert around_zero.inputs == InputRange(lower=-1.0, upper=1.0)
    assert around_zero.fitted(around_zero.inputs) is around_zero
    assert images.fitted(UNIT_RANGE) is images


def test_what_does_not_fit_is_refused() -> None:
    floats = ImageSet.of_arrays("floats", np.array([[0.2, 0.3]]), np.zeros(1, dtype=np.int64))
    with pytest.raises(DataError, match=r"floats: pixel 1 of image 0 is 0.3, which is no whole nu"):
        floats.fitted(BYTES)
    with pytest.raises(DataError, match=r"are in \[0, 255\] in steps of 1.*load them anew"):
        of_bytes([[1, 2]]).fitted(BYTES).fitted(InputRange(lower=-1.0, upper=1.0))
    with pytest.raises(DataError, match=r"floats must be in \[-1, 1\]"):
        ImageSet(
            name="x",
            images=np.array([[2.0]]),
            labels=np.zeros(1, dtype=np.int64),
            inputs=InputRange(lower=-1.0, upper=1.0),
        )


def pictures(shape: tuple[int, ...], pixels: np.ndarray) -> ImageSet:
    return ImageSet.of_arrays("set", pixels.reshape(-1, *shape).astype(np.uint8))


GREY = np.arange(24) * 10
SAME = np.stack([GREY] * 3)


@pytest.mark.parametrize("shape", [(1, 4, 6), (4, 6)])
def test_grey_images_in_colour_are_grey_to_a_network_of_one_channel(
    shape: tuple[int, ...],
) -> None:
    made = pictures((3, 4, 6), SAME).fitted(BYTES, shape)
    assert made.images.tolist() == [GREY.tolist()]
    assert made.shape == (4, 6)
    # one that reads colours gets them
    assert pictures((3, 4, 6), SAME).fitted(UNIT_RANGE, (3, 4, 6)).images.shape == (1, 72)
    coloured = SAME.copy()
    coloured[2, 5] += 1
    with pytest.raises(DataError, match=r"set: image 1 is in colour, .* save it as grey"):
        pictures((3, 4, 6), np.stack([SAME, coloured])).fitted(UNIT_RANGE, shape)


@pytest.mark.parametrize(
    ("own", "shape"), [((3, 8), (1, 4, 6)), ((8, 3), (1, 4, 6)), ((8, 3), (2, 3, 4))]
)
def test_images_of_another_shape_are_refused(own: tuple[int, ...], shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="as many values in another order"):
        pictures(own, GREY).fitted(UNIT_RANGE, shape)


@pytest.mark.parametrize(
    ("own", "shape"),
    [
        ((24,), (1, 4, 6)),
        ((4, 6), (1, 4, 6)),
        ((4, 6), (4, 6, 1)),
        ((3, 8), (24,)),
        ((3, 8), (4, 6)),
    ],
)
def test_what_is_flat_has_no_other_shape(own: tuple[int, ...], shape: tuple[int, ...]) -> None:
    assert pictures(own, GREY).fitted(UNIT_RANGE, shape).images.shape == (1, 24)
