"""What the readers of queries share: texts, exact numbers, and the floats beside them."""

import gzip
import io
import re
import zlib
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

import numpy as np

from signflip.errors import ProblemError
from signflip.files import unreadable

MOST_BYTES = 2**28
LARGEST = Fraction(10**300)
"""So that sums of a few are float64, too."""
LARGEST_INPUT = Fraction(10**30)
"""So that sums of inputs are float32, in which a search follows slopes."""
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


def text_of(path: Path) -> str:
    """The text of a file in UTF-8, plain or compressed by gzip.

    Raises:
        ProblemError: it cannot be read, or is no text, or is too long.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ProblemError(f"{path} has more than {MOST_BYTES} bytes; queries have fewer")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise unreadable(path, error, ProblemError) from error
    except (EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ProblemError(
            f"{path} cannot be read whole: {error}; a query is text in UTF-8, plain or in gzip"
        ) from error


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
