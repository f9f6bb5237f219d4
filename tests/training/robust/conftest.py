"""Images that the tests of robust training share."""

import numpy as np
import pytest

from signflip.network import Floats, Integers


@pytest.fixture(scope="session")
def data() -> tuple[Floats, Integers]:
    """500 images of 8x8 pixels; the class says which of three bands is bright."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 500)
    images = 0.4 * rng.random((500, 8, 8))
    for image, label in zip(images, labels, strict=True):
        image[:, 3 * label : 3 * label + 2] += 0.6 * rng.random((8, 2))
    return images.reshape(500, 64), labels
