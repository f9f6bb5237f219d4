"""A task on its way to a process, with its network: what every executor runs."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from signflip.experiments.task import Answer, Task, run_task
from signflip.network import BinaryNetwork
from signflip.network_file import network_from_bytes, network_to_bytes
from signflip.workers import Failure


@dataclass(frozen=True, eq=False, kw_only=True)
class Shipped:
    """A task that any process can run.

    Attributes:
        task: the task.
        network: the network that `task.network` is the key of, as a compressed network file.
    """

    task: Task
    network: bytes

    @property
    def hard_limit(self) -> float:
        """Seconds after which the task's process is ended."""
        return self.task.hard_limit


def packed(networks: Mapping[str, BinaryNetwork]) -> dict[str, bytes]:
    """Networks by their keys, as compressed network files."""
    return {key: zlib.compress(network_to_bytes(network)) for key, network in networks.items()}


def run_shipped(shipped: Shipped) -> Answer | Failure:
    """Run a task in this process."""
    return run_task(shipped.task, _network(shipped.network))


@lru_cache(maxsize=32)
def _network(data: bytes) -> BinaryNetwork:
    """The network of a compressed file, made once in each process and not once for each task."""
    return network_from_bytes(zlib.decompress(data))
