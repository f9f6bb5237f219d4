"""Tasks for worker processes in chunks: short ones share what it costs to send one.

A chunk is some tasks in a row, all of kinds whose last answer came soon; other tasks go alone. Its
process begins none of them once the time of the chunk is spent. If it is ended, or dies, each of
them goes alone: only then it is seen whose fault it was.
"""

import time
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from operator import length_hint
from typing import Self

from signflip.formats.native import network_from_bytes, network_to_bytes
from signflip.many.answer import run_task
from signflip.many.record import Record
from signflip.many.task import Task
from signflip.many.workers import Failure, common
from signflip.network import BinaryNetwork

CHUNK = 0.1
"""Seconds of work in a chunk: a hundred times what it costs to send one."""

LARGEST = 16
"""Tasks in a chunk at most."""

SHORT = 8
"""So many tasks fill the time of a chunk, if it took the last one of its kind as long as short ones
take at most."""

FEWEST = 4
"""Chunks for each worker at least, where there are few tasks."""

PREPARATION = 600.0
"""Seconds that a task may take beyond its hard limit as long as its kind of method has not answered
yet: the first ones of all may have to compile the method, each in its process."""

Chunk = tuple[Task, ...]
Reply = list[Record | Failure] | Failure
"""What came of the first tasks of a chunk, the others not being begun; or why its process ended."""


class Queue:
    """The tasks that wait.

    Args:
        tasks: taken as chunks are asked for.
        workers: among which they are to be spread, if there are few.
        seconds: of work in a chunk.
    """

    def __init__(self, tasks: Iterable[Task], workers: int, seconds: float = CHUNK) -> None:
        share = length_hint(tasks, LARGEST * FEWEST * workers) // (FEWEST * workers)
        self._largest = max(1, min(LARGEST, share))
        self._most = seconds / SHORT
        self._tasks = iter(tasks)
        self._returned: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._short: set[tuple[str, float, str]] = set()

    def __bool__(self) -> bool:
        """Whether a task waits."""
        if not self._returned:
            self._returned.extend(islice(self._tasks, 1))
        return bool(self._suspects or self._returned)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Chunk:
        """The next chunk; there may be one again after there was none, see `taken_apart`."""
        if self._suspects:
            return (self._suspects.popleft(),)
        chunk: list[Task] = []
        while self and len(chunk) < self._largest:
            short = _kind(self._returned[0]) in self._short
            if short or not chunk:
                chunk.append(self._returned.popleft())
            if not short:
                break
        if not chunk:
            raise StopIteration
        return tuple(chunk)

    def taken_apart(self, chunk: Chunk, reply: Reply) -> list[tuple[Task, Record | Failure]]:
        """The tasks that have an answer, with it; the others wait again."""
        if isinstance(reply, Failure):
            if len(chunk) > 1:
                self._suspects.extend(chunk)
                return []
            reply = [reply]
        self._returned.extendleft(reversed(chunk[len(reply) :]))
        answers = list(zip(chunk, reply, strict=False))
        for task, answer in answers:
            if isinstance(answer, Record) and answer.seconds <= self._most:
                self._short.add(_kind(task))
            else:
                self._short.discard(_kind(task))
        return answers


def _kind(task: Task) -> tuple[str, float, str]:
    """Tasks of one kind take about the same time."""
    return task.case.network, task.epsilon, task.series.name


class HardLimits:
    """When a chunk's process is ended: later while a kind of method has not answered yet."""

    def __init__(self, seconds: float = CHUNK) -> None:
        self._seconds = seconds
        self._prepared: set[type] = set()

    def of(self, chunk: Chunk) -> float | None:
        """Seconds after which some task of the chunk is beyond its limit, or None."""
        limits = [self._of(task) for task in chunk]
        known = [limit for limit in limits if limit is not None]
        if len(known) < len(limits):
            return None
        return max(known) + (self._seconds if len(chunk) > 1 else 0.0)

    def _of(self, task: Task) -> float | None:
        limit, method = task.hard_limit, task.series.method
        unprepared = task.series.prepares and type(method) not in self._prepared
        return limit if limit is None or not unprepared else limit + PREPARATION

    def answered(self, chunk: Chunk, reply: Reply) -> None:
        """Know the methods that answered."""
        if not isinstance(reply, Failure):
            self._prepared.update(type(task.series.method) for task in chunk[: len(reply)])


def packed(networks: Mapping[str, BinaryNetwork]) -> dict[str, bytes]:
    """Networks by their keys, as compressed network files: what worker processes have in common."""
    return {key: zlib.compress(network_to_bytes(network)) for key, network in networks.items()}


def run_chunk(chunk: Chunk, seconds: float = CHUNK) -> list[Record | Failure]:
    """What came of tasks, run in a process of a pool that has `packed` networks in common.

    None is begun after `seconds`, but for the first.
    """
    end = time.monotonic() + seconds
    done: list[Record | Failure] = []
    for task in chunk:
        if done and time.monotonic() > end:
            break
        done.append(run_task(task, _network(task.case.network)))
    return done


@lru_cache(maxsize=32)
def _network(key: str) -> BinaryNetwork:
    """A network that the processes have in common, made once in each and not once for each task."""
    return network_from_bytes(zlib.decompress(common()[key]))
