import errno
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from signflip.cli import curve
from signflip.data import load_dataset
from tests.cli.conftest import IMAGES, Invoke, records
from tests.support.tiny import tiny_network

CURVE = ("curve", "net.safetensors", "images.npz", "--epsilons", "0.05,0.3,0.05")


@pytest.fixture
def labelled(folder: Path) -> Path:
    """The folder, with images of which all but one are classified rightly."""
    images = load_dataset("images.npz").images
    labels = tiny_network().predict(images)
    labels[0] = (labels[0] + 1) % 3
    np.savez("images.npz", images=images, labels=labels)
    return folder


def test_a_curve_is_what_certify_and_attack_say(labelled: Path, invoke: Invoke) -> None:
    options = ("--attacks", "fgsm", "--store", "kept.db")
    result = invoke(*CURVE, *options, "--out", "c.svg", "--json", "c.json")
    assert result.exit_code == 0, result.output
    assert b"<svg" in (labelled / "c.svg").read_bytes()
    found = json.loads((labelled / "c.json").read_text())
    assert found["epsilons"] == [0.05, 0.3]
    assert found["images"] == IMAGES
    assert found["accuracy"] == (IMAGES - 1) / IMAGES
    for place, epsilon in enumerate(found["epsilons"]):
        out = f"{epsilon}.jsonl"
        certify = ("certify", *CURVE[1:3], "--epsilon", epsilon, "--ties", "flip", "--out", out)
        assert invoke(*certify).exit_code == 0
        sure = [r for r in records(labelled / out) if r["label"] == r["prediction"]]
        robust = sum(record["verdict"] == "robust" for record in sure) / IMAGES
        assert found["certified"][place] == found["possible"][place] == robust
        assert robust <= found["withstood"]["fgsm"][place] <= found["accuracy"]
        assert f"{epsilon:g}" in result.stdout
    again = invoke(*CURVE, *options, "--out", "c.png")
    assert again.exit_code == 0, again.output
    assert f"{4 * IMAGES} of {4 * IMAGES} are in kept.db" in again.stderr


def test_attacks_may_have_settings(labelled: Path, invoke: Invoke) -> None:
    scaled = "pgd:scaling=njs:iterations=3"
    options = ("--attacks", f"pgd:iterations=3,{scaled}", "--out", "c.png", "--json", "c.json")
    result = invoke(*CURVE, *options)
    assert result.exit_code == 0, result.output
    found = json.loads((labelled / "c.json").read_text())
    assert list(found["withstood"]) == ["pgd:iterations=3", scaled]


def test_an_attack_of_two_names_is_drawn_twice(labelled: Path, invoke: Invoke) -> None:
    options = ("--attacks", "fgsm,fgsm:iterations=100", "--json", "c.json")
    result = invoke(*CURVE, *options, "--out", "c.png")
    assert result.exit_code == 0, result.output
    withstood = json.loads((labelled / "c.json").read_text())["withstood"]
    assert list(withstood) == ["fgsm", "fgsm:iterations=100"]
    assert withstood["fgsm"] == withstood["fgsm:iterations=100"]


def test_answers_of_a_sweep_serve_whatever_they_are_called_there(
    labelled: Path, invoke: Invoke
) -> None:
    grid = """
        time_limit = 180
        [methods.mine]
        method = "exact"
        [[problems]]
        networks = ["net.safetensors"]
        images = "images.npz"
        epsilons = [0.05, 0.3]
        target = "untargeted"
        ties = "flip"
    """
    (labelled / "grid.toml").write_text(grid)
    assert invoke("sweep", "grid.toml", "--store", "kept.db").exit_code == 0
    options = ("--attacks", "none", "--store", "kept.db", "--json", "c.json", "--out", "c.png")
    result = invoke(*CURVE, *options)
    assert result.exit_code == 0, result.output
    assert f"{2 * IMAGES} of {2 * IMAGES} are in kept.db" in result.stderr
    assert json.loads((labelled / "c.json").read_text())["images"] == IMAGES


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "c.bmp"), "c.bmp is no name of a picture"),
        (("--out", "c.png", "--attacks", "luck"), "--attacks names 'luck'; the attacks are fgsm"),
        (
            ("--out", "c.png", "--attacks", "pgd:steps=3"),
            "--attacks pgd:steps=3: steps is no setting",
        ),
        (
            ("--out", "c.png", "--attacks", "pgd:iterations=few"),
            "iterations is 'few'; it should be",
        ),
        (("--out", "c.png", "--attacks", "pgd:scaling"), "--attacks pgd:scaling: "),
        (("--out", "c.png", "--epsilons", "0.1,big"), "for '--epsilons': 'big' is no number"),
        (("--out", "c.png", "--epsilons", "2"), "epsilon is 2.0; it must be from 0 to 1"),
        (("--out", "c.png", "--json", "c.png"), "both name c.png"),
        (("--out", "c.png", "--json", "c.db", "--store", "c.db"), "both name c.db"),
        (("--out", "images.npz"), "no name of a picture"),
    ],
)
def test_bad_options(
    labelled: Path, invoke: Invoke, options: tuple[str, ...], message: str
) -> None:
    result = invoke(*CURVE, *options)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split())
    assert not (labelled / "c.png").exists()


def test_images_without_labels_have_no_accuracy(folder: Path, invoke: Invoke) -> None:
    np.savez("images.npz", images=load_dataset("images.npz").images)
    result = invoke(*CURVE, "--out", "c.png")
    assert result.exit_code == 2, result.output
    assert "images.npz has no labels" in result.stderr
    assert not (folder / "c.png").exists()


def test_where_no_picture_can_be_written_the_numbers_are_there(
    labelled: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_figure: object, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(curve, "save_picture", full)
    options = ("--attacks", "none", "--out", "c.png", "--json", "c.json")
    result = invoke(*CURVE, *options)
    assert result.exit_code == 2
    assert "c.png cannot be written (No space left on device)" in result.stderr
    assert json.loads((labelled / "c.json").read_text())["images"] == IMAGES
    assert f"of {IMAGES} images; a tie is a flip" in result.stdout


@pytest.mark.parametrize("name", ["a\x01<&|$.safetensors", "a\udcff.safetensors"])
def test_a_network_s_name_may_hold_anything(labelled: Path, invoke: Invoke, name: str) -> None:
    Path("net.safetensors").rename(name)
    result = invoke("curve", name, *CURVE[2:], "--attacks", "none", "--out", "c.svg")
    assert result.exit_code == 0, result.output
    ElementTree.parse(labelled / "c.svg")


def test_a_store_may_be_of_files_whose_names_are_no_text(labelled: Path, invoke: Invoke) -> None:
    for name in ("net.safetensors", "images.npz"):
        Path(name).rename(name.replace(".", "\udcff."))
    given = ("net\udcff.safetensors", "images\udcff.npz", *CURVE[3:], "--attacks", "none")
    for out in ("a.svg", "b.svg"):  # the second run has its answers from the store
        result = invoke("curve", *given, "--store", "c.db", "--out", out)
        assert result.exit_code == 0, result.output
    assert "are in c.db" in result.stderr
    assert (labelled / "b.svg").exists()
