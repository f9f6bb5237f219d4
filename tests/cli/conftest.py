import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from signflip import BinaryNetwork, HiddenLayer, OutputLayer, save_network
from signflip.cli import cli

Invoke = Callable[..., Result]
INPUTS, CLASSES, IMAGES = 16, 3, 8


def tiny_network(*, scale: Sequence[float] = (1.0,) * CLASSES) -> BinaryNetwork:
    rng = np.random.default_rng(5)
    sizes = (INPUTS, 8, 8)
    hidden = tuple(
        HiddenLayer(rng.choice([-1, 1], (after, before)), np.zeros(after))
        for before, after in pairwise(sizes)
    )
    output = OutputLayer(
        rng.choice([-1, 1], (CLASSES, 8)), np.array(scale, dtype=np.float64), np.zeros(CLASSES)
    )
    return BinaryNetwork(hidden, output, {"dataset": "tiny"})


def records(path: Path) -> list[dict[str, Any]]:
    """The records of a file of complete lines, by index."""
    text = path.read_text()
    assert text.endswith("\n")
    return sorted(map(json.loads, text.splitlines()), key=lambda record: int(record["index"]))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with `net.safetensors` and `images.npz`."""
    monkeypatch.chdir(tmp_path)
    save_network(tiny_network(), "net.safetensors")
    rng = np.random.default_rng(7)
    images = rng.random((IMAGES, INPUTS))
    np.savez("images.npz", images=images, labels=rng.integers(0, CLASSES, IMAGES))
    return tmp_path


@pytest.fixture
def invoke() -> Invoke:
    """Runs a command line in this process."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in arguments])

    return run
