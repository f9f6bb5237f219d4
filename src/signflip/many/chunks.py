"""Short items for worker processes in chunks: many share what it costs to send one.

A process is sent one item at a time as long as nothing is known of how long its kind takes, and if
it takes long.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Generic, TypeVar

from signflip.many.workers import Failure, WorkerPool

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 0.1
"""Seconds of work in a chunk: a hundred times what it costs to send one."""

LARGEST = 64
"""Items in a chunk at most."""

_LEARNING = 0.5  # weight of the last item in the mean of its kind: the first one has to prepare


def run_in_chunks(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    pool: WorkerPool,
    *,
    limit: Callable[[Item], float | None],
    kind: Callable[[Item], Hashable],
    retries: int = 0,
) -> Generator[Sequence[tuple[Item, Result | Failure]]]:
    """Apply `function` to each item in a pool's processes, as `WorkerPool.run` does.

    Yields pairs of an item and its result, those together that came back together.

    Args:
        function: a function of a module (it is pickled), like its items and results.
        items: what to apply it to.
        pool: the processes.
        limit: seconds after which an item's process is ended. The other items of its chunk run
            again then, and so does the item itself, alone: only that counts.
        kind: of an item; those of one kind take about the same time.
        retries: how often an item is tried again whose process ended by itself.

    Raises:
        WorkerError: the processes cannot be had.
        Exception: what `function` raised.
    """
    queue = Chunks(items, kind)
    while queue.waits:
        replies = pool.run(
            partial(run_chunk, function),
            queue.chunks(),
            limit=partial(chunk_limit, limit),
            retries=retries,
        )
        with closing(replies):
            for chunk, reply in replies:
                if not isinstance(reply, Failure):
                    yield queue.taken_apart(chunk, reply)
                elif len(chunk) > 1:
                    queue.suspect(chunk)
                else:
                    yield [(chunk[0], reply)]


def chunk_limit(
    limit: Callable[[Item], float | None], chunk: Sequence[Item], seconds: float = CHUNK
) -> float | None:
    """Seconds after which a chunk's process is ended: some item is beyond its limit then."""
    limits = [limit(item) for item in chunk]
    known = [each for each in limits if each is not None]
    if len(known) < len(limits):
        return None
    return known[0] if len(chunk) == 1 else seconds + max(known)


def run_chunk(
    function: Callable[[Item], Result], chunk: Sequence[Item], seconds: float = CHUNK
) -> list[tuple[Result, float]]:
    """Results of the items with their seconds; none is begun once the chunk's time is spent."""
    began = last = time.monotonic()
    done: list[tuple[Result, float]] = []
    for item in chunk:
        if last - began > seconds:
            break
        result = function(item)
        now = time.monotonic()
        done.append((result, now - last))
        last = now
    return done


class Chunks(Generic[Item]):
    """The items that wait, and what is known of their kinds.

    Args:
        items: taken as chunks are asked for.
        kind: of an item; those of one kind take about the same time.
        seconds: of work in a chunk.
    """

    def __init__(
        self, items: Iterable[Item], kind: Callable[[Item], Hashable], seconds: float = CHUNK
    ) -> None:
        self._items = iter(items)
        self._kind = kind
        self._chunk = seconds
        self._returned: deque[Item] = deque()
        self._suspects: deque[Item] = deque()
        self._seconds: dict[Hashable, float] = {}

    @property
    def waits(self) -> bool:
        """Whether there are items."""
        if not self._returned:
            self._returned.extend(self._take())
        return bool(self._returned or self._suspects)

    def chunks(self) -> Iterator[Sequence[Item]]:
        """Chunks, each made when it is asked for."""
        while chunk := self.next_chunk():
            yield chunk

    def suspect(self, chunk: Sequence[Item]) -> None:
        """One of these ended their process: which one is seen if each runs alone."""
        self._suspects.extend(chunk)

    def taken_apart(
        self, chunk: Sequence[Item], reply: Sequence[tuple[Result, float]]
    ) -> list[tuple[Item, Result]]:
        """The items that ran with their results; the others wait again."""
        self._returned.extend(chunk[len(reply) :])
        ran = []
        for item, (result, seconds) in zip(chunk, reply, strict=False):
            kind = self._kind(item)
            mean = self._seconds.get(kind, seconds)
            self._seconds[kind] = mean + _LEARNING * (seconds - mean)
            ran.append((item, result))
        return ran

    def next_chunk(self) -> Sequence[Item]:
        """Items that are expected to take a chunk's time together; none if none wait."""
        if self._suspects:
            return [self._suspects.popleft()]
        chunk: list[Item] = []
        left = self._chunk
        while len(chunk) < LARGEST and left > 0:
            for item in self._take():
                seconds = self._seconds.get(self._kind(item), math.inf)
                if not chunk or seconds <= left:
                    chunk.append(item)
                else:
                    self._returned.appendleft(item)
                left -= seconds
                break
            else:
                break
        return chunk

    def _take(self) -> Iterator[Item]:
        """The next item, if there is one."""
        if self._returned:
            yield self._returned.popleft()
        else:
            for item in self._items:
                yield item
                return
