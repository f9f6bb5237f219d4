from pathlib import Path

import numpy as np
import pytest

from signflip import Problem, Target, Untargeted, load_network, save_network
from signflip.cli.output import ResultFiles
from signflip.data import load_dataset
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.programs import SOLVERS
from tests.cli.conftest import IMAGES, Invoke, records
from tests.support.sweeps import tiny_plan
from tests.support.tiny import tiny_network

KEYS = [
    "network",
    "images",
    "index",
    "label",
    "prediction",
    "target",
    "epsilon",
    "method",
    "seed",
    "verdict",
    "objective",
    "clean_objective",
    "bound",
    "seconds",
    "trace",
    "ties",
    "grid",
    "mask",
    "remark",
    "proof",
    "witness_prediction",
    "flips_as_float32",
    "flips_as_8bit",
    "found_by",
]
ATTACK = ("attack", "net.safetensors", "images.npz", "--epsilon", 0.2, "--method", "fgsm")


def test_records_hold_the_documented_keys_and_types(folder: Path, invoke: Invoke) -> None:
    result = invoke(*ATTACK, "--seed", 4, "--out", "out.jsonl")
    assert result.exit_code == 0, result.output
    found = records(folder / "out.jsonl")
    network, images = load_network("net.safetensors"), load_dataset("images.npz")
    assert [record["index"] for record in found] == list(range(IMAGES))
    for record in found:
        assert list(record) == KEYS
        assert record["network"] == "net.safetensors"
        assert record["images"] == "images.npz"
        assert record["label"] == images.labels[record["index"]]
        assert record["prediction"] == network.predict(images.images[[record["index"]]])[0]
        assert (record["epsilon"], record["method"], record["seed"]) == (0.2, "fgsm", 4)
        assert record["bound"] is None
        assert record["found_by"] is None
        assert isinstance(record["objective"], int)
        assert isinstance(record["clean_objective"], int)
        assert (record["verdict"] == "flipped") == (record["objective"] > 0)
        times, objectives = zip(*record["trace"], strict=True)
        assert sorted(times) == list(times)
        assert objectives[0] == record["clean_objective"]
        assert objectives[-1] == record["objective"]
        assert times[-1] <= record["seconds"]
    assert {"flipped", "unknown"} == {record["verdict"] for record in found}


def test_misclassified_images_are_attacked_from_their_prediction(
    folder: Path, invoke: Invoke
) -> None:
    invoke(*ATTACK, "--out", "out.jsonl")
    wrong = [r for r in records(folder / "out.jsonl") if r["label"] != r["prediction"]]
    assert wrong
    assert all(record["clean_objective"] <= 0 for record in wrong)


@pytest.mark.parametrize("target", ["second", "untargeted", "1"])
def test_witnesses_replay(folder: Path, invoke: Invoke, target: str) -> None:
    result = invoke(*ATTACK, "--target", target, "--out", "out.jsonl", "--witnesses", "adv.npz")
    assert result.exit_code == 0, result.output
    found = records(folder / "out.jsonl")
    network, images = load_network("net.safetensors"), load_dataset("images.npz")
    goal = {"second": None, "untargeted": Untargeted(), "1": Target(1)}[target]
    with np.load("adv.npz") as archive:
        assert sorted(archive) == ["images", "index"]
        assert archive["images"].dtype == np.float64
        assert archive["index"].tolist() == [record["index"] for record in found]
        witnesses = archive["images"]
    for record, witness in zip(found, witnesses, strict=True):
        problem = Problem.ball(network, images.images[record["index"]], epsilon=0.2, goal=goal)
        replay = problem.replay(witness)
        assert replay.inside
        assert replay.value == record["objective"]
        wanted = problem.goal.class_index if isinstance(problem.goal, Target) else None
        assert record["target"] == wanted


def test_images_predicted_as_the_target_are_skipped(folder: Path, invoke: Invoke) -> None:
    predictions = tiny_network().predict(load_dataset("images.npz").images)
    assert 1 in predictions
    result = invoke(*ATTACK, "--target", 1, "--out", "out.jsonl")
    assert result.exit_code == 0
    expected = [i for i in range(IMAGES) if predictions[i] != 1]
    assert [record["index"] for record in records(folder / "out.jsonl")] == expected
    skipped = ", ".join(str(i) for i in range(IMAGES) if predictions[i] == 1)
    assert f"skipped, since predicted as the target already: {skipped}" in result.stderr


