"""Where tasks run: one protocol for this machine and for a cluster."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Protocol

from signflip.many.record import Record
from signflip.many.task import Task
from signflip.many.workers import Failure
from signflip.network import BinaryNetwork

Answers = Generator[Sequence[tuple[Task, Record | Failure]]]
"""Tasks with what came of them, in the order they finish; those together that come together."""


class Executor(Protocol):
    """Runs tasks somewhere."""

    def run(self, tasks: Iterable[Task], networks: Mapping[str, BinaryNetwork]) -> Answers:
        """Run each task once, and again if its worker was lost; closing the generator ends it.

        Args:
            tasks: taken only as workers get free.
            networks: `BinaryNetwork.digest` -> network, of all tasks; another machine gets each
                once a worker.

        Raises:
            MissingExtraError: a solver's package is not installed on a worker.
        """
        ...
