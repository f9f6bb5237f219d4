"""Work in a thread of its own, which may ask something of the thread that waits for it."""

import os
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Generic, TypeVar

Question = TypeVar("Question")
Result = TypeVar("Result")

_PATIENCE = 0.1
"""Seconds between two looks at whether an answer is still to come."""

_idle: defaultdict[int, list[ThreadPoolExecutor]] = defaultdict(list)
"""Threads that wait for more work, by the kind of work that each had. To start a thread, and what
a solver keeps for each, takes longer than to solve a small program."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a child has none of its parent's threads


class Aside(Generic[Question]):
    """One piece of work beside the thread that waits for it.

    What the work asks is answered in the waiting thread, so that nobody's callback meets a thread
    that it does not know.

    Args:
        answer: called in the waiting thread with each question. What it raises is raised from
            `run`, once the work has ended.
    """

    def __init__(self, answer: Callable[[Question], None]) -> None:
        self._answer = answer
        self._mail: SimpleQueue[tuple[Question, threading.Event] | None] = SimpleQueue()
        self._stopping = threading.Event()

    @property
    def stopping(self) -> bool:
        """Whether the work should end early: nobody waits for its result any more."""
        return self._stopping.is_set()

    def ask(self, question: Question) -> None:
        """From the work: have a question answered, and wait for that."""
        answered = threading.Event()
        self._mail.put((question, answered))
        while not answered.wait(_PATIENCE):
            if self.stopping:
                return

    def run(self, work: Callable[[], Result], *, kind: int = 0) -> Result:
        """Do the work in another thread, answer its questions, and wait for its result.

        Args:
            work: what to do.
            kind: of work. The thread has done nothing else before but work of this kind, and does
                nothing else meanwhile.

        Raises:
            BaseException: what the work or an answer raised, or a KeyboardInterrupt meanwhile.
        """
        try:
            thread = _idle[kind].pop()
        except IndexError:
            thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="solver")
        future = thread.submit(work)
        future.add_done_callback(lambda _: self._mail.put(None))
        try:
            while (item := self._mail.get()) is not None:
                question, answered = item
                self._answer(question)
                answered.set()
        except BaseException:
            self._stopping.set()
            wait([future])
            raise
        finally:
            _idle[kind].append(thread)
        return future.result()
