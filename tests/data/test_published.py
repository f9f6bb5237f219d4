"""Tests on the published data sets, where this machine has them."""

from pathlib import Path

import numpy as np
import pytest

from signflip.data import SAMPLES, load_dataset
from signflip.errors import DataError
from tests.support.datasets import full_test_set
from tests.support.idx import write_split


def test_a_data_set_is_not_taken_for_another_with_the_same_file_names(tmp_path: Path) -> None:
    labels = full_test_set("fashion-mnist").labels
    write_split(tmp_path, "test", np.zeros((len(labels), 1, 1)), labels)
    assert len(load_dataset("fashion-mnist", data_dir=tmp_path)) == len(labels)
    with pytest.raises(DataError, match=r"has no t10k-images.* of mnist"):
        load_dataset("mnist", data_dir=tmp_path)


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_hold_ten_images_of_each_class(name: str) -> None:
    sample = load_dataset(name)
    assert sample.name == name
    assert sample.images.shape == (100, 784)
    assert np.bincount(sample.labels).tolist() == [10] * 10
    grey_levels = sample.images * 255
    assert np.array_equal(np.round(grey_levels) / 255, sample.images)
    assert len(np.unique(sample.images, axis=0)) == 100
    # real images: dark at the rim, bright strokes and cloth
    assert sample.images[:, :28].mean() < 0.1 < sample.images.mean() < 0.4


def test_the_fashion_sample_comes_from_the_test_split() -> None:
    test = full_test_set("fashion-mnist")
    sample = load_dataset("fashion-mnist-sample")
    rows = {row.tobytes(): label for row, label in zip(test.images, test.labels, strict=True)}
    assert [rows[row.tobytes()] for row in sample.images] == sample.labels.tolist()
