import os
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import IMAGES, Invoke, records

CERTIFY = ("certify", "net.safetensors", "images.npz", "--epsilon", 0.02, "--proofs", "proofs")


@pytest.fixture
def proofs(folder: Path, invoke: Invoke) -> list[Path]:
    """A proof of each image, in the order of the images."""
    result = invoke(*CERTIFY, "--out", "out.jsonl")
    assert result.exit_code == 0, result.output
    assert f"{IMAGES} of {IMAGES} answers have a proof in proofs" in result.output
    found = records(folder / "out.jsonl")
    assert {record["verdict"] for record in found} == {"robust", "flipped"}
    return [folder / "proofs" / record["proof"] for record in found]


def test_proofs_of_certify_are_checked(folder: Path, proofs: list[Path], invoke: Invoke) -> None:
    result = invoke("check", "proofs", "net.safetensors", "images.npz")
    assert result.exit_code == 0, result.output
    assert f"{IMAGES} of {IMAGES} are proofs" in result.output
    for record, path in zip(records(folder / "out.jsonl"), proofs, strict=True):
        (line,) = [line for line in result.output.splitlines() if path.name in line]
        assert f"image {record['index']} of images.npz, of class {record['prediction']}:" in line
        if record["verdict"] == "robust":
            assert f"every image has the class {record['prediction']}" in line
        else:
            assert f"There is an image of class {record['witness_prediction']}" in line


def test_one_proof_is_of_one_image(proofs: list[Path], invoke: Invoke) -> None:
    arguments = ("check", proofs[2], "net.safetensors", "images.npz")
    assert invoke(*arguments, "--index", 2).exit_code == 0
    result = invoke(*arguments, "--index", 3)
    assert result.exit_code == 1
    assert "no proof: image: it is none of the images that were named" in result.output


def test_a_changed_proof_is_none_and_says_why(proofs: list[Path], invoke: Invoke) -> None:
    proofs[0].write_bytes(proofs[0].read_bytes()[:-3])
    proofs[1].write_text("proof")
    result = invoke("check", "proofs", "net.safetensors", "images.npz")
    assert result.exit_code == 1
    assert f"{IMAGES - 2} of {IMAGES} are proofs" in result.output
    assert "no proof: steps: their stream is cut off" in result.output
    assert "no proof: file: it does not begin with" in result.output


def test_on_a_grid_the_image_is_the_one_of_the_grid(
    folder: Path, proofs: list[Path], invoke: Invoke
) -> None:
    del proofs
    with np.load(folder / "images.npz") as kept:
        levels = np.rint(kept["images"] * 255) / 255
    np.savez("levels.npz", images=levels.astype(np.float32))
    options = ("--epsilon", 0.02, "--grid", "8bit", "--proofs", "grid", "--index", "0:2")
    assert invoke("certify", "net.safetensors", "levels.npz", *options).exit_code == 0
    result = invoke("check", "grid", "net.safetensors", "levels.npz")
    assert result.exit_code == 0, result.output
    assert "put on its grid" in result.output


def test_the_lower_end_of_min_epsilon_is_checked(folder: Path, invoke: Invoke) -> None:
    options = ("--proofs", "ends", "--index", "0:2", "--tolerance", 0.01)
    result = invoke("min-epsilon", "net.safetensors", "images.npz", *options)
    assert result.exit_code == 0, result.output
    assert "2 of 2 answers have a proof in ends" in result.output
    assert len(list((folder / "ends").iterdir())) == 2
    result = invoke("check", "ends", "net.safetensors", "images.npz")
    assert result.exit_code == 0, result.output
    assert "is ahead of class" in result.output


def test_what_cannot_be_checked_is_an_error(folder: Path, invoke: Invoke) -> None:
    (folder / "empty").mkdir()
    result = invoke("check", "empty", "net.safetensors", "images.npz")
    assert result.exit_code == 2
    assert "empty holds no file NAME.proof" in result.output
    assert invoke("check", "none", "net.safetensors", "images.npz").exit_code == 2
    result = invoke(*CERTIFY[:-1], "images.npz")
    assert result.exit_code == 2
    assert "error" in result.output.lower()


def test_what_cannot_be_read_never_ends_the_others(
    folder: Path, proofs: list[Path], invoke: Invoke
) -> None:
    del proofs
    (folder / "proofs" / "0.proof").mkdir()
    (folder / "proofs" / "0a.proof").symlink_to("nothing")
    os.mkfifo(folder / "proofs" / "0b.proof")
    result = invoke("check", "proofs", "net.safetensors", "images.npz")
    assert result.exit_code == 1
    assert f"{IMAGES} of {IMAGES + 3} are proofs" in result.output
    assert "0.proof: no proof: file: it is a folder" in result.output
    assert "0a.proof: no proof: file: it cannot be read: No such file" in result.output
