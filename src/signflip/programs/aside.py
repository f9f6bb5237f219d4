"""Work in a thread of its own, which may ask something of the thread that waits for it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import Generic, TypeVar

Question = TypeVar("Question")
Result = TypeVar("Result")

_PATIENCE = 0.1
"""Seconds between two looks at whether an answer is still to come."""


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

    def run(self, work: Callable[[], Result]) -> Result:
        """Do the work in a new thread, answer its questions, and wait for its result.

        Raises:
            BaseException: what the work or an answer raised, or a KeyboardInterrupt meanwhile.
        """
        future: Future[Result] = Future()
        threading.Thread(target=self._work, args=(work, future), name="solver").start()
        try:
            while (item := self._mail.get()) is not None:
                question, answered = item
                self._answer(question)
                answered.set()
        except BaseException:
            self._stopping.set()
            wait([future])
            raise
        return future.result()

    def _work(self, work: Callable[[], Result], future: "Future[Result]") -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # raised again where it is waited for
            future.set_exception(error)
        finally:
            self._mail.put(None)
