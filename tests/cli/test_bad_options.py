"""Every bad argument of `attack`: exit code 2, one line that names it, and no file left behind."""

from pathlib import Path

import numpy as np
import pytest

from signflip import Problem, load_network
from signflip.data import load_dataset
from tests.cli.conftest import Invoke

GOOD = {
    "NETWORK": "net.safetensors",
    "IMAGES": "images.npz",
    "--epsilon": "0.1",
    "--method": "fgsm",
    "--out": "out.jsonl",
    "--witnesses": "adv.npz",
}


def arguments(changes: dict[str, str]) -> list[str]:
    values = {**GOOD, **changes}
    words = ["attack", values.pop("NETWORK"), values.pop("IMAGES")]
    for option, value in values.items():
        words += [option, value]
    return words


CASES = [
    ({"NETWORK": "mnist-2x10"}, "neither a network of the zoo nor a file (did you mean 'mnist-2x1"),
    ({"NETWORK": "images.npz"}, "images.npz is an .npz file of images and labels"),
    ({"NETWORK": "folder"}, "'folder' is neither a network of the zoo nor a file"),
    ({"IMAGES": "mnits"}, "no data set is called 'mnits'"),
    (
        {"IMAGES": "from-one.npz"},
        "from-one.npz: the label of image 2 is 3, and net.safetensors has",
    ),
    ({"IMAGES": "nowhere.npz"}, "nowhere.npz cannot be read: No such file"),
    ({"IMAGES": "mnist-sample"}, "images have shape (100, 784); this network reads (N, 16)"),
    ({"--epsilon": "-0.1"}, "epsilon is -0.1; it must be from 0 to 1"),
    ({"--epsilon": "8"}, "epsilon is 8.0; it must be from 0 to 1"),
    ({"--epsilon": "nan"}, "epsilon is nan; it must be from 0 to 1"),
    ({"--epsilon": "small"}, "Invalid value for '--epsilon': 'small' is no number"),
    ({"--epsilon": "1/0"}, "Invalid value for '--epsilon': '1/0' is no number"),
    ({"--method": "fsgm"}, "Invalid value for '--method': 'fsgm' is not one of 'fgsm'"),
    ({"--index": "8"}, "--index 8 reaches beyond the images of images.npz, which are 0 to 7"),
    ({"--index": "0:20"}, "--index 0:20 reaches beyond the images of images.npz"),
    ({"--index": "9:"}, "--index 9: reaches beyond the images of images.npz"),
    ({"--index": "5:5"}, "--index 5:5 chooses no image"),
    ({"--index": "-1"}, "Invalid value for '--index': '-1' is no range of images"),
    ({"--index": "0:9:0"}, "Invalid value for '--index': '0:9:0' is no range of images"),
    ({"--index": "1,,2"}, "Invalid value for '--index': '1,,2' is no range of images"),
    ({"--index": "all"}, "Invalid value for '--index': 'all' is no range of images"),
    ({"--target": "3"}, "the target is class 3; net.safetensors has classes 0 to 2"),
    ({"--target": "-1"}, "Invalid value for '--target': '-1' is no target"),
    ({"--target": "first"}, "Invalid value for '--target': 'first' is no target"),
    ({"--time-limit": "-1"}, "the time limit is -1.0; it must be 0 or more seconds"),
    ({"--time-limit": "nan"}, "the time limit is nan; it must be 0 or more seconds, or inf for no"),
    ({"--time-limit": "1m"}, "Invalid value for '--time-limit': '1m' is not a valid float"),
    ({"--solver": "cplex"}, "Invalid value for '--solver': 'cplex' is not one of 'highs'"),
    ({"--solver": "highs"}, "the method 'fgsm' has no setting 'solver'"),
    ({"--goal": "best"}, "Invalid value for '--goal': 'best' is not one of 'decide', 'optimise'"),
    ({"--goal": "optimise"}, "the method 'fgsm' has no setting 'goal'"),
    ({"--warm-start": "fgsm"}, "Invalid value for '--warm-start': 'fgsm' is no warm start"),
    ({"--warm-start": "fgsm:-1"}, "'fgsm:-1' is no warm start; write METHOD:SECONDS"),
    ({"--warm-start": "deepfool:5"}, "'deepfool:5' is no warm start; write METHOD:SECONDS"),
    ({"--warm-start": "fgsm:inf"}, "'fgsm:inf' is no warm start; write METHOD:SECONDS"),
    ({"--seed": "-1"}, "Invalid value for '--seed': -1 is not in the range x>=0"),
    ({"--seed": "x"}, "Invalid value for '--seed': 'x' is not a valid int"),
    ({"--workers": "0"}, "the number of workers is 0; it must be at least 1"),
    ({"--workers": "two"}, "Invalid value for '--workers': 'two' is not a valid int"),
    ({"--data-dir": "net.safetensors"}, "Invalid value for '--data-dir'"),
    ({"IMAGES": "mnist", "--data-dir": "folder"}, "the data folder folder has no t10k-images"),
    ({"--out": "folder"}, "Invalid value for '--out': File 'folder' is a directory"),
    ({"--out": "a" * 300}, "a cannot be written (File name too long); name another file"),
    ({"--out": "-"}, "Invalid value for '--out': '-' stands for no stream here; name a file"),
    ({"--out": ""}, ". is a folder; name a file"),
    ({"--out": "/dev/null"}, "/dev/null is a device or a pipe; name a file"),
    ({"--out": "missing/out.jsonl"}, "missing is no folder; make it first"),
    ({"--witnesses": "missing/adv.npz"}, "missing is no folder; make it first"),
    ({"--out": "images.npz"}, "images.npz exists already; give --overwrite to replace it"),
    ({"--witnesses": "images.npz"}, "images.npz exists already; give --overwrite to replace it"),
    ({"--out": "same", "--witnesses": "same"}, "--out and --witnesses both name same"),
    ({"--witnesses": "a.txt"}, "a.txt ends neither in .npz nor in .png, the formats of witnesses"),
    ({"--witnesses": "flip-{index}.npz"}, "one file for all images"),
    ({"--witnesses": "flip-{i}.png"}, "write {index} for it"),
    ({"--mask": "nan.npy"}, "nan.npy holds NaN"),
    ({"--mask": "complex.npy"}, "complex.npy holds complex128; a mask holds bool or real numbers"),
    ({"--steps": "3"}, "No such option '--steps'"),
]


