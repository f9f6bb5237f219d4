import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from signflip import save_network
from signflip.cli import cli
from tests.support.tiny import CLASSES, INPUTS, tiny_network

Invoke = Callable[..., Result]
IMAGES = 8


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
