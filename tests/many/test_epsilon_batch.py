import json
import pickle

import numpy as np
import pytest

from signflip import Problem, Target, Untargeted, Verdict
from signflip.data import ImageSet
from signflip.errors import ProblemError, SettingError
from signflip.many.batch import GRACE
from signflip.many.epsilon_batch import (
    Enclosed,
    EpsilonBatch,
    epsilon_jobs,
    run_epsilon_job,
    run_epsilon_jobs,
)
from signflip.methods import Exact
from signflip.problem import Goal
from tests.support.tiny import tiny_network

NETWORK = tiny_network()
RNG = np.random.default_rng(3)
IMAGES = ImageSet(
    name="tiny", images=RNG.random((6, NETWORK.inputs)), labels=np.arange(6, dtype=np.int64) % 3
)
ANY = Untargeted()


def batch_of(
    indices: range,
    *,
    goal: Goal | None = ANY,
    tolerance: float = 1e-3,
    time_limit: float | None = 5.0,
) -> EpsilonBatch:
    return epsilon_jobs(
        NETWORK,
        IMAGES,
        indices,
        goal=goal,
        tolerance=tolerance,
        time_limit=time_limit,
        network_name="net",
    )


@pytest.mark.parametrize("goal", [None, ANY, Target(1)])
def test_records_say_what_is_known(goal: Goal | None) -> None:
    for job in batch_of(range(6), goal=goal).jobs:
        answer = run_epsilon_job(pickle.loads(pickle.dumps(job)))
        record = answer.record
        image = IMAGES.images[record.index]
        problem = Problem.ball(NETWORK, image, epsilon=record.upper or 1.0, goal=goal)
        assert (record.network, record.images) == ("net", "tiny")
        assert record.label == record.index % 3
        assert record.prediction == problem.prediction
        assert record.target == (problem.rivals[0] if goal != ANY else None)
        assert record.tolerance == 1e-3
        assert record.closed
        if answer.witness is None:
            assert (record.verdict, record.lower, record.upper) == (Verdict.ROBUST, 1.0, None)
        else:
            assert record.upper is not None
            assert record.verdict is Verdict.FLIPPED
            assert problem.replay(answer.witness).flipped
            assert 0 <= record.upper - record.lower <= 1e-3
            assert record.trace[-1][1] == record.upper


def test_lines_hold_the_documented_keys() -> None:
    answer = run_epsilon_job(batch_of(range(1)).jobs[0])
    line = json.loads(answer.record.to_json())
    assert list(line) == [
        "network",
        "images",
        "index",
        "label",
        "prediction",
        "target",
        "tolerance",
        "verdict",
        "lower",
        "upper",
        "closed",
        "stop",
        "seconds",
        "trace",
        "ties",
    ]
    assert (line["verdict"], line["stop"], line["closed"]) == ("flipped", "decided", True)
    assert (line["lower"], line["upper"]) == (answer.record.lower, answer.record.upper)


def test_an_interval_left_open() -> None:
    answer = run_epsilon_job(batch_of(range(1), time_limit=0).jobs[0])
    line = json.loads(answer.record.to_json())
    assert (line["verdict"], line["stop"], line["closed"]) == ("unknown", "time_limit", False)
    assert (line["lower"], line["upper"], line["trace"]) == (0.0, None, [])


def test_processes_answer_as_this_one_does() -> None:
    jobs = batch_of(range(4)).jobs
    answers = dict(run_epsilon_jobs(jobs, workers=2))
    assert len(answers) == 4
    for job, answer in answers.items():
        here = run_epsilon_job(job)
        assert isinstance(answer, Enclosed)
        assert (answer.record.lower, answer.record.upper) == (here.record.lower, here.record.upper)


def test_a_single_image_gets_all_workers_as_threads() -> None:
    ((job, answer),) = run_epsilon_jobs(batch_of(range(1)).jobs, workers=3)
    assert job.attack.plan.method == Exact(threads=3)
    assert isinstance(answer, Enclosed)


def test_a_hard_limit_leaves_time_to_stop() -> None:
    assert batch_of(range(1)).jobs[0].attack.hard_limit == 5.0 + GRACE


def test_images_predicted_as_the_target_are_skipped() -> None:
    predictions = NETWORK.predict(IMAGES.images)
    batch = batch_of(range(6), goal=Target(int(predictions[0])))
    assert batch.skipped == tuple(np.flatnonzero(predictions == predictions[0]))
    assert {job.index for job in batch.jobs} == set(range(6)) - set(batch.skipped)


def test_bad_settings() -> None:
    with pytest.raises(SettingError, match=r"the tolerance is 0.0; it must be above 0"):
        batch_of(range(6), tolerance=0.0)
    with pytest.raises(SettingError, match="the time limit is -1"):
        batch_of(range(6), time_limit=-1)
    with pytest.raises(ProblemError, match="the target is class 9; the network has classes 0 to 2"):
        batch_of(range(6), goal=Target(9))
    with pytest.raises(SettingError, match="the number of workers is 0"):
        run_epsilon_jobs(batch_of(range(6)).jobs, workers=0)
