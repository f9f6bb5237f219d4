import numpy as np
import pytest

from signflip.data import ImageSet
from signflip.data.layout import flat_images
from signflip.errors import DataError

COLOUR = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)


def test_channels_come_first_whichever_way_they_lie() -> None:
    expected = COLOUR.transpose(0, 3, 1, 2).reshape(2, -1) / 255
    for images in (COLOUR, COLOUR.transpose(0, 3, 1, 2)):
        flat, shape = flat_images("set", images)
        np.testing.assert_array_equal(flat, expected)
        assert shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ((2, 20), (20,)),
        ((2, 4, 5), (4, 5)),
        ((2, 4, 5, 1), (4, 5)),
        ((2, 1, 4, 5), (4, 5)),
        ((2, 1, 1, 1), (1, 1)),
        ((2, 3, 4, 5), (3, 4, 5)),
    ],
)
def test_shapes(given: tuple[int, ...], shape: tuple[int, ...]) -> None:
    assert ImageSet.of_arrays("set", np.zeros(given)).shape == shape


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64])
def test_integers_are_grey_levels(dtype: type) -> None:
    flat, _ = flat_images("set", np.array([[0, 51, 255]], dtype=dtype))
    np.testing.assert_array_equal(flat, [[0, 51 / 255, 1]])


def test_bools_are_black_and_white() -> None:
    flat, _ = flat_images("set", np.array([[True, False]]))
    assert flat.dtype == np.float64
    np.testing.assert_array_equal(flat, [[1, 0]])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 3, 32, 3)), r"shape \(2, 3, 32, 3\), and either end may be the channels"),
        (np.zeros((2, 8, 8, 4)), r"have 1 or 3 channels, first or last; leave alpha out"),
        (np.zeros((2, 8, 8, 5)), "have 1 or 3 channels, first or last$"),
        (np.array([[0, 1]], dtype=np.uint8), "images are uint8 and go up to 1 only, and integers"),
        (np.array([[0, -1]]), "pixel 1 of image 0 is -1; integers must be grey levels"),
        (np.array([[300, 1]]), "pixel 0 of image 0 is 300; integers must be grey levels"),
        (np.array([[1j]]), "images are complex128; they must be bool, integers"),
    ],
)
def test_what_is_not_plain_is_refused(images: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        flat_images("set", images)


def test_labels_may_be_missing() -> None:
    images = ImageSet.of_arrays("set", np.zeros((2, 3)))
    assert not images.labelled
    assert images.labels.tolist() == [-1, -1]
    with pytest.raises(DataError, match="set has no labels, and training needs them"):
        images.need_labels("training")
    ImageSet.of_arrays("set", np.zeros((2, 3)), np.zeros(2, dtype=int)).need_labels("training")
