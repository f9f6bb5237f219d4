"""Time since a start, against a limit."""

import time
from dataclasses import dataclass

import numpy as np

from signflip.errors import SettingError

Seconds = float


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
        if limit is not None and not limit >= 0:
            raise SettingError(
                f"the time limit is {limit}; it must be 0 or more seconds, or None for no limit"
            )
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

    def sub_limit(self, seconds: float) -> Seconds:
        """The lesser of `seconds` and the time that remains: for a solver call."""
        return min(seconds, self.remaining())
