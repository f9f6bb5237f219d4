import re
from pathlib import Path

import numpy as np
import pytest

from signflip import Problem, Untargeted
from signflip.cli.min_epsilon import interval, summary
from signflip.data import load_dataset
from signflip.many.record import Record
from signflip.result import Verdict
from tests.cli.conftest import IMAGES, Invoke, records
from tests.support.sweeps import result_row
from tests.support.tiny import tiny_network

MIN_EPSILON = ("min-epsilon", "net.safetensors", "images.npz", "--out", "out.jsonl")


def record(*, lower: float, upper: float | None, tolerance: float = 1e-3) -> Record:
    closed = upper is not None and upper - lower <= tolerance
    return result_row(
        tolerance=tolerance,
        verdict=Verdict.UNKNOWN if upper is None else Verdict.FLIPPED,
        lower=lower,
        upper=upper,
        closed=closed,
        stop="decided" if closed else "time_limit",
        seconds=1.0,
        trace=(),
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_a_row_for_each_image_and_witnesses_at_the_upper_ends(
    folder: Path, invoke: Invoke, workers: int
) -> None:
    arguments = ("--tolerance", 0.01, "--workers", workers, "--witnesses", "adv.npz")
    result = invoke(*MIN_EPSILON, *arguments)
    assert result.exit_code == 0, result.output
    found = records(folder / "out.jsonl")
    assert [line["index"] for line in found] == list(range(IMAGES))
    network, images = tiny_network(), load_dataset("images.npz").images
    with np.load("adv.npz") as archive:
        witnesses = dict(zip(archive["index"].tolist(), archive["images"], strict=True))
    assert set(witnesses) == {line["index"] for line in found if line["verdict"] == "flipped"}
    assert witnesses
    for line in found:
        assert line["target"] is None
        if line["index"] in witnesses:
            image = images[line["index"]]
            ball = Problem.ball(network, image, epsilon=line["upper"], goal=Untargeted())
            assert ball.replay(witnesses[line["index"]]).flipped
            assert line["upper"] - line["lower"] <= 0.01
    rows = [row.split() for row in result.stdout.splitlines()[1 : 1 + IMAGES]]
    assert [row[:2] for row in rows] == [[str(line["index"]), str(line["label"])] for line in found]
    assert result.stdout.splitlines()[-1].startswith(f"{IMAGES} images: {IMAGES} closed, 0 open")


def test_an_open_interval_says_why(folder: Path, invoke: Invoke) -> None:
    result = invoke(*MIN_EPSILON, "--time-limit", 0, "--index", "0:2")
    assert result.exit_code == 0
    assert [line["closed"] for line in records(folder / "out.jsonl")] == [False, False]
    assert len(re.findall(r"none up to 0.00000 +0.0\d +out of time", result.stdout)) == 2
    assert "2 images: 0 closed, 2 open; mean seconds" in result.stdout


def test_intervals_are_rounded_outward() -> None:
    assert interval(record(lower=0.01239, upper=0.01301)) == "0.0123 to 0.0131"
    assert interval(record(lower=0.25, upper=0.5, tolerance=0.25)) == "0.25 to 0.50"
    assert interval(record(lower=0.25, upper=0.5, tolerance=1.0)) == "0.2 to 0.5"
    assert interval(record(lower=0.12399, upper=None)) == "none up to 0.1239"


def test_a_tolerance_beyond_float64_is_printed_in_as_many_digits_as_mean_something() -> None:
    narrow = record(lower=0.1, upper=0.3, tolerance=1e-300)
    assert interval(narrow) == "0.10000000000000000555 to 0.29999999999999998890"


def test_ends_of_many_digits_are_printed() -> None:
    wide = record(lower=501960784313.75, upper=1e12, tolerance=1e-25)
    assert interval(wide) == f"501960784313.75{'0' * 18} to 1{'0' * 12}.{'0' * 20}"
    assert interval(record(lower=0.0, upper=1e300, tolerance=1e-25)).endswith(f".{'0' * 20}")


def test_the_summary_has_a_median_if_most_images_flip() -> None:
    flips = [record(lower=0.25, upper=0.26), record(lower=0.5, upper=0.5001)]
    assert summary([*flips, record(lower=0.75, upper=None)]) == (
        "3 images: 1 closed, 2 open; median epsilon 0.5000 to 0.5001; mean seconds 1.00"
    )
    assert summary([record(lower=0.75, upper=None)]) == (
        "1 image: 0 closed, 1 open; mean seconds 1.00"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tolerance", "0"), "the tolerance is 0.0; it must be above 0"),
        (("--tolerance", "inf"), "the tolerance is inf; it must be above 0 and finite"),
        (("--tolerance", "nan"), "the tolerance is nan; it must be above 0"),
        (("--tolerance", "thin"), "Invalid value for '--tolerance': 'thin' is no number"),
        (("--target", "9"), "the target is class 9; net.safetensors has classes 0 to 2"),
        (("--target", "all"), "Invalid value for '--target': 'all' is no target"),
        (("--time-limit", "-1"), "the time limit is -1.0"),
        (("--workers", "0"), "the number of workers is 0"),
        (("--index", "8"), "--index 8 reaches beyond the images"),
        (("--epsilon", "0.1"), "No such option '--epsilon'"),
        (("--witnesses", "out.jsonl"), "both name out.jsonl"),
        (("--out", "images.npz"), "images.npz exists already"),
    ],
)
def test_bad_options(folder: Path, invoke: Invoke, options: tuple[str, ...], message: str) -> None:
    result = invoke(*MIN_EPSILON, *options)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not (folder / "out.jsonl").exists()


@pytest.mark.usefixtures("folder")
def test_the_tolerance_may_be_a_quotient(invoke: Invoke) -> None:
    options = ("--tolerance", "1/100", "--index", "0:1")
    result = invoke("min-epsilon", "net.safetensors", "images.npz", *options)
    assert result.exit_code == 0, result.output
    assert "1 image: 1 closed" in result.output