def test_index_chooses_images(folder: Path, invoke: Invoke) -> None:
    assert invoke(*ATTACK, "--index", "5,1:3,2", "--out", "out.jsonl").exit_code == 0
    assert [record["index"] for record in records(folder / "out.jsonl")] == [1, 2, 5]


def test_the_number_of_workers_changes_no_answer(folder: Path, invoke: Invoke) -> None:
    answers = []
    for workers in (1, 2):
        out, witnesses = f"{workers}.jsonl", f"{workers}.npz"
        arguments = ("--workers", workers, "--out", out, "--witnesses", witnesses)
        assert invoke(*ATTACK, *arguments).exit_code == 0
        found = records(folder / out)
        for record in found:
            del record["seconds"]
            record["trace"] = [objective for _, objective in record["trace"]]
        with np.load(witnesses) as archive:
            answers.append((found, archive["images"].tobytes()))
    assert answers[0] == answers[1]


def test_a_row_for_each_image_and_a_summary(folder: Path, invoke: Invoke) -> None:
    result = invoke(*ATTACK, "--index", "0:4", "--out", "out.jsonl")
    lines = result.stdout.splitlines()
    found = records(folder / "out.jsonl")
    assert [line.split()[:3] for line in lines[1:5]] == [
        [str(record[key]) for key in ("index", "label", "prediction")] for record in found
    ]
    flipped = sum(record["verdict"] == "flipped" for record in found)
    mean = sum(record["objective"] for record in found) / 4
    assert lines[-1].startswith(
        f"4 images: {flipped} flipped, 0 robust, {4 - flipped} unknown; mean objective {mean:.2f}"
    )


def test_a_target_overtaken_by_a_third_class_is_shown_as_such(folder: Path, invoke: Invoke) -> None:
    # both neurons turn at 0.5: the classes have values 2, 0, -2 below it, and -2, 0, 2 above
    save_network(
        BinaryNetwork(
            (SignLayer.dense(np.ones((2, 1)), np.full(2, 0.5)),),
            OutputLayer(np.array([[-1, -1], [1, -1], [1, 1]]), np.ones(3), np.zeros(3)),
        ),
        "step.safetensors",
    )
    np.savez("steps.npz", images=np.full((1, 1), 0.45), labels=[0])
    step = ("step.safetensors", "steps.npz")
    options = ("--method", "exact", "--target", 1, "--out", "out.jsonl")
    result = invoke("attack", *step, "--epsilon", 0.1, *options)
    (record,) = records(folder / "out.jsonl")
    assert (record["target"], record["verdict"], record["witness_prediction"]) == (1, "flipped", 2)
    heading, row, summary = result.stdout.splitlines()
    assert heading.split()[4:7] == ["verdict", "flips", "to"]
    assert row.split()[:6] == ["0", "0", "0", "1", "flipped", "2"]
    assert summary.startswith("1 image: 1 flipped (1 to a third class, not the target), 0")
    result = invoke("min-epsilon", *step, "--target", 1, "--out", "interval.jsonl")
    (record,) = records(folder / "interval.jsonl")
    assert record["witness_prediction"] == 2
    assert result.stdout.splitlines()[1].split()[:5] == ["0", "0", "0", "1", "2"]


