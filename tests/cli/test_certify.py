import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signflip import Box, Problem, Target, Untargeted
from signflip.cli import running
from signflip.data import load_dataset
from signflip.many.answer import failed_record, run_task
from signflip.many.plan import Plan
from signflip.many.record import Record
from signflip.many.sweep import run_sweep
from signflip.many.task import Task
from signflip.problem import Goal, Ties
from signflip.zoo import load_zoo
from tests.cli.conftest import IMAGES, Invoke, records
from tests.support.tiny import tiny_network

CERTIFY = (
    *("certify", "net.safetensors", "images.npz", "--out", "out.jsonl"),
    *("--ties", "none"),  # by the other rules hardly an image of these is robust
)


def shares(stdout: str) -> dict[str, int]:
    """Verdict -> number of images, as printed."""
    rows = re.findall(r"^(\w+)\s+(\d+) of \d+\s+[\d.]+%$", stdout, re.MULTILINE)
    return {verdict: int(number) for verdict, number in rows}


def right_with(found: list[dict[str, Any]], verdicts: set[str]) -> int:
    return sum(r["label"] == r["prediction"] and r["verdict"] in verdicts for r in found)


@pytest.mark.parametrize("workers", [1, 2])
def test_shares_and_certain_accuracy_follow_from_the_records(
    folder: Path, invoke: Invoke, workers: int
) -> None:
    labels = tiny_network().predict(load_dataset("images.npz").images)
    labels[0] = (labels[0] + 1) % 3
    np.savez("images.npz", images=load_dataset("images.npz").images, labels=labels)
    result = invoke(*CERTIFY, "--epsilon", 0.1, "--workers", workers)
    assert result.exit_code == 0, result.output
    found = records(folder / "out.jsonl")
    assert {record["method"] for record in found} == {"auto"}
    assert {record["target"] for record in found} == {None}
    verdicts = [record["verdict"] for record in found]
    assert {"robust", "flipped"} == set(verdicts)
    assert shares(result.stdout) == {
        verdict: verdicts.count(verdict) for verdict in ("robust", "flipped", "unknown")
    }
    certain = right_with(found, {"robust"}) / IMAGES
    assert result.stdout.splitlines()[-1] == (
        f"accuracy {(IMAGES - 1) / IMAGES:.2%}; certain against any class within epsilon 0.1: "
        f"{certain:.2%}"
    )


def test_what_is_unknown_opens_the_bracket(folder: Path, invoke: Invoke) -> None:
    labels = tiny_network().predict(load_dataset("images.npz").images)
    np.savez("images.npz", images=load_dataset("images.npz").images, labels=labels)
    result = invoke(*CERTIFY, "--epsilon", 0.1, "--time-limit", 0)
    found = records(folder / "out.jsonl")
    least, most = right_with(found, {"robust"}), right_with(found, {"robust", "unknown"})
    assert most > least
    assert result.stdout.endswith(f": {least / IMAGES:.2%} to {most / IMAGES:.2%}\n")


