import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from signflip.blas import WORTH_THREADS, threads_for


def threads() -> set[int]:
    """Of NumPy's library; SciPy has one of its own, which some test before this may have loaded."""
    assert np.ones((2, 2)).shape == (2, 2)  # it is loaded
    libraries = [each for each in threadpool_info() if each["user_api"] == "blas"]
    return {int(each["num_threads"]) for each in libraries if "numpy" in each["filepath"]}


@pytest.mark.parametrize(("size", "inside"), [(WORTH_THREADS - 1, {1}), (WORTH_THREADS, {2})])
def test_small_products_have_one_thread(size: int, inside: set[int]) -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        with threads_for(size):
            assert threads() == inside
        with pytest.raises(ZeroDivisionError), threads_for(size):
            raise ZeroDivisionError
        assert threads() == {2}
