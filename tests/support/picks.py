"""Hypothesis strategies: arrays whose elements are picked from a few values, in one draw for all.

A draw costs far more than what is made of it, so one for each element would be most of the time
that a property takes.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from signflip.network import Floats, Shape, Signs

_BYTE = 256


@cache
def bytes_of(shape: Shape) -> st.SearchStrategy[npt.NDArray[np.uint8]]:
    """An array of bytes; it shrinks to zeros."""
    size = int(np.prod(shape))
    return st.binary(min_size=size, max_size=size).map(
        lambda drawn: np.frombuffer(drawn, dtype=np.uint8).reshape(shape)
    )


def picks(shape: Shape, values: Sequence[int]) -> st.SearchStrategy[Signs]:
    """An int8 array of `values`, which are about equally likely; it shrinks to the first."""
    table = np.resize(np.array(values, dtype=np.int8), _BYTE)
    return bytes_of(shape).map(lambda drawn: table[drawn])


def mixtures(
    shape: Shape, kinds: Sequence[Sequence[float]], others: st.SearchStrategy[float] | None = None
) -> st.SearchStrategy[Floats]:
    """A float64 array: each element of one of the `kinds`, or of `others`, which is one more.

    Args:
        shape: of the array.
        kinds: values, about equally likely within a kind, as the kinds are.
        others: where the rest is drawn from, if there is any.
    """
    count = len(kinds) + (others is not None)
    longest = max(map(len, kinds))
    table = np.full((count, longest), np.nan)
    for row, kind in zip(table, kinds, strict=False):
        row[:] = np.resize(np.array(kind, dtype=np.float64), longest)
    by_byte = table[np.arange(_BYTE) % count, np.arange(_BYTE) // count % longest]
    picked = bytes_of(shape).map(lambda drawn: by_byte[drawn])
    return picked if others is None else _filled(picked, others)


@st.composite
def _filled(
    draw: st.DrawFn, arrays: st.SearchStrategy[Floats], others: st.SearchStrategy[float]
) -> Floats:
    """An array with its NaNs drawn from `others`."""
    values = draw(arrays)
    for place in np.flatnonzero(np.isnan(values)):
        values.flat[place] = draw(others)
    return values