def test_an_image_without_an_answer_counts_as_unknown(
    folder: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_one(plan: Plan, *, workers: int) -> Generator[tuple[Task, Record]]:
        first, *others = plan.tasks()
        (network,) = plan.networks.values()
        yield first, failed_record(first, f"none of {workers} workers came back", network)
        for task in others:
            record = run_task(task, network)
            assert isinstance(record, Record)
            yield task, record

    labels = tiny_network().predict(load_dataset("images.npz").images)
    np.savez("images.npz", images=load_dataset("images.npz").images, labels=labels)
    monkeypatch.setattr(running, "run_here", lose_one)
    result = invoke(*CERTIFY, "--epsilon", 0.1)
    assert result.exit_code == 1
    assert "image 0 has no answer: none of 1 workers came back" in result.stderr
    found = records(folder / "out.jsonl")
    assert len(found) == IMAGES - 1
    assert shares(result.stdout)["unknown"] == 1
    least = right_with(found, {"robust"})
    assert result.stdout.endswith(f": {least / IMAGES:.2%} to {(least + 1) / IMAGES:.2%}\n")


def test_a_summary_is_there_also_where_no_image_has_an_answer(
    folder: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_all(plan: Plan, *, workers: int) -> Generator[tuple[Task, Record]]:
        (network,) = plan.networks.values()
        for task in plan.tasks():
            yield task, failed_record(task, f"none of {workers} workers came back", network)

    monkeypatch.setattr(running, "run_here", lose_all)
    result = invoke(*CERTIFY, "--epsilon", 0.1, "--summary", "sum.json")
    assert result.exit_code == 1
    lost = {"robust": 0, "flipped": 0, "unknown": IMAGES}
    assert shares(result.stdout) == lost
    summary = json.loads((folder / "sum.json").read_text())
    assert {verdict: summary[verdict] for verdict in lost} == lost
    assert summary["certified"] == 0


def test_a_store_keeps_answers_and_a_summary_tells_them(
    folder: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = tiny_network().predict(load_dataset("images.npz").images)
    np.savez("images.npz", images=load_dataset("images.npz").images, labels=labels)
    arguments = (*CERTIFY[:3], "--ties", "none", "--epsilon", 0.1, "--store", "kept.db")
    assert invoke(*arguments, "--index", "0:5").exit_code == 0
    asked: list[int] = []

    def count(plan: Plan, tasks: Sequence[Task], *rest: Any) -> Any:
        asked.extend(task.case.index for task in tasks)
        return run_sweep(plan, tasks, *rest)

    monkeypatch.setattr(running, "run_sweep", count)
    result = invoke(*arguments, "--summary", "sum.json", "--out", "out.jsonl")
    assert result.exit_code == 0, result.output
    assert asked == list(range(5, IMAGES))
    assert "5 of 8 are in kept.db" in result.stderr
    found = records(folder / "out.jsonl")
    assert [record["index"] for record in found] == list(range(IMAGES))
    summary = json.loads((folder / "sum.json").read_text())
    assert summary["images"] == IMAGES
    assert summary["epsilon"] == 0.1
    assert summary["certified"] == summary["certified_at_most"] == right_with(found, {"robust"}) / 8
    assert shares(result.stdout) == {v: summary[v] for v in ("robust", "flipped", "unknown")}
    again = invoke(*arguments, "--summary", "sum.json")
    assert again.exit_code == 2
    assert "sum.json exists already" in again.stderr


def test_an_image_that_comes_twice_counts_twice(folder: Path, invoke: Invoke) -> None:
    images = load_dataset("images.npz").images[[0, 1, 0]]
    first, second, _ = tiny_network().predict(images)
    np.savez("images.npz", images=images, labels=[first, second, (first + 1) % 3])
    result = invoke(*CERTIFY, "--epsilon", 0.02, "--summary", "sum.json")
    assert result.exit_code == 0, result.output
    found = {record["index"]: record for record in records(folder / "out.jsonl")}
    assert sorted(found) == [0, 1, 2]
    assert found[0]["verdict"] == found[2]["verdict"]
    assert [found[index]["label"] for index in (0, 2)] == [first, (first + 1) % 3]
    summary = json.loads((folder / "sum.json").read_text())
    assert (summary["images"], summary["accuracy"]) == (3, 2 / 3)


def test_a_summary_counts_what_was_skipped(folder: Path, invoke: Invoke) -> None:
    predictions = tiny_network().predict(load_dataset("images.npz").images)
    target = int(predictions[0])
    options = ("--epsilon", 0.02, "--target", target, "--summary", "sum.json")
    result = invoke(*CERTIFY, *options)
    assert result.exit_code == 0, result.output
    summary = json.loads((folder / "sum.json").read_text())
    skipped = int((predictions == target).sum())
    assert (summary["skipped"], summary["images"]) == (skipped, IMAGES - skipped)


def test_answers_of_a_store_have_the_names_and_labels_of_the_images_asked_for(
    folder: Path, invoke: Invoke
) -> None:
    images = load_dataset("images.npz").images
    np.save("unlabelled.npy", images[::-1])
    kept = ("--epsilon", 0.02, "--store", "kept.db")
    first = (*CERTIFY[:2], "unlabelled.npy", "--ties", "none", *kept)
    assert invoke(*first).exit_code == 0
    labels = tiny_network().predict(images)
    np.savez("images.npz", images=images, labels=labels)
    result = invoke(*CERTIFY, *kept)
    assert f"{IMAGES} of {IMAGES} are in kept.db" in result.stderr
    assert "accuracy 100.00%" in result.stdout
    found = sorted(records(folder / "out.jsonl"), key=lambda record: int(record["index"]))
    assert [record["label"] for record in found] == labels.tolist()
    assert [record["prediction"] for record in found] == labels.tolist()
    assert {record["images"] for record in found} == {"images.npz"}


@pytest.mark.parametrize(
    ("target", "goal", "words"),
    [
        ("untargeted", Untargeted(), "against any class"),
        ("second", None, "against the second-highest class"),
        ("1", Target(1), "against class 1"),
    ],
)
def test_targets(folder: Path, invoke: Invoke, target: str, goal: Goal | None, words: str) -> None:
    arguments = ("--epsilon", 0.1, "--target", target, "--witnesses", "adv.npz")
    result = invoke(*CERTIFY, *arguments)
    assert f"certain {words} within epsilon 0.1" in result.stdout
    images, network = load_dataset("images.npz"), tiny_network()
    with np.load("adv.npz") as archive:
        witnesses = dict(zip(archive["index"].tolist(), archive["images"], strict=True))
    for record in records(folder / "out.jsonl"):
        image = images.images[record["index"]]
        problem = Problem.ball(network, image, epsilon=0.1, goal=goal)
        replay = problem.replay(witnesses[record["index"]])
        assert replay.flipped == (record["verdict"] == "flipped")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "Missing option '--epsilon'"),
        (("--epsilon", "2"), "epsilon is 2.0; it must be from 0 to 1"),
        (
            ("--epsilon", "0.1", "--target", "9"),
            "the target is class 9; net.safetensors has",
        ),
        (("--epsilon", "0.1", "--time-limit", "-1"), "the time limit is -1.0"),
        (("--epsilon", "0.1", "--workers", "0"), "the number of workers is 0"),
        (("--epsilon", "0.1", "--index", "8"), "--index 8 reaches beyond the images"),
        (("--epsilon", "0.1", "--method", "fgsm"), "No such option '--method'"),
        (("--epsilon", "0.1", "--witnesses", "out.jsonl"), "both name out.jsonl"),
        (("--epsilon", "0.1", "--summary", "out.jsonl"), "--out and --summary both name out.jsonl"),
        (("--epsilon", "0.1", "--store", "./out.jsonl"), "--out and --store both name out.jsonl"),
        (("--epsilon", "0.1", "--out", "images.npz"), "images.npz exists already"),
    ],
)
def test_bad_options(folder: Path, invoke: Invoke, options: tuple[str, ...], message: str) -> None:
    result = invoke(*CERTIFY, *options)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not (folder / "out.jsonl").exists()


