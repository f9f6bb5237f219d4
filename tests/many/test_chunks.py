"""Chunks of tasks, and what comes of them in processes of this machine."""

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from signflip.attack import Method
from signflip.many import chunks as chunks_module
from signflip.many.chunks import CHUNK, LARGEST, PREPARATION, HardLimits, Queue
from signflip.many.local import LocalExecutor
from signflip.many.record import Record
from signflip.many.task import GRACE, Task
from signflip.many.workers import Failure
from signflip.methods import Exact, Fgsm
from tests.support.fake_methods import Dier, Quick, Sleeper
from tests.support.sweeps import KEY, NETWORK, flat, result_row, series, tiny_plan
from tests.support.unruly import ShortTask

(FIRST, *_) = tiny_plan(series("quick", Quick()), images=1).tasks()
NETWORKS = {KEY: NETWORK}


def task(method: Method, kind: type[Task] = Task) -> Task:
    return kind(case=FIRST.case, epsilon=0.1, series=series("s", method))


def tasks(count: int) -> list[Task]:
    return [task(Quick(number=number)) for number in range(count)]


def run(items: Sequence[Task], workers: int = 1) -> dict[Task, Record | Failure]:
    answers = list(flat(LocalExecutor(workers=workers).run(items, NETWORKS)))
    assert len(answers) == len(items)
    return dict(answers)


@pytest.mark.parametrize("workers", [1, 3])
def test_every_task_has_its_answer(workers: int) -> None:
    items = tasks(300)
    found = run(items, workers)
    assert {item: answer.key for item, answer in found.items() if isinstance(answer, Record)} == {
        item: item.key for item in items
    }


def test_no_tasks() -> None:
    assert run([]) == {}


def test_one_that_dies_costs_only_itself(tmp_path: Path) -> None:
    deadly = task(Dier(folder=str(tmp_path), deaths=100))
    items = [*tasks(70), deadly, *tasks(30)]
    found = run(items)
    assert found.pop(deadly) == Failure("its process ended by itself with code -9")
    assert all(isinstance(answer, Record) for answer in found.values())


def test_one_that_outlasts_its_limit_costs_only_itself() -> None:
    endless = task(Sleeper(seconds=600.0), kind=ShortTask)
    others = [task(Quick(number=number), kind=ShortTask) for number in range(100)]
    items = [*others[:70], endless, *others[70:]]
    found = run(items)
    assert found.pop(endless) == Failure("its process was ended, since it went on for 1 s")
    assert all(isinstance(answer, Record) for answer in found.values())


def test_a_chunk_ends_with_its_time() -> None:
    """What is behind a long task of a chunk does not wait for all of the chunk."""
    items = [*tasks(40), *(task(Sleeper(seconds=3 * CHUNK)) for _ in range(4)), *tasks(60)]
    together = list(LocalExecutor(workers=1).run(items, NETWORKS))
    assert {item for answers in together for item, _ in answers} == set(items)
    assert all(
        sum(isinstance(each.series.method, Sleeper) for each, _ in answers) <= 1
        for answers in together
    )


def test_tasks_are_taken_as_processes_get_free() -> None:
    taken: list[Task] = []

    def items() -> Iterator[Task]:
        for item in tasks(400):
            taken.append(item)
            yield item

    waiting, answered = [], 0
    for together in LocalExecutor(workers=1).run(items(), NETWORKS):
        answered += len(together)
        waiting.append(len(taken) - answered)
    assert answered == 400
    assert waiting[0] <= 3
    # two chunks for each process, and one task to know whether there is another
    assert max(waiting) <= 2 * LARGEST + 1


def answered(item: Task, seconds: float) -> Record:
    return result_row(item.key, seconds=seconds)


def many(count: int, *names: str) -> Iterator[Task]:
    """Tasks of several series in turn; nobody knows how many."""
    for number in range(count):
        quick = series(names[number % len(names)], Quick(number=number))
        yield Task(case=FIRST.case, epsilon=0.1, series=quick)


