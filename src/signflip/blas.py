"""How many threads NumPy's products of matrices take."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

WORTH_THREADS = 2**26
"""Multiplications from which a product is worth threads: it takes 4 ms without."""


@contextmanager
def threads_for(multiplications: int) -> Iterator[None]:
    """One thread for products that are small: meanwhile those of other threads have one too.

    Where other programs use the cores, a product's threads wait for each other for a hundred times
    the time that it takes; and sums round differently with their number.
    """
    if multiplications >= WORTH_THREADS:
        yield
        return
    with _controller().limit(limits=1):
        yield


@cache
def _controller() -> Any:
    # looks for libraries: few need it
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
