"""`python -m tests.support.mortal STATEMENT ROW ...`: signflip that ends as by `kill -9`.

It ends when SQLite begins a statement that starts with STATEMENT, the first such one from the
insertion of result number ROW on: in the middle of what the statement is part of, on however busy a
machine. The other arguments are signflip's.
"""

import os
import signal
import sqlite3
import sys
from functools import partial
from typing import Any

from signflip.cli import main

ROW = "INSERT INTO results"


class Ending(sqlite3.Connection):
    """A connection that ends the process.

    Attributes:
        statement: how the statement starts that is not done any more.
        rows: how many results are inserted by then.
    """

    statement: str
    rows: int

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_trace_callback(self._begins)

    def _begins(self, text: str) -> None:
        Ending.rows -= text.startswith(ROW)
        if Ending.rows <= 0 and text.startswith(self.statement):
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    Ending.statement, Ending.rows = sys.argv[1], int(sys.argv[2])
    del sys.argv[1:3]
    sqlite3.connect = partial(sqlite3.connect, factory=Ending)  # type: ignore[assignment]
    main()
