import pickle
from dataclasses import replace

import numpy as np
import pytest

from signflip import Method, Target, Untargeted
from signflip.data import ImageSet
from signflip.errors import DataError, ProblemError, SettingError
from signflip.many.answer import run_task
from signflip.many.plan import Plan, Question
from signflip.many.record import Record
from signflip.many.sweep import run_here
from signflip.many.task import GRACE, Series
from signflip.many.workers import Failure
from signflip.methods import Exact, Fgsm
from signflip.methods.warm_start import WarmStarted
from signflip.problem import Distance, Goal, Terms
from tests.support.fake_methods import GivesUp
from tests.support.tiny import tiny_network

NETWORK = tiny_network()
RNG = np.random.default_rng(3)
IMAGES = ImageSet(
    name="tiny", images=RNG.random((10, NETWORK.inputs)), labels=np.zeros(10, dtype=np.int64)
)


def question(
    *,
    epsilon: float = 0.2,
    goal: Goal | None = None,
    time_limit: float | None = 5.0,
    method: Method | None = None,
) -> Question:
    method = method or Fgsm(iterations=20)
    series = Series(name="fgsm", kind="fgsm", method=method, seed=0, time_limit=time_limit)
    return Question(epsilon=epsilon, goal=goal, series=series)


def plan_of(asked: Question, indices: range) -> Plan:
    return asked.plan(NETWORK, IMAGES, indices, name="tiny")


def test_tasks_survive_pickling_and_give_the_same_answer() -> None:
    tasks = question().plan(NETWORK, IMAGES, [4, 2], name="tiny").tasks()
    assert [task.case.index for task in tasks] == [4, 2]
    for task in tasks:
        here, there = run_task(task, NETWORK), run_task(pickle.loads(pickle.dumps(task)), NETWORK)
        assert isinstance(here, Record)
        assert isinstance(there, Record)
        assert here.objective == there.objective
        assert here.witness is not None
        assert there.witness is not None
        assert here.witness.tobytes() == there.witness.tobytes()
        assert here.stop == "budget"


def test_processes_answer_as_this_one_does() -> None:
    for task, record in run_here(plan_of(question(), range(10)), workers=2):
        here = run_task(task, NETWORK)
        assert isinstance(here, Record)
        assert here.witness is not None
        assert record.witness is not None
        assert record.witness.tobytes() == here.witness.tobytes()
        assert record.witness_prediction == NETWORK.predict(record.witness[None])[0]


def test_a_hard_limit_leaves_the_method_time_to_stop() -> None:
    limited, limitless = (
        plan_of(question(time_limit=limit), range(1)).tasks()[0] for limit in (5.0, None)
    )
    assert limited.hard_limit == 5.0 + GRACE
    assert limitless.hard_limit is None


def test_a_task_without_a_time_limit() -> None:
    ((task, record),) = run_here(plan_of(question(time_limit=None), range(1)), workers=1)
    assert (record.time_limit, record.key) == (None, task.key)


def test_a_solver_that_gives_up_is_a_failure() -> None:
    plan = plan_of(question(method=GivesUp()), range(1))
    reason = "the solver gave up: out of memory"
    assert run_task(plan.tasks()[0], NETWORK) == Failure(reason)
    ((_, record),) = run_here(plan, workers=1)
    assert record.failed
    assert (record.failure, record.stop) == (reason, "failed")


def test_a_single_image_gets_all_workers_as_threads() -> None:
    exact = question(method=WarmStarted(first=Fgsm(), seconds=0.1, then=Exact()))
    ((run, _),) = run_here(plan_of(exact, range(1)), workers=3)
    assert isinstance(run.series.method, WarmStarted)
    assert run.series.method.then == Exact(threads=3)
    several = run_here(plan_of(exact, range(3)), workers=2)
    assert all(run.series.method == exact.series.method for run, _ in several)


def test_no_workers() -> None:
    with pytest.raises(SettingError, match="the number of workers is 0"):
        next(run_here(plan_of(question(), range(1)), workers=0))


def test_skipped_images_are_those_predicted_as_the_target() -> None:
    predictions = NETWORK.predict(IMAGES.images)
    target = int(predictions[0])
    plan = plan_of(question(goal=Target(target)), range(10))
    assert plan.skipped == tuple(np.flatnonzero(predictions == target))
    indices = [task.case.index for task in plan.tasks()]
    assert indices == np.flatnonzero(predictions != target).tolist()


def test_an_untargeted_record_names_no_target() -> None:
    (task,) = plan_of(question(goal=Untargeted()), range(1)).tasks()
    answer = run_task(task, NETWORK)
    assert isinstance(answer, Record)
    assert answer.target is None


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (question(epsilon=2), ProblemError, "epsilon is 2; it must be from 0 to 1"),
        (question(goal=Target(5)), ProblemError, "the target is class 5; tiny has classes 0 to 2"),
        (question(time_limit=-1), SettingError, "the time limit is -1"),
    ],
)
def test_bad_questions(bad: Question, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plan_of(bad, range(10))


def test_a_method_that_cannot_work_on_the_problem() -> None:
    asked = replace(question(), terms=Terms(measure=Distance()))
    with pytest.raises(ProblemError, match=r"Fgsm looks for the largest objective, not for"):
        plan_of(asked, range(10))


def test_images_of_another_size() -> None:
    small = ImageSet(name="small", images=RNG.random((2, 9)), labels=np.zeros(2, dtype=np.int64))
    with pytest.raises(DataError, match=r"images have shape \(2, 9\); this network reads"):
        question().plan(NETWORK, small, [0, 1], name="tiny")
