"""Kinds of values that settings take, whatever their range: what is of another kind is refused."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from signflip.errors import SettingError


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, of Python or of NumPy."""
    if isinstance(value, int):  # nearly all
        return not isinstance(value, bool)
    try:
        operator.index(value)
    except TypeError:
        return False
    return getattr(getattr(value, "dtype", None), "kind", "") != "b"


def is_number(value: Any) -> bool:
    """Whether it is a real number: no text that could be read as one, nor true or false."""
    if isinstance(value, float):
        return True
    if isinstance(value, str | bytes | bool | complex):
        return False
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return getattr(getattr(value, "dtype", None), "kind", "") not in ("U", "S", "b", "c")


def check_whole(**settings: object) -> None:
    """Refuse settings, by name, that are no whole numbers.

    Raises:
        SettingError: one is none.
    """
    _check(settings, is_whole, "a whole number, such as 1")


def check_number(**settings: object) -> None:
    """Refuse settings, by name, that are no numbers.

    Raises:
        SettingError: one is none.
    """
    _check(settings, is_number, "a number, such as 0.5")


def check_flag(**settings: object) -> None:
    """Refuse settings, by name, that are neither true nor false.

    Raises:
        SettingError: one is neither.
    """
    _check(settings, lambda value: isinstance(value, bool), "True or False")


def check_each(fits: Callable[[Any], bool], what: str, **settings: object) -> None:
    """Refuse settings, by name, that are no tuple or list of what fits.

    Args:
        fits: whether an entry does.
        what: such entries in words, with an example.
        settings: the settings.

    Raises:
        SettingError: one is none.
    """

    def each_fits(value: object) -> bool:
        return isinstance(value, tuple | list) and all(fits(entry) for entry in value)

    _check(settings, each_fits, f"a tuple of {what}")


def _check(settings: Mapping[str, object], fits: Callable[[object], bool], what: str) -> None:
    for name, value in settings.items():
        if not fits(value):
            raise SettingError(f"{name} is {value!r}; it must be {what}")
