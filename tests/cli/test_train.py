from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from signflip import load_network
from signflip.data import load_dataset
from tests.cli.conftest import Invoke

TRAIN = ("train", "striped.npz", "--hidden", "2x6", "--epochs", 3, "--batch-size", 8)


@pytest.fixture(autouse=True)
def striped(folder: Path) -> Path:
    """64 images of two classes that a network can tell apart."""
    rng = np.random.default_rng(0)
    labels = np.arange(64) % 2
    images = np.clip(0.4 * rng.random((64, 16)) + 0.5 * labels[:, None], 0, 1)
    np.savez(folder / "striped.npz", images=images, labels=labels)
    return folder


def test_a_network_is_trained_folded_and_measured(invoke: Invoke) -> None:
    result = invoke(*TRAIN, "--test", "striped.npz", "--out", "trained.safetensors")
    assert result.exit_code == 0, result.output
    network, images = load_network("trained.safetensors"), load_dataset("striped.npz")
    assert network.widths == (6, 6)
    assert network.output.plain
    accuracy = float(np.mean(network.predict(images.images) == images.labels))
    assert network.card["accuracy"] == f"{accuracy:.4f}"
    assert network.card["dataset"] == "striped.npz"
    assert f"2x6: accuracy {accuracy:.2%} on 64 images of striped.npz" in result.stdout


def test_the_images_to_train_on_can_be_chosen(invoke: Invoke) -> None:
    options = ("--test", "striped.npz", "--index", "0:32", "--out", "trained.safetensors")
    assert invoke(*TRAIN, *options).exit_code == 0
    card = load_network("trained.safetensors").card
    assert card["training_images"] == "--index 0:32 of 64"


