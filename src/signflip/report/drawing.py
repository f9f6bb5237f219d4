"""Matplotlib in a style of ours: a user's own settings change no drawing, and need no LaTeX."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl


@contextmanager
def drawing(settings: Mapping[Any, Any]) -> Iterator[None]:
    """While the context lasts, Matplotlib has its defaults and `settings`; names are no formulas.

    Drawings are both made and saved in one.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"text.parse_math": False, **settings})
        yield
