"""The smallest epsilon of many images: jobs that can be sent to any process, and their records."""

import json
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from signflip.arrays import Floats
from signflip.data import ImageSet
from signflip.many.batch import AttackJob, AttackPlan, attack_jobs, spread
from signflip.many.workers import Failure, run_in_processes
from signflip.methods.exact import Exact
from signflip.min_epsilon import min_epsilon
from signflip.network import BinaryNetwork
from signflip.problem import Goal, Ties
from signflip.problem.measures import check_tolerance
from signflip.result import Stop, Verdict

LARGEST = 1.0
"""The ball of this radius holds every image."""


@dataclass(frozen=True, kw_only=True)
class EpsilonRecord:
    """What is known of one image's smallest epsilon.

    Attributes:
        network: zoo name or file of the network.
        images: name or file of the data set.
        index: the image's place in the data set.
        label: the image's true class.
        prediction: the class of the clean image.
        target: the class to raise above it, or None for any.
        tolerance: width at which the interval is closed.
        verdict: `flipped` where there is a witness, `robust` where no image at all flips.
        lower: proved: within this epsilon there is no flip.
        upper: the witness is in the ball of this epsilon; None without a witness.
        closed: whether the search ended by itself: `upper - lower` is at most `tolerance`, or the
            verdict is `robust`.
        stop: why it ended: `DECIDED`, `TIME_LIMIT` or `IMPRECISE`.
        seconds: the time that it took.
        trace: (seconds, epsilon) of each nearer witness.
        ties: what a rival counted as that is level with the prediction.
    """

    network: str
    images: str
    index: int
    label: int
    prediction: int
    target: int | None
    tolerance: float
    verdict: Verdict
    lower: float
    upper: float | None
    closed: bool
    stop: Stop
    seconds: float
    trace: tuple[tuple[float, float], ...]
    ties: Ties = Ties.NONE

    def to_json(self) -> str:
        """The record as one line of JSON, without its line end; keys in the order above."""
        words = {
            "verdict": self.verdict.value,
            "stop": self.stop.name.lower(),
            "ties": self.ties.value,
        }
        return json.dumps({**vars(self), **words}, allow_nan=False)


@dataclass(frozen=True, eq=False, kw_only=True)
class EpsilonJob:
    """The search for one image's smallest epsilon.

    Attributes:
        attack: the attack on all images there are, whose exact method decides each ball.
        tolerance: width at which the interval is closed.
    """

    attack: AttackJob
    tolerance: float

    @property
    def index(self) -> int:
        """The image's place in the data set."""
        return self.attack.index

    def with_threads(self, threads: int) -> Self:
        """The job with so many threads."""
        return replace(self, attack=self.attack.with_threads(threads))


@dataclass(frozen=True, eq=False, kw_only=True)
class Enclosed:
    """A job's answer.

    Attributes:
        record: what is kept of it as text.
        witness: (inputs,) float64, the nearest flip found, or None.
    """

    record: EpsilonRecord
    witness: Floats | None


@dataclass(frozen=True, kw_only=True)
class EpsilonBatch:
    """The jobs of a batch.

    Attributes:
        jobs: one for each image that can be attacked.
        skipped: indices of the images that are predicted as the target already.
    """

    jobs: tuple[EpsilonJob, ...]
    skipped: tuple[int, ...]


def epsilon_jobs(
    network: BinaryNetwork,
    images: ImageSet,
    indices: Sequence[int],
    *,
    goal: Goal | None,
    tolerance: float,
    time_limit: float | None,
    network_name: str,
    ties: Ties = Ties.NONE,
) -> EpsilonBatch:
    """The jobs that enclose the smallest epsilon of `images[indices]`, checked as in `attack_jobs`.

    Raises:
        ProblemError: network, images and goal do not fit, or every image is predicted as the
            target already.
        DataError: the images do not fit the network.
        SettingError: the tolerance is not above 0, or the time limit is negative.
    """
    check_tolerance(tolerance)
    plan = AttackPlan(
        epsilon=LARGEST,
        goal=goal,
        method=Exact(),
        name="exact",
        seed=0,
        time_limit=time_limit,
        ties=ties,
    )
    batch = attack_jobs(network, images, indices, plan, network_name=network_name)
    jobs = tuple(EpsilonJob(attack=job, tolerance=tolerance) for job in batch.jobs)
    return EpsilonBatch(jobs=jobs, skipped=batch.skipped)


def run_epsilon_jobs(
    jobs: Iterable[EpsilonJob], *, workers: int
) -> Generator[tuple[EpsilonJob, Enclosed | Failure]]:
    """Run the jobs in `workers` processes, or a single job on so many threads.

    Raises:
        SettingError: `workers` is below 1.
    """
    jobs, processes = spread(jobs, workers)
    return run_in_processes(
        run_epsilon_job, jobs, workers=processes, limit=lambda job: job.attack.hard_limit
    )


def run_epsilon_job(job: EpsilonJob) -> Enclosed:
    """Run one job in this process."""
    plan, problem = job.attack.plan, job.attack.problem()
    result = min_epsilon(
        problem,
        tolerance=job.tolerance,
        exact=plan.method if isinstance(plan.method, Exact) else None,
        time_limit=plan.time_limit,
    )
    record = EpsilonRecord(
        network=job.attack.network_name,
        images=job.attack.images_name,
        index=job.index,
        label=job.attack.label,
        prediction=problem.prediction,
        target=problem.target,
        ties=problem.ties,
        tolerance=job.tolerance,
        verdict=result.verdict,
        lower=LARGEST if result.bound is None else min(LARGEST, result.bound),
        upper=result.distance,
        closed=result.stop is Stop.DECIDED,
        stop=result.stop,
        seconds=round(result.seconds, 6),
        trace=tuple((round(seconds, 6), distance) for seconds, distance in result.trace),
    )
    return Enclosed(record=record, witness=result.flip)
