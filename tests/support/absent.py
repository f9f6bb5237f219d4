"""What this machine lacks: tests of it are skipped, and a line at the end of all tests names it."""

from collections.abc import Iterable
from importlib.util import find_spec

import pytest

_START = "not tested: "


def absent(what: str, needs: str) -> BaseException:
    """Raised, it skips the test of `what`, since what that `needs` is not there."""
    return pytest.skip.Exception(f"{_START}{what} ({needs})")


def need_package(name: str, what: str) -> None:
    """Skip the test of `what` where a Python package is not installed."""
    if find_spec(name) is None:
        raise absent(what, name)


def unless_package(name: str, what: str) -> pytest.MarkDecorator:
    """The mark of a test of `what` that needs a Python package."""
    return pytest.mark.skipif(find_spec(name) is None, reason=f"{_START}{what} ({name})")


def line(reasons: Iterable[str]) -> str | None:
    """One line that names what was skipped for these reasons; None for nothing.

    A reason is what pytest says, such as `Skipped: not tested: a page (a browser)`.
    """
    found = sorted({text.partition(_START)[2] for text in reasons if _START in text})
    return _START + ", ".join(found) if found else None
