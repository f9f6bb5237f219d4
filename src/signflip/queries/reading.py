"""What the readers of queries share: exact numbers, and the floats beside them."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NoReturn

import numpy as np

LARGEST = Fraction(10**300)
"""So that a box's width is a float64 too."""
MOST_DIGITS = 1000
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)


class FaultyError(ValueError):
    """What is wrong with a query."""


def refuse(reason: str) -> NoReturn:
    """Refuse a query.

    Raises:
        FaultyError: always.
    """
    raise FaultyError(reason)


@lru_cache(maxsize=1 << 14)
def number(text: str) -> Fraction:
    """The number that a decimal says; the weights of a layer are few different texts.

    Raises:
        FaultyError: it is none, or has too many digits, or is beyond 1e300.
    """
    if len(text) > MOST_DIGITS:
        refuse(f"{text[:40]}... has {len(text)} digits; a number has {MOST_DIGITS} at most")
    if not _NUMBER.fullmatch(text):
        refuse(f"{text[:40]} is no number; write it as 0.5 or 1e-3 (exponents of 3 digits at most)")
    made = Fraction(text)
    if abs(made) > LARGEST:
        refuse(f"{text[:40]} is beyond 1e300; numbers lie between -1e300 and 1e300")
    return made


def float_from(exact: Fraction, towards: float) -> float:
    """The nearest float from a number on, upwards (`np.inf`) or downwards (`-np.inf`)."""
    rounded = float(exact)
    short = Fraction(rounded) < exact if towards > 0 else Fraction(rounded) > exact
    return float(np.nextafter(rounded, towards)) if short else rounded
