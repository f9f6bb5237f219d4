from pathlib import Path

import pytest

from signflip.errors import MissingExtraError, SettingError
from signflip.many import task as task_module
from signflip.many.answer import run_task
from signflip.many.local import LocalExecutor
from signflip.many.plan import Plan
from signflip.many.record import Record
from signflip.many.workers import Failure
from signflip.methods import Fgsm
from tests.support.fake_methods import Dier, GivesUp, Quick, Sleeper, SlowToPrepare
from tests.support.sweeps import NETWORK, flat, series, tiny_plan
from tests.support.unruly import HasBug, LackPackage, RefuseSettings


def run(plan: Plan, workers: int = 1) -> dict[str, list[Record | Failure]]:
    """Series -> what came of its tasks."""
    names = {task: task.series.name for task in plan.tasks()}
    found: dict[str, list[Record | Failure]] = {name: [] for name in names.values()}
    for task, answer in flat(LocalExecutor(workers=workers).run(list(names), plan.networks)):
        found[names[task]].append(answer)
    return found


@pytest.fixture
def little_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks are ended two seconds after their time limit."""
    monkeypatch.setattr(task_module, "GRACE", 2.0)


def test_answers_are_those_of_the_attack() -> None:
    plan = tiny_plan(series("fgsm", Fgsm(iterations=5)), images=6)
    tasks = plan.tasks()
    answers = dict(flat(LocalExecutor(workers=2).run(tasks, plan.networks)))
    assert set(answers) == set(tasks)
    for task in tasks:
        answer, expected = answers[task], run_task(task, NETWORK)
        assert isinstance(answer, Record)
        assert isinstance(expected, Record)
        assert answer.objective == expected.objective
        assert answer.witness is not None
        assert expected.witness is not None
        assert answer.witness.tobytes() == expected.witness.tobytes()
        assert (answer.host, answer.versions) == (expected.host, expected.versions)


@pytest.mark.usefixtures("little_grace")
def test_a_method_that_ignores_its_limit_is_ended_and_the_rest_goes_on() -> None:
    sleeper = series("sleeper", Sleeper(seconds=60.0), time_limit=0.5)
    found = run(tiny_plan(sleeper, series("quick", Quick()), images=2))
    reason = "its process was ended, since it went on for 2.5 s"
    assert found["sleeper"] == [Failure(reason)] * 2
    assert [type(answer) for answer in found["quick"]] == [Record, Record]


@pytest.mark.parametrize(("deaths", "survives"), [(1, True), (2, False)])
def test_a_task_whose_process_died_is_tried_once_more(
    tmp_path: Path, deaths: int, survives: bool
) -> None:
    dier = series("dier", Dier(folder=str(tmp_path), deaths=deaths))
    found = run(tiny_plan(dier, series("quick", Quick()), images=1))
    assert len(list(tmp_path.iterdir())) == deaths
    (answer,) = found["dier"]
    if survives:
        assert isinstance(answer, Record)
    else:
        assert answer == Failure("its process ended by itself with code -9")
    assert isinstance(found["quick"][0], Record)


def test_a_solver_that_gives_up_is_not_tried_again() -> None:
    found = run(tiny_plan(series("gives-up", GivesUp()), images=2))
    assert found["gives-up"] == [Failure("the solver gave up: out of memory")] * 2


@pytest.mark.usefixtures("little_grace")
def test_the_time_that_a_method_takes_to_prepare_is_not_limited(tmp_path: Path) -> None:
    slow = series("slow", SlowToPrepare(folder=str(tmp_path), seconds=4.0), time_limit=0.5)
    found = run(tiny_plan(slow, images=1))
    assert isinstance(found["slow"][0], Record)


def test_an_executor_runs_again_after_a_run_that_was_closed() -> None:
    plan = tiny_plan(series("fgsm", Fgsm(iterations=5)), images=4)
    tasks = plan.tasks()
    executor = LocalExecutor(workers=1)
    first = executor.run(tasks, plan.networks)
    (task, answer), *_ = next(first)  # answers that come together are one batch
    first.close()
    rest = dict(flat(executor.run(tasks, plan.networks)))
    assert set(rest) == set(tasks)
    again = rest[task]
    assert isinstance(answer, Record)
    assert isinstance(again, Record)
    assert again.objective == answer.objective


def test_what_is_refused_is_not_tried_again_and_the_rest_goes_on() -> None:
    refused = series("refused", RefuseSettings())
    late = series("late", Fgsm(restarts=None), time_limit=-1.0)
    wrong = series("wrong", HasBug())
    found = run(tiny_plan(refused, late, wrong, series("quick", Quick()), images=2))
    assert found["refused"] == [Failure("the setting is 7; it must be 8")] * 2
    reason = "the time limit is -1.0; it must be 0 or more seconds, or inf for no limit"
    assert found["late"] == [Failure(reason)] * 2
    (answer, _) = found["wrong"]
    assert isinstance(answer, Failure)
    assert answer.reason.startswith(
        "an error of Signflip, please report it: IndexError: list index out of range (unruly.py"
    )
    assert [type(answer) for answer in found["quick"]] == [Record, Record]


def test_a_package_that_is_not_there_ends_the_run() -> None:
    with pytest.raises(MissingExtraError, match="Gurobi needs the package 'gurobipy'"):
        run(tiny_plan(series("quick", Quick()), series("lacking", LackPackage()), images=2))


def test_too_few_workers() -> None:
    with pytest.raises(SettingError, match="the number of workers is 0"):
        LocalExecutor(workers=0)
