"""Attacks on many images: jobs that can be sent to any process, and their records."""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice
from typing import Protocol, Self, TypeVar

from signflip.arrays import Floats
from signflip.attack import Method, attack
from signflip.clock import Clock
from signflip.data import ImageSet
from signflip.errors import ProblemError
from signflip.formats.native import network_from_bytes, network_to_bytes
from signflip.many.record import AttackRecord, finite_bound, number
from signflip.many.workers import Failure, check_workers, run_in_processes
from signflip.methods.exact import Exact
from signflip.methods.warm_start import WarmStarted
from signflip.network import BinaryNetwork
from signflip.problem import Goal, Problem, Ties
from signflip.programs import SolverFailure
from signflip.result import AttackResult, Stop

GRACE = 120.0
"""Seconds beyond its time limit after which an attack's process is ended.

The first attack of all may have to compile a kernel first, which took 35 s on a busy machine."""


class Threadable(Protocol):
    """A job that may have use for threads."""

    def with_threads(self, threads: int) -> Self:
        """The job on so many threads."""
        ...


AnyJob = TypeVar("AnyJob", bound=Threadable)


@dataclass(frozen=True, kw_only=True)
class AttackPlan:
    """How each image of a batch is attacked.

    Attributes:
        epsilon: radius of the ball around the image.
        goal: `Target(class)`, `Untargeted()`, or None for each image's second-highest class.
        method: the method.
        name: the method's name, for the record.
        seed: the method's seed, for the record.
        time_limit: seconds for each image, or None.
        ties: what a rival counts as that is level with the prediction.
    """

    epsilon: float
    goal: Goal | None
    method: Method
    name: str
    seed: int
    time_limit: float | None
    ties: Ties = Ties.NONE


@dataclass(frozen=True, eq=False, kw_only=True)
class AttackJob:
    """One attack, whole in itself: any process can run it.

    Attributes:
        plan: how to attack.
        network_name: zoo name or file of the network.
        network_file: the network, as the bytes of a network file.
        images_name: name or file of the data set.
        index: the image's place in the data set.
        label: its true class.
        image: (inputs,) float64 in [0, 1].
    """

    plan: AttackPlan
    network_name: str
    network_file: bytes
    images_name: str
    index: int
    label: int
    image: Floats

    @property
    def hard_limit(self) -> float | None:
        """Seconds after which the job's process is ended."""
        return None if self.plan.time_limit is None else self.plan.time_limit + GRACE

    def problem(self) -> Problem:
        """The job's attack problem."""
        plan = self.plan
        network = _network(self.network_file)
        return Problem.ball(
            network, self.image, epsilon=plan.epsilon, goal=plan.goal, ties=plan.ties
        )

    def with_threads(self, threads: int) -> Self:
        """The job with so many threads for the exact method; for another method, as it is."""
        return replace(self, plan=replace(self.plan, method=_threaded(self.plan.method, threads)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Attacked:
    """A job's answer.

    Attributes:
        record: what is kept of it as text.
        witness: (inputs,) float64, the best image found.
        witness_prediction: its class.
        stop: why the method stopped.
    """

    record: AttackRecord
    witness: Floats
    witness_prediction: int
    stop: Stop


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The jobs of a batch.

    Attributes:
        jobs: one for each image that can be attacked.
        skipped: indices of the images that are predicted as the target already.
    """

    jobs: tuple[AttackJob, ...]
    skipped: tuple[int, ...]


def attack_jobs(
    network: BinaryNetwork,
    images: ImageSet,
    indices: Sequence[int],
    plan: AttackPlan,
    *,
    network_name: str,
) -> Batch:
    """The jobs that attack `images[indices]`, checked as far as possible without running them.

    Each image is attacked from its prediction, right or wrong, as in the paper.

    Raises:
        ProblemError: network, images, epsilon and goal do not fit, or every image is predicted as
            the target already.
        DataError: the images do not fit the network.
        SettingError: the time limit is negative.
    """
    Clock.start(plan.time_limit)
    predictions = network.predict(images.images[list(indices)])
    target = None if plan.goal is None else plan.goal.target
    attackable = [i for i, p in zip(indices, predictions, strict=True) if p != target]
    if not attackable:
        raise ProblemError(
            f"the target is class {target}, which the network predicts for every chosen image "
            "already; choose another class or other images"
        )
    network_file = network_to_bytes(network)
    jobs = tuple(
        AttackJob(
            plan=plan,
            network_name=network_name,
            network_file=network_file,
            images_name=images.name,
            index=index,
            label=int(images.labels[index]),
            image=images.images[index],
        )
        for index in attackable
    )
    jobs[0].problem()  # epsilon and goal are the same for all
    return Batch(jobs=jobs, skipped=tuple(sorted(set(indices) - set(attackable))))


def run_jobs(
    jobs: Iterable[AttackJob], *, workers: int
) -> Generator[tuple[AttackJob, Attacked | Failure]]:
    """Run the jobs in `workers` processes; answers come in the order they are found.

    Solvers use one thread in each. A single job of the exact method gets `workers` threads instead.

    Raises:
        SettingError: `workers` is below 1, or a method or solver refuses its settings.
        MissingExtraError: a solver's package is not installed.
    """
    jobs, processes = spread(jobs, workers)
    return run_in_processes(run_job, jobs, workers=processes, limit=lambda job: job.hard_limit)


def spread(jobs: Iterable[AnyJob], workers: int) -> tuple[Iterable[AnyJob], int]:
    """The jobs and a number of processes; a single job takes all workers, as threads of one.

    Raises:
        SettingError: `workers` is below 1.
    """
    check_workers(workers)
    waiting = iter(jobs)
    first = list(islice(waiting, 2))
    if len(first) == 1:
        return [first[0].with_threads(workers)], 1
    return chain(first, waiting), workers


def run_job(job: AttackJob) -> Attacked | Failure:
    """Run one job in this process; a solver that gives up makes it a failure."""
    problem = job.problem()
    try:
        result = attack(problem, job.plan.method, time_limit=job.plan.time_limit)
    except SolverFailure as error:
        return Failure(f"the solver gave up: {error}")
    return Attacked(
        record=_record(job, problem, result),
        witness=result.witness,
        witness_prediction=result.witness_prediction,
        stop=result.stop,
    )


def _record(job: AttackJob, problem: Problem, result: AttackResult) -> AttackRecord:
    plain = problem.network.output.plain
    return AttackRecord(
        network=job.network_name,
        images=job.images_name,
        index=job.index,
        label=job.label,
        prediction=result.prediction,
        target=problem.target,
        ties=problem.ties,
        epsilon=job.plan.epsilon,
        method=job.plan.name,
        seed=job.plan.seed,
        verdict=result.verdict,
        objective=number(result.objective, plain=plain),
        clean_objective=number(result.clean_objective, plain=plain),
        bound=finite_bound(result.bound, plain=plain),
        seconds=round(result.seconds, 6),
        trace=tuple(
            (round(seconds, 6), number(objective, plain=plain))
            for seconds, objective in result.trace
        ),
    )


def _threaded(method: Method, threads: int) -> Method:
    if isinstance(method, WarmStarted):
        return replace(method, then=_threaded(method.then, threads))
    return replace(method, threads=threads) if isinstance(method, Exact) else method


@lru_cache(maxsize=4)
def _network(network_file: bytes) -> BinaryNetwork:
    """The network of a file's bytes, made once in each process and not once for each image."""
    return network_from_bytes(network_file)
