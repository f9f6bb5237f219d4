"""Time since a start, against a limit."""

import time
from dataclasses import dataclass

import numpy as np

from signflip.errors import SettingError
from signflip.settings import is_number

Seconds = float

UNNOTICED = 0.1
"""Seconds that tables may take whatever the time limit is."""


class OutOfTime(Exception):  # noqa: N818 - no error, but the way out of what cannot end in time
    """The time limit is past, or would be before something were prepared, as a sentence."""


@dataclass(frozen=True)
class Clock:
    """Time since a start, against a limit.

    Attributes:
        started: `time.monotonic()` at the start.
        limit: seconds, or None for no limit.
    """

    started: float
    limit: float | None

    @classmethod
    def start(cls, limit: float | None) -> "Clock":
        """A clock that starts now.

        Raises:
            SettingError: the limit is negative or not a number.
        """
        check_limit(limit)
        return cls(time.monotonic(), limit)

    def elapsed(self) -> Seconds:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def remaining(self) -> Seconds:
        """Seconds to the limit, 0 once it is past, infinite without one."""
        return np.inf if self.limit is None else max(0.0, self.limit - self.elapsed())

    def expired(self) -> bool:
        """Whether the limit is past."""
        return self.remaining() <= 0

    def check(self) -> None:
        """Go on only before the limit: for loops that prepare something.

        Raises:
            OutOfTime: it is past.
        """
        if self.expired():
            raise OutOfTime("The time limit was reached before the search began.")

    def allow(self, seconds: Seconds, what: str) -> None:
        """Go on only if there is this much time: for what cannot be interrupted.

        Args:
            seconds: about what it takes.
            what: what takes it, for the remark.

        Raises:
            OutOfTime: less is left.
        """
        if self.remaining() < seconds:
            raise OutOfTime(f"{what} takes longer than the time limit allows.")

    def suffices(self, seconds: Seconds, share: float = 1.0) -> bool:
        """Whether a share of the time that is left is enough for tables that take so long."""
        return seconds <= max(UNNOTICED, share * self.remaining())

    def sub_limit(self, seconds: float) -> Seconds:
        """The lesser of `seconds` and the time that remains: for a solver call."""
        return min(seconds, self.remaining())


class Allowance:
    """Seconds that a part of a search was granted: a share of the time, which may change.

    Args:
        clock: of the search.
        since: seconds from its start on that count.
    """

    def __init__(self, clock: Clock, since: Seconds = 0.0) -> None:
        self._clock, self._until = clock, since
        self.seconds: Seconds = 0.0
        """Granted so far."""

    def grant(self, share: float) -> None:
        """Grant this share of the time since the last call."""
        now = max(self._until, self._clock.elapsed())
        self.seconds += share * (now - self._until)
        self._until = now


def check_limit(limit: float | None) -> None:
    """Refuse what is no time limit.

    Raises:
        SettingError: it is negative or not a number.
    """
    if limit is None:
        return
    if not is_number(limit):
        raise SettingError(
            f"the time limit is {limit!r}; it must be a number of seconds, such as 5, or None for "
            "no limit"
        )
    if not limit >= 0:
        raise SettingError(
            f"the time limit is {limit}; it must be 0 or more seconds, or inf for no limit"
        )


ENDLESS = Clock(0.0, None)
"""A clock without a limit."""
