"""A task: one problem and one method, known by its content, run anywhere."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from signflip.arrays import Floats
from signflip.attack import Method, Preparing
from signflip.many.columns import canonical_json
from signflip.methods.spec import Description, describe, identity
from signflip.methods.warm_start import WarmStarted
from signflip.network import BinaryNetwork
from signflip.problem import Goal, Margin, Problem, Terms, Ties

GRACE = 60.0
"""Seconds beyond its time limit after which a task's process is ended."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """A method as users name it.

    Attributes:
        name: its name in the grid.
        kind: name in `METHODS`; of a warm start, that of the method that goes on.
        method: the method, its seed included.
        seed: the seed; 0 for a method that draws nothing.
        time_limit: seconds for each problem, or None.
        proofs: folder for a proof of each answer; None for none.
    """

    name: str
    kind: str
    method: Method
    seed: int
    time_limit: float | None
    proofs: Path | None = None

    @cached_property
    def settings(self) -> Description:
        """The method with all its settings."""
        return describe(self.method)

    @cached_property
    def prepares(self) -> bool:
        """Whether the method has to get ready once in each process."""
        return isinstance(self.method, Preparing)

    def with_threads(self, threads: int) -> Self:
        """The series with so many threads for an exact search; another method as it is."""
        return replace(self, method=_threaded(self.method, threads))


@dataclass(frozen=True, eq=False, kw_only=True)
class Case:
    """An image on a network, which is kept apart.

    Attributes:
        network: `digest` of the network.
        network_name: its name in the grid.
        images_name: the data set's name.
        index: the image's place in it.
        label: the true class.
        image: (inputs,) float64 in [0, 1].
        prediction: the network's class for the image.
        goal: what an attack is to reach.
        terms: what may change, what counts as a flip, what is better.
    """

    network: str
    network_name: str
    images_name: str
    index: int
    label: int
    image: Floats
    prediction: int
    goal: Goal
    terms: Terms = Terms()  # noqa: RUF009 - a frozen value

    @property
    def target(self) -> int | None:
        """The class to raise above the prediction, or None for any."""
        return self.goal.target

    @cached_property
    def image_key(self) -> str:
        """`image_key` of the image."""
        return image_key(self.image)


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """A case, a budget and a method: what any process can run that has the network.

    Attributes:
        case: the image and its network.
        epsilon: radius of the ball, in the unit of the image.
        series: the method, and its time limit.
    """

    case: Case
    epsilon: float
    series: Series

    def problem(self, network: BinaryNetwork) -> Problem:
        """The attack problem.

        Args:
            network: the network that `case.network` is the key of.
        """
        case = self.case
        return case.terms.problem(network, case.image, epsilon=self.epsilon, goal=case.goal)

    @property
    def hard_limit(self) -> float | None:
        """Seconds after which the task's process is ended, or None."""
        limit = self.series.time_limit
        return None if limit is None else limit + GRACE

    @cached_property
    def problem_key(self) -> str:
        """`problem_key` of the problem."""
        case = self.case
        return problem_key(case.network, case.image_key, self.epsilon, case.goal, case.terms)

    @cached_property
    def key(self) -> str:
        """`task_key` of problem, method and time limit."""
        return task_key(self.problem_key, self.series.settings, self.series.time_limit)

    @property
    def proof(self) -> Path | None:
        """The file for the proof of its answer, if there is to be one."""
        folder = self.series.proofs
        return None if folder is None else folder / f"{self.case.index}-{self.key[:12]}.proof"

    def with_threads(self, threads: int) -> Self:
        """The task with so many threads for the exact method."""
        return replace(self, series=self.series.with_threads(threads))


def problem_key(
    network: str,
    image: str,
    epsilon: float,
    goal: Goal,
    terms: Terms = Terms(),  # noqa: B008 - a frozen value
) -> str:
    """SHA-256 of a problem's content.

    What came with later versions of Signflip is in it only where it differs from what all problems
    were before, so that results of earlier versions stay those of their problems.

    Args:
        network: `digest` of the network.
        image: `image_key` of the image.
        epsilon: radius of the ball.
        goal: what an attack is to reach, for this image.
        terms: what may change, what counts as a flip, what is better.
    """
    content: dict[str, object] = {
        "network": network,
        "image": image,
        "epsilon": float(epsilon),
        "goal": describe(goal),
    }
    if terms.ties is not Ties.NONE:
        content["ties"] = terms.ties.value
    if terms.measure != Margin():
        content["measure"] = describe(terms.measure)
    if terms.grid is not None:
        content["grid"] = terms.grid.value
    if terms.mask is not None:
        content["mask"] = terms.mask.digest
    return _sha256(content)


def task_key(problem: str, settings: Mapping[str, object], time_limit: float | None) -> str:
    """SHA-256 of a task's content.

    Args:
        problem: `problem_key` of the problem.
        settings: the method, as `describe` gives it; only its `identity` counts.
        time_limit: seconds, or None.
    """
    limit = None if time_limit is None else float(time_limit)
    return _sha256({"problem": problem, "method": identity(settings), "time_limit": limit})


def image_key(image: Floats) -> str:
    """SHA-256 of an image's float64 values."""
    digest = hashlib.sha256(f"{image.dtype.str}{image.shape}".encode())
    digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()


def _sha256(content: dict[str, object]) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def _threaded(method: Method, threads: int) -> Method:
    if isinstance(method, WarmStarted):
        return replace(method, then=_threaded(method.then, threads))
    from signflip.methods import Auto, Exact  # a method is imported where it is asked for

    return replace(method, threads=threads) if isinstance(method, Auto | Exact) else method
