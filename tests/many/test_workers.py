import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from signflip.errors import MissingExtraError, SettingError, WorkerError
from signflip.many.workers import Failure, WorkerPool, check_workers, run_in_processes


def square(value: int) -> int:
    return value * value


def process_of(_: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def end_if_negative(value: int) -> int:
    if value < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return value


def refuse(value: int) -> int:
    raise MissingExtraError("gurobipy", "gurobi", f"solver number {value}")


def threads(_: int) -> list[int]:
    from threadpoolctl import threadpool_info

    return [pool["num_threads"] for pool in threadpool_info()]


def cannot_start(*_: object) -> None:
    os._exit(7)


def no_limit(_: object) -> None:
    return None


@pytest.mark.parametrize("workers", [1, 3])
def test_every_item_has_its_result(workers: int) -> None:
    items = range(20)
    found = dict(run_in_processes(square, items, workers=workers, limit=no_limit))
    assert found == {item: item * item for item in items}


def test_no_items() -> None:
    assert list(run_in_processes(square, [], workers=2, limit=no_limit)) == []


def test_results_come_from_other_processes() -> None:
    found = {pid for _, pid in run_in_processes(process_of, range(8), workers=2, limit=no_limit)}
    assert len(found) == 2
    assert os.getpid() not in found


def test_an_item_that_outlasts_its_limit_costs_only_itself() -> None:
    items = [60.0, 0.0, 0.01, 0.02]
    found = dict(run_in_processes(sleep, items, workers=1, limit=lambda _: 1.5))
    assert found[60.0] == Failure("its process was ended, since it went on for 1.5 s")
    assert [found[item] for item in items[1:]] == items[1:]


def test_a_process_that_dies_costs_only_its_item() -> None:
    found = dict(run_in_processes(end_if_negative, [1, -1, 2, 3], workers=1, limit=no_limit))
    assert found[-1] == Failure("its process ended by itself with code -9")
    assert [found[item] for item in (1, 2, 3)] == [1, 2, 3]


def test_an_error_arrives_as_it_was_raised() -> None:
    with pytest.raises(MissingExtraError, match=r"solver number 7 needs the package 'gurobipy'"):
        list(run_in_processes(refuse, [7], workers=1, limit=no_limit))


def test_workers_use_one_thread_each() -> None:
    ((_, found),) = run_in_processes(threads, [0], workers=1, limit=no_limit)
    assert isinstance(found, list)
    assert set(found) <= {1}


def test_closing_ends_the_workers() -> None:
    results = run_in_processes(process_of, range(1000), workers=1, limit=no_limit)
    _, pid = next(results)
    results.close()
    assert isinstance(pid, int)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_items_are_taken_only_as_workers_get_free() -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = run_in_processes(square, items(), workers=1, limit=no_limit)
    next(results)
    results.close()
    assert len(taken) <= 5


@pytest.mark.parametrize("workers", [0, -3])
def test_too_few_workers(workers: int) -> None:
    with pytest.raises(SettingError, match=f"workers is {workers}; it must be at least 1"):
        check_workers(workers)


def test_a_pool_keeps_its_processes_between_runs() -> None:
    with WorkerPool(1) as pool:
        runs = [dict(pool.run(process_of, range(2), limit=no_limit)) for _ in range(2)]
    assert len({pid for found in runs for pid in found.values()}) == 1


def test_a_process_that_dies_between_runs_is_replaced() -> None:
    with WorkerPool(1) as pool:
        ((_, first),) = pool.run(process_of, [0], limit=no_limit)
        assert isinstance(first, int)
        os.kill(first, signal.SIGKILL)
        time.sleep(0.5)
        found = dict(pool.run(square, range(5), limit=no_limit))
        ((_, second),) = pool.run(process_of, [0], limit=no_limit)
    assert found == {item: item * item for item in range(5)}
    assert second != first


def test_closing_a_run_ends_its_items_and_not_the_pool() -> None:
    with WorkerPool(1) as pool:
        results = pool.run(sleep, [0.0, 600.0, 600.0], limit=no_limit)
        next(results)
        results.close()
        assert dict(pool.run(square, [3], limit=no_limit)) == {3: 9}


def test_processes_that_cannot_start_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signflip.many.workers._start_worker", cannot_start)
    with pytest.raises(WorkerError, match="died 3 times in a row before they had a result"):
        list(run_in_processes(square, range(5), workers=1, limit=no_limit))


def test_a_run_can_be_ended_from_another_thread() -> None:
    with WorkerPool(1) as pool:
        timer = threading.Timer(1.0, pool.cancel)
        timer.start()
        with pytest.raises(CancelledError):
            list(pool.run(sleep, [600.0, 600.0, 600.0], limit=no_limit))
        timer.join()
        assert dict(pool.run(square, [3], limit=no_limit)) == {3: 9}


def die_once(marker: str) -> str:
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return marker


def test_an_item_whose_process_died_can_be_tried_again(tmp_path: Path) -> None:
    markers = [str(tmp_path / name) for name in "ab"]
    results = run_in_processes(die_once, markers, workers=1, limit=no_limit, retries=1)
    assert dict(results) == {marker: marker for marker in markers}


def end_server_once(marker: str) -> str:
    # one item only: who has lost the server has another parent, maybe the tests' own process
    if marker.endswith("a") and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return marker


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_the_death_of_the_server_that_forks_costs_a_retry(tmp_path: Path) -> None:
    markers = [str(tmp_path / name) for name in "abcd"]
    results = run_in_processes(end_server_once, markers, workers=2, limit=no_limit, retries=1)
    assert dict(results) == {marker: marker for marker in markers}


def name_of(_: int) -> str | None:
    return os.environ.get("NAMED")


def test_workers_have_the_environment_of_their_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        monkeypatch.setenv("NAMED", name)
        assert dict(run_in_processes(name_of, [0], workers=1, limit=no_limit)) == {0: name}
    monkeypatch.delenv("NAMED")
    assert dict(run_in_processes(name_of, [0], workers=1, limit=no_limit)) == {0: None}


def test_there_are_no_more_processes_than_items() -> None:
    with WorkerPool(1000) as pool:
        assert len(set(dict(pool.run(process_of, [0, 1], limit=no_limit)).values())) <= 2
        assert workers_of_pebble() == 2
        assert len(dict(pool.run(process_of, range(6), limit=no_limit))) == 6
        assert workers_of_pebble() == 6
    assert workers_of_pebble() == 0


def workers_of_pebble() -> int:
    return sum("pebble" in child.name for child in multiprocessing.active_children())
