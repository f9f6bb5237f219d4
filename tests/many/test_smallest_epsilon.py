import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from signflip import Problem, Target, Untargeted, Verdict
from signflip.data import ImageSet
from signflip.many.answer import failed_record, run_task
from signflip.many.plan import Plan, Question
from signflip.many.record import Record
from signflip.many.sweep import run_here
from signflip.many.task import Series, Task
from signflip.methods import Exact
from signflip.problem import Distance, Goal, Norm, Terms
from tests.support.tiny import tiny_network

NETWORK = tiny_network()
RNG = np.random.default_rng(3)
IMAGES = ImageSet(
    name="tiny", images=RNG.random((6, NETWORK.inputs)), labels=np.arange(6, dtype=np.int64) % 3
)
ANY = Untargeted()


def plan_of(indices: range, *, goal: Goal | None = ANY, time_limit: float | None = 60.0) -> Plan:
    series = Series(name="exact", kind="exact", method=Exact(), seed=0, time_limit=time_limit)
    measure = Distance(Norm.LINF, 1e-3)
    question = Question(epsilon=1.0, goal=goal, series=series, terms=Terms(measure=measure))
    return question.plan(NETWORK, IMAGES, indices, name="net")


def record_of(task: Task) -> Record:
    record = run_task(pickle.loads(pickle.dumps(task)), NETWORK)
    assert isinstance(record, Record)
    return record


@pytest.mark.parametrize("goal", [None, ANY, Target(1)])
def test_records_say_what_is_known(goal: Goal | None) -> None:
    for task in plan_of(range(6), goal=goal).tasks():
        record = record_of(task)
        image = IMAGES.images[record.image_index]
        problem = Problem.ball(NETWORK, image, epsilon=record.upper or 1.0, goal=goal)
        assert (record.network_name, record.images_name) == ("net", "tiny")
        assert record.label == record.image_index % 3
        assert record.prediction == problem.prediction
        assert record.target == (problem.rivals[0] if goal != ANY else None)
        assert (record.norm, record.tolerance) == (Norm.LINF, 1e-3)
        assert record.closed
        if record.witness is None:
            assert (record.verdict, record.lower, record.upper) == (Verdict.ROBUST, 1.0, None)
            assert record.objective == record.clean_objective
        else:
            assert record.upper is not None
            assert record.lower is not None
            assert record.verdict is Verdict.FLIPPED
            replay = problem.replay(record.witness)
            assert replay.flipped
            assert record.objective == replay.value
            assert record.witness_prediction == replay.prediction
            assert 0 <= record.upper - record.lower <= 1e-3
            assert record.trace[-1][1] == record.upper


def test_lines_hold_the_documented_keys() -> None:
    record = record_of(plan_of(range(1)).tasks()[0])
    line = json.loads(record.to_json())
    assert list(line) == [
        "network",
        "images",
        "index",
        "label",
        "prediction",
        "target",
        "epsilon",
        "norm",
        "tolerance",
        "method",
        "seed",
        "verdict",
        "lower",
        "upper",
        "closed",
        "stop",
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
    assert (line["verdict"], line["stop"], line["closed"]) == ("flipped", "decided", True)
    assert (line["lower"], line["upper"]) == (record.lower, record.upper)


def test_an_interval_left_open() -> None:
    record = record_of(plan_of(range(1), time_limit=0).tasks()[0])
    line = json.loads(record.to_json())
    assert (line["verdict"], line["stop"], line["closed"]) == ("unknown", "time_limit", False)
    assert (line["lower"], line["upper"], line["trace"]) == (0.0, None, [])


def test_an_interval_without_an_answer() -> None:
    record = failed_record(plan_of(range(1)).tasks()[0], "it died", NETWORK)
    assert (record.lower, record.upper, record.closed, record.trace) == (0.0, None, False, ())
    assert record.failed


def test_processes_answer_as_this_one_does() -> None:
    answers = list(run_here(plan_of(range(4)), workers=2))
    assert len(answers) == 4
    for task, record in answers:
        here = record_of(task)
        assert (record.lower, record.upper) == (here.lower, here.upper)


def test_a_single_image_gets_all_workers_as_threads() -> None:
    ((task, record),) = run_here(plan_of(range(1)), workers=3)
    assert task.series.method == Exact(threads=3)
    assert record.closed


def test_images_predicted_as_the_target_are_skipped() -> None:
    predictions = NETWORK.predict(IMAGES.images)
    plan = plan_of(range(6), goal=Target(int(predictions[0])))
    assert plan.skipped == tuple(np.flatnonzero(predictions == predictions[0]))
    assert {task.case.index for task in plan.tasks()} == set(range(6)) - set(plan.skipped)


def test_the_smallest_epsilon_and_an_attack_are_two_tasks() -> None:
    (enclosing,) = plan_of(range(1)).tasks()
    attack = replace(enclosing, case=replace(enclosing.case, terms=Terms()))
    assert attack.problem_key != enclosing.problem_key
    assert attack.key != enclosing.key
