"""Grids, masks, the smallest perturbation and pictures, from the command line and grid files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from signflip import save_network
from signflip.many.grid import read_plan
from signflip.network import BinaryNetwork, InputRange, SignLayer
from signflip.problem import GridName, Mask, Norm, Problem, Terms, Ties, exact_distance
from tests.cli.conftest import Invoke, records
from tests.support.tiny import INPUTS, tiny_network

COUNT = 4


@pytest.fixture
def grey(folder: Path) -> np.ndarray:
    """`grey.npz`: images of 8 bits."""
    pixels = np.random.default_rng(1).integers(0, 256, (COUNT, INPUTS)).astype(np.uint8)
    np.savez(folder / "grey.npz", images=pixels, labels=np.zeros(COUNT, dtype=np.int64))
    return pixels


def attack(invoke: Invoke, *rest: object, epsilon: object = "30/255") -> list[dict[str, Any]]:
    common = ("attack", "net.safetensors", "grey.npz", "--epsilon", epsilon, "--overwrite")
    result = invoke(*common, "--out", "out.jsonl", *rest)
    assert result.exit_code == 0, result.output
    return records(Path("out.jsonl"))


def test_pictures_flip_as_they_are(grey: np.ndarray, folder: Path, invoke: Invoke) -> None:
    options = ("--method", "exact", "--grid", "8bit", "--witnesses", "w-{index}.png")
    found = attack(invoke, *options)
    network = tiny_network()
    assert {record["verdict"] for record in found} >= {"flipped"}
    for record in found:
        index = record["index"]
        assert record["grid"] == "8bit"
        with Image.open(folder / f"w-{index}.png") as picture:
            levels = np.asarray(picture)
        assert levels.shape == (4, 4)
        assert levels.dtype == np.uint8
        assert np.abs(levels.ravel().astype(int) - grey[index].astype(int)).max() <= 30
        problem = Problem.ball(network, grey[index] / 255, epsilon=30 / 255, grid="8bit")
        replay = problem.replay(levels.ravel() / 255)
        assert replay.inside
        assert replay.flipped == (record["verdict"] == "flipped")
        assert replay.value == record["objective"]
        if replay.flipped:
            assert record["flips_as_8bit"] is True
        else:
            assert record["flips_as_8bit"] is None


@pytest.mark.usefixtures("grey")
def test_what_a_picture_cannot_hold_is_refused(invoke: Invoke) -> None:
    common = ("attack", "net.safetensors", "grey.npz", "--epsilon", 0.1, "--method", "fgsm")
    for options, message in [
        (("--witnesses", "w-{index}.png"), "give --grid 8bit, so that what is written flips"),
        (("--grid", "float32", "--witnesses", "w-{index}.png"), "give --grid 8bit"),
        (("--grid", "8bit", "--witnesses", "w.png"), "4 images are attacked; name one for each"),
    ]:
        result = invoke(*common, *options)
        assert result.exit_code == 2
        assert message in " ".join(result.output.split())
    assert not list(Path().glob("*.png"))


@pytest.mark.usefixtures("grey")
def test_witnesses_of_float32_numbers(invoke: Invoke) -> None:
    found = attack(invoke, "--method", "exact", "--grid", "float32", "--witnesses", "w.npz")
    with np.load("w.npz") as kept:
        for record, witness in zip(found, kept["images"], strict=True):
            assert np.array_equal(witness, witness.astype(np.float32))
            assert record["flips_as_float32"] in (True, None)
            assert (record["verdict"] == "flipped") == (record["flips_as_float32"] is True)


@pytest.mark.usefixtures("folder")
def test_an_image_off_the_grid_is_refused(invoke: Invoke) -> None:
    result = invoke(
        *("attack", "net.safetensors", "images.npz", "--epsilon", 0.1, "--method", "fgsm"),
        *("--grid", "8bit"),
    )
    assert result.exit_code == 2
    assert "which is no value of the grid" in " ".join(result.output.split())


@pytest.mark.parametrize("kind", ["mask.npy", "mask.npz", "mask.png"])
def test_masked_pixels_stay(grey: np.ndarray, folder: Path, invoke: Invoke, kind: str) -> None:
    free = np.zeros((4, 4), dtype=np.bool_)
    free[1:3, 2:] = True
    if kind == "mask.npy":
        np.save(folder / kind, free.ravel())
    elif kind == "mask.npz":
        np.savez(folder / kind, mask=free.astype(np.float64))
    else:
        Image.fromarray(np.where(free, 200, 60).astype(np.uint8)).save(folder / kind)
    options = ("--method", "exact", "--mask", kind, "--witnesses", "w.npz")
    found = attack(invoke, *options, epsilon=1)
    assert {record["mask"] for record in found} == {kind}
    with np.load("w.npz") as kept:
        changed = kept["images"] != grey / 255
    assert changed.any()
    assert not changed[:, ~free.ravel()].any()


@pytest.mark.usefixtures("folder")
def test_masks_that_are_none_are_refused(invoke: Invoke) -> None:
    np.save("wide.npy", np.ones((3, 4)))
    np.save("closed.npy", np.zeros(16))
    np.save("words.npy", np.array(["a"] * 16))
    np.savez("other.npz", holes=np.ones(16))
    Path("text.png").write_text("no picture")
    for name, message in [
        ("wide.npy", "wide.npy has the shape (3, 4); the network reads images of (4, 4)"),
        ("closed.npy", "closed.npy lets no pixel change"),
        ("words.npy", "words.npy holds <U1; a mask holds bool or real numbers"),
        ("other.npz", "other.npz has no array 'mask'; its arrays are holes"),
        ("text.png", "text.png is no picture that can be read"),
        ("missing.npy", "missing.npy cannot be read: No such file"),
    ]:
        result = invoke(
            *("attack", "net.safetensors", "images.npz", "--epsilon", 0.1, "--method", "fgsm"),
            *("--mask", name),
        )
        assert result.exit_code != 0
        assert message in " ".join(result.output.split())


@pytest.mark.parametrize(("norm", "method"), [("linf", "milp"), ("l1", "milp"), ("linf", "exact")])
def test_the_smallest_perturbation(
    grey: np.ndarray, invoke: Invoke, norm: str, method: str
) -> None:
    options = ("--method", method, "--smallest", norm, "--target", "untargeted")
    found = attack(invoke, *options, "--witnesses", "w.npz", epsilon=1)
    with np.load("w.npz") as kept:
        witnesses = dict(zip(kept["index"].tolist(), kept["images"], strict=True))
    assert {record["verdict"] for record in found} == {"flipped"}
    for record in found:
        assert (record["norm"], record["method"], record["epsilon"]) == (norm, method, 1)
        image, witness = grey[record["index"]] / 255, witnesses[record["index"]]
        assert exact_distance(image, witness, Norm(norm)) == record["upper"]
        assert record["lower"] <= record["upper"]
        assert record["upper"] - record["lower"] < 1e-3
        assert record["witness_prediction"] != record["prediction"]


@pytest.mark.usefixtures("grey")
def test_a_method_that_minimises_nothing_says_so(invoke: Invoke) -> None:
    common = ("attack", "net.safetensors", "grey.npz", "--epsilon", 0.1)
    result = invoke(*common, "--method", "fgsm", "--smallest", "l1")
    assert result.exit_code == 2
    assert "Fgsm looks for the largest objective" in " ".join(result.output.split())
    result = invoke(*common, "--method", "exact", "--smallest", "l1")
    assert "Exact() encloses the smallest epsilon" in " ".join(result.output.split())


def test_a_network_in_bytes(grey: np.ndarray, folder: Path, invoke: Invoke) -> None:
    tiny = tiny_network()
    first = SignLayer(tiny.hidden[0].map, np.full(8, -0.5))
    network = BinaryNetwork(
        (first, *tiny.hidden[1:]), tiny.output, input_range=InputRange(upper=255.0, step=1.0)
    )
    save_network(network, "bytes.safetensors")
    common = ("bytes.safetensors", "grey.npz", "--out", "out.jsonl", "--overwrite")
    result = invoke(
        *("attack", *common, "--epsilon", 40, "--method", "exact", "--witnesses", "w.npz")
    )
    assert result.exit_code == 0, result.output
    with np.load("w.npz") as kept:
        assert np.array_equal(kept["images"], np.rint(kept["images"]))
        assert np.abs(kept["images"] - grey).max() <= 40
    result = invoke("min-epsilon", *common)
    assert result.exit_code == 0, result.output
    for record in records(folder / "out.jsonl"):
        assert float(record["upper"]).is_integer()
        assert record["upper"] - record["lower"] < 1e-3
    result = invoke("attack", *common, "--epsilon", 256, "--method", "exact")
    assert result.exit_code == 2
    assert "epsilon is 256.0; it must be from 0 to 255" in " ".join(result.output.split())


@pytest.mark.usefixtures("grey")
def test_terms_in_a_grid_file(invoke: Invoke) -> None:
    np.save("mask.npy", np.arange(16) < 8)
    table = {"networks": ["net.safetensors"], "images": "grey.npz", "epsilons": ["8/255"]}
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    extra = 'ties = "flip"\ngrid = "8bit"\nmask = "mask.npy"\n'
    methods = "[methods.exact]\n[methods.fgsm]\n"
    Path("grid.toml").write_text(f"{methods}[[problems]]\n{lines}[[problems]]\n{lines}{extra}")
    plan = read_plan("grid.toml")
    mask = Mask.of(np.arange(16) < 8)
    assert [block.cases[0].terms for block in plan.blocks] == [
        Terms(),
        Terms(ties=Ties.FLIP, grid=GridName.EIGHT_BIT, mask=mask),
    ]
    assert len(plan.tasks()) == 4 * COUNT
    result = invoke("sweep", "grid.toml", "--store", "results.db")
    assert result.exit_code == 0, result.output
    again = invoke("sweep", "grid.toml", "--store", "results.db")
    assert f"{4 * COUNT} are in the store, 0 are to be run" in again.stderr
    Path("grid.toml").write_text(f'{methods}[[problems]]\n{lines}ties = "some"\n')
    wrong = invoke("sweep", "grid.toml", "--store", "results.db")
    assert wrong.exit_code == 2
    assert "problems[0].ties is 'some'" in " ".join(wrong.output.split())
