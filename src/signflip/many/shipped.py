"""A task on its way to a process, with its network: what every executor runs."""

import zlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from signflip.formats.native import network_from_bytes, network_to_bytes
from signflip.many.answer import run_task
from signflip.many.record import Record
from signflip.many.task import Task
from signflip.many.workers import Failure
from signflip.network import BinaryNetwork

PREPARATION = 600.0
"""Seconds that a task may take beyond its hard limit as long as its kind of method has not answered
yet: the first ones of all may have to compile the method, each in its process."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Shipped:
    """A task that any process can run.

    Attributes:
        task: the task.
        network: the network that `task.case.network` is the key of, as a compressed network file.
    """

    task: Task
    network: bytes


class HardLimits:
    """When a task's process is ended: later while its kind of method has not answered yet."""

    def __init__(self) -> None:
        self._prepared: set[type] = set()

    def of(self, shipped: Shipped) -> float | None:
        """Seconds after which the task's process is ended, or None."""
        series, limit = shipped.task.series, shipped.task.hard_limit
        if limit is None or not series.prepares or type(series.method) in self._prepared:
            return limit
        return limit + PREPARATION

    def answered(self, shipped: Shipped) -> None:
        """The task has its answer."""
        self._prepared.add(type(shipped.task.series.method))


def kind_of(task: Task) -> Hashable:
    """Tasks of one kind take about the same time."""
    return task.case.network, task.epsilon, task.series.method


def packed(networks: Mapping[str, BinaryNetwork]) -> dict[str, bytes]:
    """Networks by their keys, as compressed network files."""
    return {key: zlib.compress(network_to_bytes(network)) for key, network in networks.items()}


def run_shipped(shipped: Shipped) -> Record | Failure:
    """Run a task in this process."""
    return run_task(shipped.task, _network(shipped.network))


@lru_cache(maxsize=32)
def _network(data: bytes) -> BinaryNetwork:
    """The network of a compressed file, made once in each process and not once for each task."""
    return network_from_bytes(zlib.decompress(data))
