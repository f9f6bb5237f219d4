"""NumPy's products of matrices: how many threads they take, and what they warn of."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

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


def quiet() -> np.errstate:
    """For products of matrices: no word of invalid numbers.

    Kernels of OpenBLAS calculate with what lies beside small matrices, too. The processor then
    notes an invalid number that no result has, and NumPy warns of it, on some machines and days.
    """
    return np.errstate(invalid="ignore")


@cache
def _controller() -> Any:
    # looks for libraries: few need it
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