def test_ties_are_counted_as_the_network_predicts_them(folder: Path, invoke: Invoke) -> None:
    # image 27: no image of the ball puts class 3 ahead, and one is level, which `predict` calls 3
    arguments = ("certify", "mnist-2x100", "mnist-sample", "--epsilon", 0.01, "--index", 27)
    found = {}
    for ties in ("none", "flip", "predict", None):
        option = () if ties is None else ("--ties", ties)
        out = f"{ties}.jsonl"
        result = invoke(*arguments, *option, "--out", out, "--witnesses", f"{ties}.npz")
        assert result.exit_code == 0, result.output
        (record,) = records(folder / out)
        found[ties] = record["verdict"], record["ties"]
        rule = "predict" if ties is None else ties
        assert Ties(rule).sentence in result.stdout
    assert found == {
        "none": ("robust", "none"),
        "flip": ("flipped", "flip"),
        "predict": ("flipped", "predict"),
        None: ("flipped", "predict"),
    }
    with np.load(folder / "predict.npz") as witnesses:
        image = load_dataset("mnist-sample").images[27]
        network = load_zoo("mnist-2x100")
        assert Box.ball(image, 0.01).contains(witnesses["images"][0])
        assert network.predict(witnesses["images"])[0] != network.predict(image[None])[0]


STORED = ("certify", "net.safetensors", "images.npz", "--epsilon", 0.02, "--store", "kept.db")


def test_answers_of_a_store_get_the_proofs_that_are_asked_for(folder: Path, invoke: Invoke) -> None:
    assert invoke(*STORED).exit_code == 0
    result = invoke(*STORED, "--proofs", "proofs")
    assert result.exit_code == 0, result.output
    assert f"{IMAGES} are in kept.db without a proof, and run again for it" in result.output
    assert f"{IMAGES} of {IMAGES} answers have a proof in proofs" in result.output
    assert len(list((folder / "proofs").iterdir())) == IMAGES
    result = invoke(*STORED, "--proofs", "proofs")
    assert f"{IMAGES} of {IMAGES} are in kept.db" in result.output
    next((folder / "proofs").iterdir()).unlink()
    result = invoke(*STORED, "--proofs", "proofs")
    assert f"{IMAGES - 1} of {IMAGES} are in kept.db" in result.output
    assert f"{IMAGES} of {IMAGES} answers have a proof in proofs" in result.output
    result = invoke(*STORED, "--proofs", "other")
    assert f"{IMAGES} of {IMAGES} answers have a proof in other" in result.output
    assert len(list((folder / "other").iterdir())) == IMAGES


def test_proofs_of_a_store_are_checked_in_the_folder_that_is_named(
    folder: Path, invoke: Invoke
) -> None:
    assert invoke(*STORED, "--proofs", "proofs").exit_code == 0
    result = invoke("check", "kept.db")
    assert result.exit_code == 1
    assert "where the proofs are in another folder, name it: --proofs DIR" in result.output
    result = invoke("check", "kept.db", "--proofs", "proofs")
    assert result.exit_code == 0, result.output
    assert f"{IMAGES} of {IMAGES} are proofs" in result.output
    assert (folder / "proofs").is_dir()
    result = invoke("check", "proofs", "net.safetensors", "images.npz", "--proofs", "proofs")
    assert result.exit_code == 2
    assert "--proofs proofs is the folder of a store's proofs" in result.output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device without room")
def test_a_summary_is_there_also_where_nothing_can_be_printed(folder: Path) -> None:
    arguments = [*CERTIFY, "--epsilon", "0.02", "--summary", "sum.json"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "signflip", *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert json.loads((folder / "sum.json").read_text())["images"] == IMAGES


def test_a_closed_folder_for_proofs_is_refused_before_any_work(
    folder: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def access(path: str | Path, mode: int, own: Callable[..., bool] = os.access) -> bool:
        closed = Path(path).name == "closed" and mode == os.W_OK
        return not closed and own(path, mode)  # root may write to any

    (folder / "closed").mkdir()
    monkeypatch.setattr(os, "access", access)
    result = invoke(*CERTIFY, "--epsilon", 0.02, "--proofs", "closed")
    assert result.exit_code == 2
    assert "no proof can be written: closed does not let you" in result.stderr
    assert not (folder / "out.jsonl").exists()
