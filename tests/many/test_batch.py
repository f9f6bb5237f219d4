import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from signflip import Method, Outcome, Stop, Target, Untargeted
from signflip.data import ImageSet
from signflip.errors import DataError, ProblemError, SettingError
from signflip.many.batch import GRACE, Attacked, AttackPlan, attack_jobs, run_job, run_jobs
from signflip.many.workers import Failure
from signflip.methods import Exact, Fgsm
from signflip.methods.warm_start import WarmStarted
from signflip.problem import Goal
from signflip.programs import SolverFailure
from signflip.run import Run
from tests.support.tiny import tiny_network

NETWORK = tiny_network()
RNG = np.random.default_rng(3)
IMAGES = ImageSet(
    name="tiny", images=RNG.random((10, NETWORK.inputs)), labels=np.zeros(10, dtype=np.int64)
)


@dataclass(frozen=True, kw_only=True)
class GivesUp:
    """A method whose solver gives up."""

    def run(self, run: Run) -> Outcome:
        run.offer(run.problem.image)
        raise SolverFailure("out of memory")


def plan(
    *,
    epsilon: float = 0.2,
    goal: Goal | None = None,
    time_limit: float | None = 5.0,
    method: Method | None = None,
) -> AttackPlan:
    return AttackPlan(
        epsilon=epsilon,
        goal=goal,
        method=method or Fgsm(iterations=20),
        name="fgsm",
        seed=0,
        time_limit=time_limit,
    )


def test_jobs_survive_pickling_and_give_the_same_answer() -> None:
    batch = attack_jobs(NETWORK, IMAGES, [4, 2], plan(), network_name="tiny")
    assert [job.index for job in batch.jobs] == [4, 2]
    for job in batch.jobs:
        here, there = run_job(job), run_job(pickle.loads(pickle.dumps(job)))
        assert isinstance(here, Attacked)
        assert isinstance(there, Attacked)
        assert here.record.objective == there.record.objective
        assert here.witness.tobytes() == there.witness.tobytes()
        assert here.stop is Stop.BUDGET


def test_processes_answer_as_this_one_does() -> None:
    jobs = attack_jobs(NETWORK, IMAGES, range(10), plan(), network_name="tiny").jobs
    for job, answer in run_jobs(jobs, workers=2):
        here = run_job(job)
        assert isinstance(answer, Attacked)
        assert isinstance(here, Attacked)
        assert answer.witness.tobytes() == here.witness.tobytes()
        assert answer.witness_prediction == NETWORK.predict(answer.witness[None])[0]


def test_a_hard_limit_leaves_the_method_time_to_stop() -> None:
    job, limitless = (
        attack_jobs(NETWORK, IMAGES, [0], plan(time_limit=limit), network_name="tiny").jobs[0]
        for limit in (5.0, None)
    )
    assert job.hard_limit == 5.0 + GRACE
    assert limitless.hard_limit is None


def test_a_solver_that_gives_up_is_a_failure() -> None:
    (job,) = attack_jobs(NETWORK, IMAGES, [0], plan(method=GivesUp()), network_name="tiny").jobs
    assert run_job(job) == Failure("the solver gave up: out of memory")


def test_a_single_image_gets_all_workers_as_threads() -> None:
    exact = plan(method=WarmStarted(first=Fgsm(), seconds=0.1, then=Exact()))
    (job,) = attack_jobs(NETWORK, IMAGES, [0], exact, network_name="tiny").jobs
    ((run, answer),) = run_jobs([job], workers=3)
    assert isinstance(answer, Attacked)
    assert isinstance(run.plan.method, WarmStarted)
    assert run.plan.method.then == Exact(threads=3)
    jobs = attack_jobs(NETWORK, IMAGES, range(3), exact, network_name="tiny").jobs
    assert all(run.plan.method == exact.method for run, _ in run_jobs(jobs, workers=2))


def test_no_workers() -> None:
    with pytest.raises(SettingError, match="the number of workers is 0"):
        run_jobs([], workers=0)


def test_skipped_images_are_those_predicted_as_the_target() -> None:
    predictions = NETWORK.predict(IMAGES.images)
    target = int(predictions[0])
    batch = attack_jobs(NETWORK, IMAGES, range(10), plan(goal=Target(target)), network_name="tiny")
    assert batch.skipped == tuple(np.flatnonzero(predictions == target))
    assert [job.index for job in batch.jobs] == np.flatnonzero(predictions != target).tolist()


def test_an_untargeted_record_names_no_target() -> None:
    (job,) = attack_jobs(NETWORK, IMAGES, [0], plan(goal=Untargeted()), network_name="tiny").jobs
    answer = run_job(job)
    assert isinstance(answer, Attacked)
    assert answer.record.target is None


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (plan(epsilon=2), ProblemError, "epsilon is 2; it must be from 0 to 1"),
        (plan(goal=Target(5)), ProblemError, "the target is class 5; the network has classes"),
        (plan(time_limit=-1), SettingError, "the time limit is -1"),
    ],
)
def test_bad_plans(bad: AttackPlan, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        attack_jobs(NETWORK, IMAGES, range(10), bad, network_name="tiny")


def test_images_of_another_size() -> None:
    small = ImageSet(name="small", images=RNG.random((2, 9)), labels=np.zeros(2, dtype=np.int64))
    with pytest.raises(DataError, match=r"images have shape \(2, 9\); this network reads"):
        attack_jobs(NETWORK, small, [0, 1], plan(), network_name="tiny")
