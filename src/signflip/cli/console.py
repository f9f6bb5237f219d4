"""What the terminal shows: tables on stdout, progress and remarks on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_WIDE = 10_000
"""Columns, more than any table needs: a narrow terminal or a log breaks lines, and no number."""


def output() -> Console:
    """The console of results. Made when it is used: tests and shells swap stdout."""
    return _console(stderr=False, width=_WIDE)


def remarks() -> Console:
    """The console of remarks and progress."""
    return _console(stderr=True, width=None)


def _console(*, stderr: bool, width: int | None) -> Console:
    # names of files are printed as they are, brackets and colons too; no line is broken by us
    return Console(
        stderr=stderr, width=width, highlight=False, markup=False, emoji=False, soft_wrap=True
    )


class Bar:
    """A progress bar."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    @property
    def shown(self) -> bool:
        """Whether there is a terminal to show it on."""
        return not self._progress.disable

    def advance(self, note: str = "") -> None:
        """One step is done; `note` stands behind the bar."""
        self._progress.update(self._task, advance=1, note=note)

    def show(self, done: int, note: str = "") -> None:
        """So many steps are done; `note` stands behind the bar."""
        self._progress.update(self._task, completed=done, note=note)


@contextmanager
def progress_bar(title: str, steps: int) -> Iterator[Bar]:
    """A bar on stderr while the context lasts; nothing where stderr is no terminal."""
    console = remarks()
    with Progress(
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        transient=True,
        # attacks of minutes: the time left is that of the last steps, however long they took
        speed_estimate_period=86_400,
        disable=not console.is_terminal,
    ) as progress:
        yield Bar(progress, progress.add_task(title, total=steps, note=""))
