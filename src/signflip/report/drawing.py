"""Matplotlib in a style of ours: a user's own settings change no drawing, and need no LaTeX."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl

_UNDRAWABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters, which XML has no place for, and what stands for bytes that are no text."""


def drawable(text: str) -> str:
    """The text as a drawing can have it; names of files may hold anything."""
    return _UNDRAWABLE.sub("\ufffd", text)


@contextmanager
def drawing(settings: Mapping[Any, Any]) -> Iterator[None]:
    """While the context lasts, Matplotlib has its defaults and `settings`; names are no formulas.

    Drawings are both made and saved in one.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"text.parse_math": False, **settings})
        yield
