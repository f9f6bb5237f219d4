"""What came of a sweep so far, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from signflip.many.columns import COLUMNS
from signflip.many.schema import store_errors
from signflip.many.store import Store
from signflip.many.task import Task
from signflip.result import Verdict


@dataclass(kw_only=True)
class Counts:
    """Rows by what came of them.

    Attributes:
        flipped: with a witness.
        robust: with a proof that there is none.
        unknown: with neither.
        failed: without an answer.
        seconds: that the methods took together, for the rows that have an answer.
    """

    flipped: int = 0
    robust: int = 0
    unknown: int = 0
    failed: int = 0
    seconds: float = 0.0

    @property
    def answered(self) -> int:
        """Rows that have an answer."""
        return self.flipped + self.robust + self.unknown

    @property
    def rows(self) -> int:
        """All rows."""
        return self.answered + self.failed

    def add(self, verdict: Verdict, seconds: float, *, failed: bool) -> None:
        """Count one row."""
        if failed:
            self.failed += 1
            return
        self.seconds += seconds
        self.flipped += verdict is Verdict.FLIPPED
        self.robust += verdict is Verdict.ROBUST
        self.unknown += verdict is Verdict.UNKNOWN

    def __str__(self) -> str:
        return (
            f"{self.flipped} flipped, {self.robust} robust, {self.unknown} unknown, "
            f"{self.failed} failed"
        )


def counts_by_series(tasks: Sequence[Task], store: Store) -> dict[str, Counts]:
    """Name of a series -> what the store has of the tasks; in the order of the tasks.

    Raises:
        StoreError: the store is damaged.
    """
    names = {task.key: task.series.name for task in tasks}
    found = {task.series.name: Counts() for task in tasks}
    query = "SELECT key, verdict, seconds, failure IS NOT NULL FROM results"
    with store_errors(store.path):
        rows = store.connection.execute(query).fetchall()
    for key, verdict, seconds, failed in rows:
        if key in names:
            known = cast("Verdict", COLUMNS["verdict"].value(verdict))
            took = cast("float", COLUMNS["seconds"].value(seconds))
            found[names[key]].add(known, took, failed=bool(failed))
    return found
