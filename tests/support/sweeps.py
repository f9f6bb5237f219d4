"""Plans, rows and stores of the tiny network."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from signflip.attack import Method
from signflip.data import ImageSet
from signflip.many.answer import run_task
from signflip.many.executor import Answers
from signflip.many.plan import Block, Plan, cases_of
from signflip.many.record import Record
from signflip.many.task import Series, Task
from signflip.network import BinaryNetwork
from signflip.problem import Goal
from signflip.result import Verdict
from tests.support.tiny import CLASSES, INPUTS, tiny_network

flat = chain.from_iterable
"""Pairs of a task and its answer one by one, of those that come together."""

NETWORK = tiny_network()
KEY = NETWORK.digest


def image_set(count: int) -> ImageSet:
    """Random images of the tiny network's size."""
    rng = np.random.default_rng(3)
    images, labels = rng.random((count, INPUTS)), rng.integers(0, CLASSES, count)
    return ImageSet(name="noise", images=images, labels=labels)


def series(name: str, method: Method, *, time_limit: float = 5.0) -> Series:
    return Series(name=name, kind=name, method=method, seed=0, time_limit=time_limit)


def tiny_plan(
    *methods: Series,
    images: int = 3,
    epsilons: Sequence[float] = (0.25,),
    goal: Goal | None = None,
) -> Plan:
    """One block: the tiny network and random images."""
    indices = range(images)
    block = Block(
        cases=cases_of(NETWORK, image_set(images), indices, goal, key=KEY, name="tiny"),
        epsilons=tuple(epsilons),
        series=methods,
    )
    return Plan(title="tiny", networks={KEY: NETWORK}, names={KEY: "tiny"}, blocks=(block,))


class HereExecutor:
    """Runs tasks in this process, and remembers which."""

    def __init__(self) -> None:
        self.ran: list[Task] = []

    def run(self, tasks: Iterable[Task], networks: Mapping[str, BinaryNetwork]) -> Answers:
        for task in tasks:
            self.ran.append(task)
            yield [(task, run_task(task, networks[task.case.network]))]


def keys(tasks: Iterable[Task]) -> set[str]:
    return {task.key for task in tasks}


def result_row(key: str = "k", **values: Any) -> Record:
    """A row, with quiet defaults."""
    defaults: dict[str, Any] = {
        "key": key,
        "problem": "p",
        "network": "n",
        "image": "i",
        "network_name": "tiny",
        "images_name": "noise",
        "image_index": 0,
        "label": 0,
        "prediction": 0,
        "target": 1,
        "epsilon": 0.01,
        "time_limit": 5.0,
        "method": "exact",
        "series": "exact",
        "settings": {"kind": "Exact"},
        "seed": 0,
        "verdict": Verdict.UNKNOWN,
        "stop": "time_limit",
        "failure": None,
        "objective": -2.0,
        "clean_objective": -4.0,
        "bound": 2.0,
        "largest_conceivable": 8.0,
        "seconds": 5.0,
        "trace": ((0.0, -4.0), (1.0, -2.0)),
        "witness": np.full(INPUTS, 0.5),
        "witness_prediction": 0,
        "host": "machine",
        "versions": {"python": "3"},
        "finished": "2026-01-01T00:00:00.000+00:00",
    }
    return Record(**{**defaults, **values})


def failed_row(key: str = "k", reason: str = "it died", **values: Any) -> Record:
    return result_row(key, **{"stop": "failed", "failure": reason, "witness": None, **values})
