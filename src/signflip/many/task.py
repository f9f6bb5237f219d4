"""A task of a sweep: one problem and one method, known by its content, run anywhere."""

import hashlib
import json
import platform
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from signflip.arrays import Floats
from signflip.attack import Method, attack
from signflip.many.workers import Failure
from signflip.methods.spec import describe
from signflip.network import BinaryNetwork
from signflip.problem import Goal, Problem
from signflip.programs import SolverFailure
from signflip.result import AttackResult

GRACE = 60.0
"""Seconds beyond its time limit after which a task's process is ended."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """One attack of a sweep; whole in itself but for the network, which travels apart.

    Attributes:
        network: `digest` of the network.
        image: (inputs,) float64 in [0, 1].
        epsilon: radius of the ball, in the unit of the image.
        goal: `Target(class)` or `Untargeted()`.
        method: the method, its seed included.
        time_limit: seconds.
    """

    network: str
    image: Floats
    epsilon: float
    goal: Goal
    method: Method
    time_limit: float

    @property
    def hard_limit(self) -> float:
        """Seconds after which the task's process is ended."""
        return self.time_limit + GRACE

    @cached_property
    def image_key(self) -> str:
        """`image_key` of the image."""
        return image_key(self.image)

    @cached_property
    def problem_key(self) -> str:
        """SHA-256 of the problem's content: network, image, ball and goal."""
        return _sha256(
            {
                "network": self.network,
                "image": self.image_key,
                "epsilon": float(self.epsilon),
                "goal": describe(self.goal),
            }
        )

    @cached_property
    def key(self) -> str:
        """SHA-256 of the task's content: the problem, the method's settings and the time limit."""
        return _sha256(
            {
                "problem": self.problem_key,
                "method": describe(self.method),
                "time_limit": float(self.time_limit),
            }
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """What came of a task, and where.

    Attributes:
        result: the attack's result.
        host: name of the machine.
        versions: package -> version, of the packages that made the result.
        finished: when, in UTC, ISO 8601.
    """

    result: AttackResult
    host: str
    versions: dict[str, str]
    finished: str


def run_task(task: Task, network: BinaryNetwork) -> Answer | Failure:
    """Run a task in this process; a solver that gives up makes it a failure.

    Args:
        task: the task.
        network: the network that `task.network` is the key of.
    """
    problem = Problem.ball(network, task.image, epsilon=task.epsilon, goal=task.goal)
    try:
        result = attack(problem, task.method, time_limit=task.time_limit)
    except SolverFailure as error:
        return Failure(f"the solver gave up: {error}")
    return Answer(
        result=result,
        host=socket.gethostname(),
        versions=versions(),
        finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def image_key(image: Floats) -> str:
    """SHA-256 of an image's float64 values."""
    digest = hashlib.sha256()
    _feed(digest, image)
    return digest.hexdigest()


@cache
def versions() -> dict[str, str]:
    """Python and the packages that can change a result; an optional one only if it is there."""
    found = {"python": platform.python_version()}
    for package in ("signflip", "numpy", "numba", "highspy", "pyscipopt", "gurobipy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


# json.dumps would make one anew for each text
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: object) -> str:
    """JSON that is the same for equal values, as keys and the store have it."""
    return _ENCODER.encode(value)


def _feed(digest: "hashlib._Hash", array: np.ndarray) -> None:
    digest.update(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).tobytes())


def _sha256(content: dict[str, object]) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()