def test_short_tasks_go_together_once_their_kind_is_known() -> None:
    items = list(many(60, "a", "b"))
    queue = Queue((item for item in items), workers=1)
    first, second = next(queue), next(queue)
    assert (first, second) == ((items[0],), (items[1],))
    queue.taken_apart(first, [answered(items[0], 0.001)])
    assert next(queue) == (items[2],)  # b is not known yet
    queue.taken_apart(second, [answered(items[1], 0.001)])
    assert next(queue) == tuple(items[3 : 3 + LARGEST])
    queue.taken_apart((items[2],), [answered(items[2], 2 * CHUNK)])
    place = 3 + LARGEST
    assert [next(queue) for _ in range(3)] == [(item,) for item in items[place : place + 3]]
    assert [item for chunk in queue for item in chunk] == items[place + 3 :]


@pytest.mark.parametrize(("count", "workers", "largest"), [(60, 2, 7), (9, 64, 1), (500, 1, 16)])
def test_few_tasks_are_spread(count: int, workers: int, largest: int) -> None:
    items = tasks(count)
    queue = Queue(items, workers)
    queue.taken_apart(next(queue), [answered(items[0], 0.0)])
    sizes = [len(chunk) for chunk in queue]
    assert 1 + sum(sizes) == count
    assert max(sizes) == largest


def test_a_queue_takes_back_what_has_no_answer() -> None:
    items = tasks(40)
    queue = Queue((item for item in items), workers=1)
    queue.taken_apart(next(queue), [answered(items[0], 0.0)])
    chunk = next(queue)
    answers: list[Record | Failure] = [answered(item, 0.0) for item in chunk[:2]]
    assert queue.taken_apart(chunk, answers) == list(zip(chunk[:2], answers, strict=True))
    chunk = next(queue)
    assert chunk == tuple(items[3 : 3 + LARGEST])
    assert queue.taken_apart(chunk, Failure("which one?")) == []
    alone = [next(queue) for _ in chunk]
    assert alone == [(item,) for item in chunk]
    assert queue.taken_apart(alone[0], Failure("this one")) == [(chunk[0], Failure("this one"))]
    rest = [item for chunk in queue for item in chunk]
    assert rest == items[3 + LARGEST :]
    assert not queue
    queue.taken_apart((items[0], items[1]), Failure("which one?"))
    assert queue
    assert list(queue) == [(items[0],), (items[1],)]


def test_hard_limits() -> None:
    quick, exact = task(Quick()), task(Exact())
    limits = HardLimits()
    assert limits.of((quick,)) == 5.0 + GRACE
    assert limits.of((quick, quick)) == 5.0 + GRACE + CHUNK
    assert limits.of((quick, exact)) == 5.0 + GRACE + PREPARATION + CHUNK
    limits.answered((quick, exact), Failure("it died"))
    limits.answered((quick, exact), [Failure("only the first")])
    assert limits.of((exact,)) == 5.0 + GRACE + PREPARATION
    limits.answered((exact,), [Failure("it answered")])
    assert limits.of((exact,)) == 5.0 + GRACE
    endless = replace(quick, series=replace(quick.series, time_limit=None))
    assert limits.of((endless,)) is None
    assert limits.of((quick, endless)) is None


def test_networks_go_to_a_process_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are no part of what is sent with each chunk."""
    sent = []
    plain = chunks_module.Queue.__next__

    def watched(queue: Queue) -> tuple[Task, ...]:
        chunk = plain(queue)
        sent.append(len(pickle.dumps(chunk)))
        return chunk

    monkeypatch.setattr(Queue, "__next__", watched)
    found = run([task(Fgsm(iterations=1, seed=seed)) for seed in range(50)])
    assert all(isinstance(answer, Record) for answer in found.values())
    assert max(sent) < 16_000
