import numpy as np
import pytest

from signflip.data import ImageSet
from signflip.errors import DataError

GREY = np.array([[0, 51], [255, 102]], dtype=np.uint8)
LABELS = np.array([3, 0])


def test_8_bit_values_are_divided_by_255() -> None:
    images = ImageSet.of_arrays("set", GREY, LABELS)
    assert images.images.dtype == np.float64
    assert images.images.tolist() == [[0 / 255, 51 / 255], [255 / 255, 102 / 255]]
    assert images.labels.dtype == np.int64
    assert images.labels.tolist() == [3, 0]
    assert len(images) == 2
    assert images.name == "set"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_keep_their_exact_value(dtype: type) -> None:
    values: np.ndarray = np.array([[0.1, 1.0, 0.0]], dtype=dtype)
    images = ImageSet.of_arrays("set", values, LABELS[:1])
    assert images.images.dtype == np.float64
    assert np.array_equal(images.images, values)


def test_square_images_are_flattened_row_by_row() -> None:
    images = ImageSet.of_arrays("set", np.arange(12, dtype=np.uint8).reshape(2, 2, 3), LABELS)
    assert (images.images[1] * 255).tolist() == [6, 7, 8, 9, 10, 11]


def test_8_bit_values_that_never_exceed_1_are_no_8_bit_values() -> None:
    with pytest.raises(DataError, match=r"^set: images are uint8 and go up to 1 only.*as floats"):
        ImageSet.of_arrays("set", (GREY > 100).astype(np.uint8), LABELS)
    assert not ImageSet.of_arrays("set", np.zeros((2, 3), dtype=np.uint8), LABELS).images.any()


@pytest.mark.parametrize(
    ("labels", "indices", "fault"),
    [
        ([0, 1, 2], [0, 1, 2], None),
        ([0, 1, 7], [0, 1], None),  # a network of few classes, and images of these
        ([0, 1, 3], [0, 2], r"image 2 is 3, and net has classes 0 to 2; .*: take other images"),
        ([1, 2, 3], [0, 1, 2], r"image 2 is 3, and net has classes 0 to 2; .*: subtract 1"),
        ([1, 3, 2], [0], r"image 1 is 3, and net has classes 0 to 2; .*: subtract 1"),
    ],
)
def test_labels_that_a_network_has_no_class_for(
    labels: list[int], indices: list[int], fault: str | None
) -> None:
    images = ImageSet.of_arrays("set", np.zeros((3, 2)), np.array(labels))
    if fault is None:
        images.check_classes(indices, 3, "net")
    else:
        with pytest.raises(DataError, match=f"^set: the label of {fault}"):
            images.check_classes(indices, 3, "net")


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.uint64])
def test_labels_of_any_integer_type_are_read(dtype: type) -> None:
    assert ImageSet.of_arrays("set", GREY, LABELS.astype(dtype)).labels.tolist() == [3, 0]


def test_a_set_keeps_its_own_arrays() -> None:
    values, labels = np.zeros((1, 2)), np.array([1])
    images = ImageSet.of_arrays("set", values, labels)
    values[0, 0], labels[0] = 1, 7
    assert images.images[0, 0] == 0
    assert images.labels[0] == 1
    for array in (images.images, images.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros(4), LABELS, r"images have shape \(4,\); it must be \(N, inputs\), \(N, h"),
        (np.zeros((2, 1, 2, 2, 2)), LABELS, r"images have shape \(2, 1, 2, 2, 2\)"),
        (GREY.astype(str), LABELS, "images are <U3"),
        (GREY, LABELS.astype(float), r"labels are float64 of shape \(2,\); they must be integers"),
        (GREY, LABELS[:, None], r"labels are int64 of shape \(2, 1\)"),
        (GREY, LABELS[:1], r"2 images and labels of shape \(1,\).*one int64 label for each image"),
        (GREY, np.array([1, -1]), "the label of image 1 is -1; labels count classes from 0"),
        (
            GREY,
            np.array([1, 2**63], dtype=np.uint64),
            "the label of image 1 is 9223372036854775808; labels count classes from 0",
        ),
        (np.zeros((0, 4)), LABELS[:0], r"images have shape \(0, 4\); at least one image"),
        (np.zeros((2, 0)), LABELS, r"images have shape \(2, 0\); at least one image"),
        (np.array([[0.5, 1.5]]), LABELS[:1], "pixel 1 of image 0 is 1.5; floats must be in"),
        (np.array([[0.5], [-0.1]]), LABELS, r"pixel 0 of image 1 is -0.1"),
        (np.array([[0, 255.0]]), LABELS[:1], "is 255.0.*divide 8-bit values by 255"),
        (np.array([[np.nan, 0.5]]), LABELS[:1], "pixel 0 of image 0 is nan"),
        (np.array([[np.inf]]), LABELS[:1], "pixel 0 of image 0 is inf"),
    ],
)
def test_broken_arrays_are_refused(images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        ImageSet.of_arrays("my set", images, labels)
    assert str(caught.value).startswith("my set: ")


def test_the_constructor_leaves_the_callers_arrays_writable() -> None:
    values, labels = np.zeros((1, 2)), np.array([1])
    images = ImageSet(name="set", images=values, labels=labels)
    assert values.flags.writeable
    assert labels.flags.writeable
    assert not images.images.flags.writeable


def test_the_constructor_takes_only_what_it_promises() -> None:
    with pytest.raises(DataError, match=r"images are uint8.*must be float64"):
        ImageSet(name="set", images=GREY, labels=LABELS)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="int32; there must be one int64 label"):
        ImageSet(
            name="set",
            images=GREY / 255,
            labels=LABELS.astype(np.int32),
        )
