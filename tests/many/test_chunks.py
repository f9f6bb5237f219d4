import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from signflip.errors import MissingExtraError
from signflip.many.chunks import CHUNK, LARGEST, run_in_chunks
from signflip.many.workers import Failure, WorkerPool
from tests.support.sweeps import flat

LIMIT = 60.0


def square(value: int) -> int:
    return value * value


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def end_if_negative(value: int) -> int:
    if value < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return value


def refuse_large(value: int) -> int:
    if value >= 50:
        raise MissingExtraError("gurobipy", "gurobi", f"solver number {value}")
    return value


def one_kind(_: object) -> int:
    return 0


def sixty(_: object) -> float:
    return LIMIT


@pytest.mark.parametrize("workers", [1, 3])
def test_every_item_has_its_result(workers: int) -> None:
    with WorkerPool(workers) as pool:
        found = list(flat(run_in_chunks(square, range(500), pool, limit=sixty, kind=one_kind)))
    assert sorted(found) == [(item, item * item) for item in range(500)]


def test_no_items() -> None:
    with WorkerPool(1) as pool:
        assert list(run_in_chunks(square, [], pool, limit=sixty, kind=one_kind)) == []


def test_one_that_dies_costs_only_itself() -> None:
    items = [*range(1, 100), -1, *range(100, 130)]
    with WorkerPool(1) as pool:
        found = dict(flat(run_in_chunks(end_if_negative, items, pool, limit=sixty, kind=one_kind)))
    assert found.pop(-1) == Failure("its process ended by itself with code -9")
    assert found == {item: item for item in items if item > 0}


def test_one_that_outlasts_its_limit_costs_only_itself() -> None:
    items = [0.0] * 50 + [600.0] + [0.001] * 10
    with WorkerPool(1) as pool:
        found = list(flat(run_in_chunks(sleep, items, pool, limit=lambda _: 1.5, kind=one_kind)))
    failures = [(item, result) for item, result in found if isinstance(result, Failure)]
    reason = "its process was ended, since it went on for 1.5 s"
    assert failures == [(600.0, Failure(reason))]
    assert sorted(item for item, _ in found) == sorted(items)


def test_a_chunk_ends_with_its_time() -> None:
    """What is behind a slow item of a chunk does not wait for all of the chunk."""
    items = [0.0] * 20 + [3 * CHUNK] * 4 + [0.0] * 5
    with WorkerPool(1) as pool:
        results = run_in_chunks(sleep, items, pool, limit=sixty, kind=one_kind)
        found = [item for item, _ in flat(results)]
    assert sorted(found) == sorted(items)


def test_kinds_that_take_long_go_alone_and_others_together() -> None:
    taken: list[float] = []

    def items() -> Iterator[float]:
        for item in [CHUNK] * 8 + [0.0] * 400:
            taken.append(item)
            yield item

    with WorkerPool(1) as pool:
        results = run_in_chunks(sleep, items(), pool, limit=sixty, kind=float)
        counts = [len(taken) for together in results for _ in together]
    assert max(counts[:4]) <= 8  # one that runs, one that waits, and one to see what is next
    steps = [after - before for before, after in pairwise(counts)]
    assert max(steps) == LARGEST


def test_an_error_arrives_as_it_was_raised() -> None:
    with WorkerPool(1) as pool:
        results = run_in_chunks(refuse_large, range(100), pool, limit=sixty, kind=one_kind)
        with pytest.raises(MissingExtraError, match=r"solver number [5-9]\d needs"):
            list(results)


def test_the_pool_can_be_used_after_a_run_was_closed() -> None:
    with WorkerPool(1) as pool:
        results = run_in_chunks(square, range(1000), pool, limit=sixty, kind=one_kind)
        next(results)
        results.close()
        again = dict(flat(run_in_chunks(square, range(5), pool, limit=sixty, kind=one_kind)))
        assert again == {item: item * item for item in range(5)}