def test_resume_goes_on_from_the_checkpoint(folder: Path, invoke: Invoke) -> None:
    options = ("--test", "striped.npz", "--checkpoint", "state.pt")
    assert invoke(*TRAIN, *options, "--out", "one.safetensors").exit_code == 0
    assert invoke(*TRAIN, *options, "--resume", "--out", "two.safetensors").exit_code == 0
    one, two = ((folder / f"{name}.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


ROBUST = ("--test", "striped.npz", "--robust", "0.1", "--held-out", "0.25")


def test_a_robust_network_is_trained(invoke: Invoke) -> None:
    vote = ("--conv", "4@3x3/2", "--levels", "0.3,0.6", "--ternary", "--vote", "3", "--pgd", "1")
    options = ("train", "striped.npz", "--epochs", 4, "--batch-size", 8, *ROBUST, *vote)
    result = invoke(*options, "--out", "trained.safetensors")
    assert result.exit_code == 0, result.output
    network = load_network("trained.safetensors")
    assert network.widths == (32, 16)
    assert set(np.unique(network.output.weight)) <= set(range(-3, 4))
    assert "attacked" in result.stderr
    assert "certified by bounds" in result.stderr
    assert '"epsilon": 0.1' in network.card["settings"]


def test_a_robust_network_is_tuned(folder: Path, invoke: Invoke) -> None:
    first = (*TRAIN, *ROBUST, "--checkpoint", "first.pt", "--out", "first.safetensors")
    assert invoke(*first).exit_code == 0
    still = ("--learning-rate", "1e-12", "--interval", "0.01", "--start", "first.pt")
    tuned = invoke(*TRAIN, *ROBUST, *still, "--out", "tuned.safetensors")
    assert tuned.exit_code == 0, tuned.output
    one, two = (load_network(folder / f"{name}.safetensors") for name in ("first", "tuned"))
    assert all(
        np.array_equal(a.map.rows(slice(None)), b.map.rows(slice(None)))
        for a, b in zip(one.hidden, two.hidden, strict=True)
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--start", "none.pt", *ROBUST[2:]), "'none.pt' does not exist; name the checkpoint"),
        (("--start", "first.pt"), "--start goes with --robust EPSILON"),
        (("--start", "plain.pt", *ROBUST[2:]), "'plain.pt' has no best epoch to start from"),
        (
            ("--start", "first.pt", *ROBUST[2:], "--ternary"),
            "network of other layers (ternary False, not True)",
        ),
        (("--start", "striped.npz", *ROBUST[2:]), "'striped.npz' is damaged or no checkpoint"),
    ],
)
def test_bad_starts(invoke: Invoke, options: tuple[str, ...], message: str) -> None:
    first = (*TRAIN, *ROBUST, "--checkpoint", "first.pt", "--out", "first.safetensors")
    assert invoke(*first).exit_code == 0
    plain = (*TRAIN, "--test", "striped.npz", "--checkpoint", "plain.pt", "--out", "p.safetensors")
    assert invoke(*plain).exit_code == 0
    result = invoke(*TRAIN, "--test", "striped.npz", *options, "--out", "tuned.safetensors")
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_a_tuned_network_goes_on_only_with_its_start(invoke: Invoke) -> None:
    first = (*TRAIN, *ROBUST, "--checkpoint", "first.pt", "--out", "first.safetensors")
    assert invoke(*first).exit_code == 0
    tuned = (*TRAIN, *ROBUST, "--checkpoint", "tuned.pt", "--out", "tuned.safetensors")
    assert invoke(*tuned, "--start", "first.pt").exit_code == 0
    again = (*tuned, "--overwrite", "--resume")
    other = invoke(*again)
    assert other.exit_code == 2
    assert "checkpoint 'tuned.pt' is of another run (start '" in other.stderr
    assert invoke(*again, "--start", "first.pt").exit_code == 0


def test_a_network_is_trained_with_witnesses(invoke: Invoke) -> None:
    found = ("--witnesses", "0.5", "--witness-method", "walk", "--witness-reach", "2")
    result = invoke(*TRAIN, *ROBUST, "--ramp", "0", *found, "--out", "trained.safetensors")
    assert result.exit_code == 0, result.output
    assert " witnesses" in result.stderr
    assert '"witness_reach": 2.0' in load_network("trained.safetensors").card["settings"]


def test_robust_dense_networks_keep_a_plain_output(invoke: Invoke) -> None:
    result = invoke(*TRAIN, *ROBUST, "--out", "trained.safetensors")
    assert result.exit_code == 0, result.output
    network = load_network("trained.safetensors")
    assert network.widths == (6, 6)
    assert network.output.plain


def test_a_run_s_start_is_not_its_checkpoint(folder: Path, invoke: Invoke) -> None:
    options = (*TRAIN, *ROBUST, "--out", "a.safetensors", "--checkpoint", "state.pt")
    assert invoke(*options).exit_code == 0
    saved = (folder / "state.pt").read_bytes()
    result = invoke(*options, "--start", "./state.pt", "--overwrite")
    assert result.exit_code == 2
    assert "--checkpoint and --start both name state.pt" in " ".join(result.stderr.split())
    assert (folder / "state.pt").read_bytes() == saved


def test_convolutions_read_images_in_their_own_shape(invoke: Invoke) -> None:
    images = load_dataset("striped.npz")
    np.savez("wide.npz", images=images.images.reshape(64, 2, 8), labels=images.labels)
    options = ("train", "wide.npz", "--test", "wide.npz", "--robust", "0.1", "--conv", "4@3x3/2")
    short = ("--epochs", 1, "--batch-size", 8, "--out", "trained.safetensors")
    result = invoke(*options, *short)
    assert result.exit_code == 0, result.output
    network = load_network("trained.safetensors")
    assert network.image_shape == (2, 8)
    assert network.widths == (1 * 4 * 4,)


def test_convolutions_read_no_colours(invoke: Invoke) -> None:
    images = np.random.default_rng(0).random((64, 3, 2, 6))  # as many values as 6x6 pixels
    np.savez("colour.npz", images=images, labels=np.arange(64) % 2)
    options = ("train", "colour.npz", "--test", "colour.npz", "--robust", "0.1", "--epochs", 1)
    result = invoke(*options, "--conv", "4@3x3", "--out", "trained.safetensors")
    assert result.exit_code == 2
    assert "--conv reads grey images, and those to train on have the shape (3, 2, 6)" in (
        " ".join(result.stderr.split())
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--pgd", "3"), "--pgd goes with --robust EPSILON, which is not given"),
        (("--conv", "4@3x3"), "--conv goes with --robust EPSILON"),
        (("--robust", "0.1", "--conv", "four"), "'four' names no convolution"),
        (("--robust", "0.1", "--levels", "low"), "--levels is 'low'; it must be numbers"),
        (("--robust", "0.1", "--levels", "0.6,0.3"), "they must rise"),
        (("--robust", "0.1", "--interval", "2"), "interval is 2.0; it must be from 0 to 1"),
        (("--robust", "0.1", "--vote", "3"), "weights are -1 and +1 only"),
        (("--robust", "0.1", "--witness-method", "milp"), "must be one of walk, exact"),
        (("--robust", "a"), "'--robust'"),
        (("--robust", "0.1", "--levels", "1e-60,0.3"), "they must rise and lie between 0 and 1"),
        (("--robust", "0.1", "--conv", f"{10**18}@3x3"), "a number that is not from 1 to 10,000"),
        (("--robust", "0.1", "--conv", f"4@3x3/{10**20}"), "a number that is not from 1 to 10,000"),
        (
            ("--robust", "0.1", "--conv", "4@3x3", "--hidden", f"1x{10**14}"),
            "the network of convolutions 4@3x3/1 and hidden layers (100000000000000,) does not",
        ),
    ],
)
def test_bad_robust_options(invoke: Invoke, options: tuple[str, ...], message: str) -> None:
    result = invoke(*TRAIN, "--test", "striped.npz", *options, "--out", "trained.safetensors")
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--hidden", "2x0"), "hidden is (0, 0); it must name one width, at least 1, a layer"),
        (("--hidden", "big"), "Invalid value for '--hidden': 'big' names no hidden layers"),
        (("--hidden", "0x6"), "Invalid value for '--hidden': '0x6' names no hidden layers"),
        (("--hidden", "1x99999999999999"), "of hidden layers (99999999999999,) does not fit in"),
        (("--hidden", f"1x{10**17}"), "does not fit in memory; name narrower layers"),
        (("--hidden", f"1x{10**21}"), "does not fit in memory; name narrower layers"),
        (("--hidden", f"{10**12}x5"), "names no hidden layers; write DEPTHxWIDTH (2x100) with a"),
        (("--epochs", "0"), "epochs is 0; it must be from 1 to 100,000"),
        (("--batch-size", "1"), "batch_size is 1; it must be at least 2"),
        (("--batch-size", "65"), "there are 64 images, fewer than a batch of 65"),
        (("--learning-rate", "0"), "learning_rate is 0.0; it must be above 0 and at most 1"),
        (("--learning-rate", "1e300"), "learning_rate is 1e+300; it must be above 0 and at most"),
        (("--seed", "-1"), "seed is -1; it must be from 0"),
        (("--device", "toaster"), "device 'toaster' cannot be used"),
        (("--device", "meta"), "device 'meta' cannot be used"),
        (("--resume",), "resume"),
        (("--checkpoint", "nowhere.pt", "--resume"), "checkpoint 'nowhere.pt' does not exist"),
        (("--index", "70"), "--index 70 reaches beyond the images of striped.npz"),
        (("--test", "nowhere.npz"), "nowhere.npz cannot be read"),
        (("--out", "t.onnx"), "t.onnx does not end in .safetensors, the format that is written"),
        (("--out", "no/net.safetensors"), "no is no folder; make it first"),
        (("--checkpoint", "images.npz"), "images.npz exists already; give --resume to go on from"),
        (("--checkpoint", "images.npz", "--overwrite"), "exists and is no checkpoint, so it is"),
        (("--checkpoint", "images.npz", "--resume"), "'images.npz' is damaged or no checkpoint"),
        (("--checkpoint", "t.safetensors"), "--out and --checkpoint both name t.safetensors"),
        (("--checkpoint", "no/state.pt"), "no is no folder; make it first"),
        (("--test", "narrow.npz"), "narrow.npz, to measure the accuracy on, have 9 pixels, and"),
        (("--test", "images.npz"), "classes 0 to 1; labels count classes from 0"),
        (("--out", "net.safetensors"), "net.safetensors exists already; give --overwrite"),
    ],
)
def test_bad_options_are_refused_before_the_first_epoch(
    invoke: Invoke, options: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signflip.training.loop._Run.step_epoch", None)
    np.savez("narrow.npz", images=np.zeros((4, 9)), labels=[0, 1, 0, 1])
    precious = Path("images.npz").read_bytes()
    result = invoke(*TRAIN, "--test", "striped.npz", "--out", "t.safetensors", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not Path("t.safetensors").exists()
    assert Path("images.npz").read_bytes() == precious


def test_a_checkpoint_is_replaced_if_it_is_told(invoke: Invoke) -> None:
    options = (*TRAIN, "--test", "striped.npz", "--checkpoint", "state.pt")
    assert invoke(*options, "--out", "one.safetensors").exit_code == 0
    refused = invoke(*options, "--out", "two.safetensors")
    assert "state.pt exists already; give --resume to go on from it, or --over" in refused.stderr
    assert invoke(*options, "--out", "two.safetensors", "--overwrite").exit_code == 0


def test_a_file_has_no_test_split(invoke: Invoke) -> None:
    result = invoke(*TRAIN, "--out", "t.safetensors")
    assert result.exit_code == 2
    assert "striped.npz has no test split to measure the accuracy on; give --test" in result.stderr


def test_a_folder_with_parts_is_trained_on_one_and_tested_on_the_other(invoke: Invoke) -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", 4), ("test", 1)):
        for label in "01":
            folder = Path("pictures", part, label)
            folder.mkdir(parents=True)
            for name in range(count):
                levels = rng.integers(0, 255, (6, 6), dtype=np.uint8)
                Image.fromarray(levels).save(folder / f"{name}.png")
    options = ("--hidden", "1x5", "--epochs", 1, "--batch-size", 4)
    result = invoke("train", "pictures", *options, "--out", "trained.safetensors")
    assert result.exit_code == 0, result.output
    assert "on 2 images of pictures" in result.stdout
    assert load_network("trained.safetensors").card["training_images"] == "--index : of 8"
