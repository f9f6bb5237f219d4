from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Invoke

SHOW = ("show", "net.safetensors", "images.npz", "--epsilon", 0.2, "--method", "fgsm")


def test_a_picture_and_a_line(folder: Path, invoke: Invoke) -> None:
    result = invoke(*SHOW, "--index", 3, "--out", "p.png")
    assert result.exit_code == 0, result.output
    assert (folder / "p.png").read_bytes().startswith(b"\x89PNG")
    assert result.stdout.startswith("net.safetensors, image 3 of images.npz, epsilon 0.2, fgsm: ")
    assert result.stdout.endswith("; p.png is written\n")


def test_a_picture_file_can_be_attacked_and_drawn(folder: Path, invoke: Invoke) -> None:
    Image.fromarray(np.full((4, 4), 100, dtype=np.uint8)).save(folder / "grey.png")
    result = invoke(
        "show", "net.safetensors", "grey.png", *SHOW[3:], "--index", 0, "--out", "p.png"
    )
    assert result.exit_code == 0, result.output
    assert (folder / "p.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--index", "0:2", "--out", "p.png"), "--index 0:2 chooses 2 images; show draws one"),
        (("--index", "9", "--out", "p.png"), "--index 9 reaches beyond the images"),
        (("--index", "0", "--out", "p.bmp"), "p.bmp is no name of a picture"),
        (("--index", "0", "--out", "no/p.png"), "no is no folder; make it first"),
        (("--index", "0"), "Missing option '--out'"),
        (("--out", "p.png"), "Missing option '--index'"),
    ],
)
def test_bad_options(folder: Path, invoke: Invoke, options: tuple[str, ...], message: str) -> None:
    result = invoke(*SHOW, *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not list(folder.glob("p.*"))


def test_a_picture_that_exists_is_kept_unless_told(folder: Path, invoke: Invoke) -> None:
    (folder / "p.svg").write_text("old")
    options = (*SHOW, "--index", 0, "--out", "p.svg")
    result = invoke(*options)
    assert (result.exit_code, (folder / "p.svg").read_text()) == (2, "old")
    assert "p.svg exists already; give --overwrite" in result.stderr
    assert invoke(*options, "--overwrite").exit_code == 0
    assert (folder / "p.svg").read_text().startswith("<?xml")
