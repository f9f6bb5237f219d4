"""Published data sets for tests, where this machine has them."""

import os
from functools import cache
from pathlib import Path

from signflip.data import ImageSet, load_dataset
from signflip.data.sources import SOURCES
from tests.support.absent import absent

_FULL = {
    "mnist": ("full MNIST", "a folder named by SIGNFLIP_DATA"),
    "fashion-mnist": ("full Fashion-MNIST", "dataset-fashion-mnist"),
}
"""How the line at the end calls a data set, and what gives it."""


@cache
def full_test_set(dataset: str) -> ImageSet:
    """The 10,000 test images of `mnist` or `fashion-mnist`; skips the test without them.

    They are looked for in the folder that SIGNFLIP_DATA names and in the system's, and never
    downloaded.
    """
    named = os.environ.get("SIGNFLIP_DATA")
    folders = [Path(named) / dataset] if named else []
    for folder in (*folders, *SOURCES[dataset].folders):
        if folder.is_dir():
            return load_dataset(dataset, split="test", data_dir=folder)
    raise absent(*_FULL[dataset])