@pytest.mark.parametrize(("changes", "message"), CASES, ids=[message for _, message in CASES])
def test_bad_argument(folder: Path, invoke: Invoke, changes: dict[str, str], message: str) -> None:
    (folder / "folder").mkdir()
    np.savez(folder / "from-one.npz", images=np.zeros((3, 16)), labels=[1, 2, 3])
    np.save(folder / "nan.npy", np.full(16, np.nan))
    np.save(folder / "complex.npy", np.full(16, 1j))
    before = {path.name for path in folder.iterdir()}
    result = invoke(*arguments(changes))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""
    assert {path.name for path in folder.iterdir()} == before


@pytest.mark.usefixtures("folder")
def test_missing_option(invoke: Invoke) -> None:
    words = arguments({})
    at = words.index("--epsilon")
    result = invoke(*words[:at], *words[at + 2 :])
    assert result.exit_code == 2
    assert "Missing option '--epsilon'" in result.stderr


@pytest.mark.usefixtures("folder")
def test_errors_of_the_library_are_one_line(invoke: Invoke) -> None:
    result = invoke(*arguments({"--target": "7"}))
    assert result.stderr.startswith("error: the target is class 7")
    assert result.stderr.count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_a_target_that_every_image_has_already(invoke: Invoke) -> None:
    network, images = load_network("net.safetensors"), load_dataset("images.npz")
    prediction = Problem.ball(network, images.images[0], epsilon=0.1).prediction
    result = invoke(*arguments({"--target": str(prediction), "--index": "0"}))
    assert result.exit_code == 2
    assert "predicts for every chosen image of images.npz already" in result.stderr


@pytest.mark.usefixtures("folder")
def test_images_that_break_a_rule(invoke: Invoke) -> None:
    np.savez("bad.npz", images=np.full((2, 16), 1.5), labels=np.zeros(2, dtype=np.int64))
    result = invoke(*arguments({"IMAGES": "bad.npz"}))
    assert result.exit_code == 2
    assert "floats must be in [0, 1]: divide 8-bit values by 255" in result.stderr


def test_a_file_that_the_system_refuses(
    folder: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.is_dir", refuse)
    result = invoke(*arguments({"IMAGES": "mnist", "--data-dir": str(folder)}))
    assert result.exit_code == 2
    assert result.stderr == f"error: {folder} cannot be used (Permission denied); name another\n"