@pytest.mark.parametrize("columns", ["20", "80"])
def test_no_number_is_cut_where_there_is_no_room(
    folder: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    save_network(tiny_network(scale=(12345.678, 23456.789, 1.2e-7)), "real.safetensors")
    result = invoke("attack", "real.safetensors", *ATTACK[2:], "--out", "out.jsonl")
    lines = result.stdout.splitlines()
    found = records(folder / "out.jsonl")
    assert len(lines) == 1 + len(found) + 1
    for line, record in zip(lines[1:], found, strict=False):
        assert f"{record['clean_objective']:.4g}" in line.split()
        assert f"{record['objective']:.4g}" in line.split()


def test_a_network_with_scales_has_real_objectives(folder: Path, invoke: Invoke) -> None:
    save_network(tiny_network(scale=(0.5, 1.25, 0.7)), "real.safetensors")
    result = invoke("attack", "real.safetensors", *ATTACK[2:], "--out", "out.jsonl")
    assert result.exit_code == 0
    assert all(isinstance(r["objective"], float) for r in records(folder / "out.jsonl"))


def test_epsilon_may_be_a_quotient(folder: Path, invoke: Invoke) -> None:
    arguments = (*ATTACK[:3], "--epsilon", "51/255", "--method", "fgsm", "--index", 0)
    assert invoke(*arguments, "--out", "out.jsonl").exit_code == 0
    assert records(folder / "out.jsonl")[0]["epsilon"] == 51 / 255


def test_a_warm_start_counts_within_the_time(folder: Path, invoke: Invoke) -> None:
    result = invoke(*ATTACK, "--warm-start", "fgsm:0.5", "--out", "out.jsonl")
    assert result.exit_code == 0, result.output
    for record in records(folder / "out.jsonl"):
        assert record["method"] == "fgsm"
        assert record["trace"][-1][1] == record["objective"]


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_by_name(folder: Path, invoke: Invoke, solver: str) -> None:
    milp = (*ATTACK[:5], "--method", "milp", "--solver", solver, "--index", "0:2")
    result = invoke(*milp, "--out", "out.jsonl")
    assert result.exit_code == 0, result.output
    for record in records(folder / "out.jsonl"):
        assert record["bound"] >= record["objective"] >= record["clean_objective"]
        assert record["verdict"] != "robust"


def test_the_goal_reaches_the_exact_method(folder: Path, invoke: Invoke) -> None:
    exact = (*ATTACK[:3], "--epsilon", 0.03, "--method", "exact")
    for goal in ("decide", "optimise"):
        assert invoke(*exact, "--goal", goal, "--out", f"{goal}.jsonl").exit_code == 0
    decided, optima = (records(folder / f"{goal}.jsonl") for goal in ("decide", "optimise"))
    assert all(record["bound"] == record["objective"] for record in optima)
    assert all(isinstance(record["bound"], int) for record in optima)
    assert [r["verdict"] for r in decided] == [r["verdict"] for r in optima]
    assert {"flipped", "robust"} == {record["verdict"] for record in optima}


def test_overwrite_replaces_files(folder: Path, invoke: Invoke) -> None:
    for name in ("out.jsonl", "adv.npz"):
        (folder / name).write_text("old\n" * 1000)
    files = ("--out", "out.jsonl", "--witnesses", "adv.npz")
    assert invoke(*ATTACK, "--index", 0, *files, "--overwrite").exit_code == 0
    assert [record["index"] for record in records(folder / "out.jsonl")] == [0]
    with np.load("adv.npz") as archive:
        assert archive["index"].tolist() == [0]


def test_zoo_network_and_embedded_sample_by_name(folder: Path, invoke: Invoke) -> None:
    arguments = ("mnist-2x100", "mnist-sample", "--epsilon", 0.005, "--method", "fgsm")
    result = invoke("attack", *arguments, "--index", "0:2", "--out", "out.jsonl")
    assert result.exit_code == 0, result.output
    assert [record["network"] for record in records(folder / "out.jsonl")] == ["mnist-2x100"] * 2


def test_old_results_stay_until_there_is_a_new_one(folder: Path) -> None:
    path = folder / "out.jsonl"
    path.write_text("old\n")
    with ResultFiles(path, None, tiny_plan(), overwrite=True):
        pass
    assert path.read_text() == "old\n"


def test_without_a_result_there_is_no_file(folder: Path) -> None:
    with ResultFiles(folder / "out.jsonl", None, tiny_plan(), overwrite=False):
        pass
    assert not (folder / "out.jsonl").exists()


def test_no_time_limit_is_inf(folder: Path, invoke: Invoke) -> None:
    options = ("--epsilon", 0.02, "--time-limit", "inf", "--index", "0:2", "--out", "out.jsonl")
    result = invoke("attack", "net.safetensors", "images.npz", *options)
    assert result.exit_code == 0, result.output
    assert [line["verdict"] for line in records(folder / "out.jsonl")] != []
