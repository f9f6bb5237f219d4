"""Tests on a real cluster: a scheduler and two workers on loopback, each a process of its own."""

import logging
import os
import random
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from signflip.attack import Method
from signflip.errors import MissingExtraError, SettingError, WorkerError
from signflip.many.cluster import DaskExecutor
from signflip.many.local import LocalExecutor
from signflip.many.record import Record
from signflip.many.store import Store
from signflip.many.sweep import run_sweep, tasks_left
from signflip.many.task import Case, Series, Task
from signflip.many.workers import Failure
from signflip.methods import Exact, Fgsm
from signflip.methods.search_goal import SearchGoal
from signflip.network import BinaryNetwork
from signflip.problem import Untargeted
from tests.support.dask_cluster import Cluster
from tests.support.fake_methods import Dier, Sleeper
from tests.support.random_problems import random_problem
from tests.support.sweeps import flat, keys, series, tiny_plan
from tests.support.unruly import (
    EndParent,
    LackPackage,
    RefuseSettings,
    ShortTask,
)

# what the file makes once serves all of its tests
pytestmark = pytest.mark.xdist_group("cluster")

PROBLEM = random_problem(np.random.default_rng(5), inputs=12, widths=(6, 6))
OTHER = random_problem(np.random.default_rng(6), inputs=12, widths=(6, 6))
NETWORKS = {problem.network.digest: problem.network for problem in (PROBLEM, OTHER)}

ROUNDS = int(os.environ.get("SIGNFLIP_KILL_ROUNDS", "1"))
"""How often each kind of end is tried; a longer test is `SIGNFLIP_KILL_ROUNDS=20 pytest ...`."""

MOMENTS = [random.Random(number).randint(1, 60) for number in range(ROUNDS)]


def task(
    method: Method,
    network: BinaryNetwork = PROBLEM.network,
    kind: type[Task] = Task,
    time_limit: float = 5.0,
) -> Task:
    case = Case(
        network=network.digest,
        network_name="random",
        images_name="random",
        index=0,
        label=0,
        image=PROBLEM.image,
        prediction=int(network.predict(PROBLEM.image[None])[0]),
        goal=Untargeted(),
    )
    series = Series(name=str(method), kind="kind", method=method, seed=0, time_limit=time_limit)
    return kind(case=case, epsilon=0.1, series=series)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    started = Cluster(tmp_path_factory.mktemp("cluster"), workers=2)
    yield started
    started.end()


@pytest.fixture
def executor(cluster: Cluster) -> DaskExecutor:
    return DaskExecutor(cluster.address, patience=60)


def seen(one: Task, answer: Record | Failure) -> object:
    assert isinstance(answer, Record)
    assert answer.witness is not None
    # of several best images the walk or the tree is first, which take turns by the clock
    same = None if isinstance(one.series.method, Exact) else answer.witness.tolist()
    return (answer.verdict, answer.objective, same, answer.stop)


def test_answers_are_those_of_this_machine(executor: DaskExecutor) -> None:
    methods = (Fgsm(seed=3, restarts=4), Exact(goal=SearchGoal.OPTIMISE))
    tasks = [
        task(method, network, time_limit=60)
        for method in methods
        for network in (PROBLEM.network, OTHER.network)
    ]
    local = dict(flat(LocalExecutor(workers=1).run(tasks, NETWORKS)))
    remote = dict(flat(executor.run(tasks, NETWORKS)))
    for one in tasks:
        assert seen(one, remote[one]) == seen(one, local[one])


def test_no_tasks(executor: DaskExecutor) -> None:
    assert list(executor.run([], NETWORKS)) == []


def test_tasks_that_outlast_their_limit_or_crash_fail_alone(
    executor: DaskExecutor, tmp_path: Path
) -> None:
    endless = task(Sleeper(seconds=600), kind=ShortTask)
    crash = task(Dier(folder=str(tmp_path), deaths=100))
    others = [task(Sleeper(seconds=0.01)) for _ in range(20)]
    found = dict(flat(executor.run([*others[:10], endless, crash, *others[10:]], NETWORKS)))
    assert found[endless] == Failure("its process was ended, since it went on for 1 s")
    assert found[crash] == Failure("its process ended by itself with code -9")
    assert all(isinstance(found[one], Record) for one in others)


def test_what_is_refused_fails_alone(executor: DaskExecutor) -> None:
    refused, other = task(RefuseSettings()), task(Sleeper(seconds=0))
    found = dict(flat(executor.run([refused, other], NETWORKS)))
    assert found[refused] == Failure("the setting is 7; it must be 8")
    assert isinstance(found[other], Record)


def test_a_package_that_a_worker_lacks_ends_the_run(executor: DaskExecutor) -> None:
    with pytest.raises(MissingExtraError, match="Gurobi needs the package 'gurobipy'"):
        list(executor.run([task(LackPackage())], NETWORKS))


def test_tasks_are_taken_as_workers_get_free_and_closing_ends_them(executor: DaskExecutor) -> None:
    taken = []

    def tasks() -> Iterator[Task]:
        for seconds in (0.0, *[600.0] * 1000):
            taken.append(seconds)
            yield task(Sleeper(seconds=seconds))

    answers = executor.run(tasks(), NETWORKS)
    next(answers)
    answers.close()
    assert len(taken) < 10
    # the workers are free again: they would sleep for 600 s else
    (((_, answer),),) = executor.run([task(Sleeper(seconds=0))], NETWORKS)
    assert isinstance(answer, Record)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_worker_costs_a_retry(
    cluster: Cluster, executor: DaskExecutor, moment: int
) -> None:
    tasks = [task(Sleeper(seconds=0.05)) for _ in range(100)]
    killed = cluster.worker_pids()[0]
    found = []
    for number, (one, answer) in enumerate(flat(executor.run(tasks, NETWORKS))):
        if number == moment:
            os.kill(killed, signal.SIGKILL)
        assert isinstance(answer, Record)
        found.append(one)
    assert len(found) == len(tasks)
    assert set(found) == set(tasks)


def test_workers_join_and_leave(cluster: Cluster, executor: DaskExecutor) -> None:
    tasks = [task(Sleeper(seconds=0.05)) for _ in range(200)]
    guest = cluster.add_workers(1)
    found = []
    for number, (one, answer) in enumerate(flat(executor.run(tasks, NETWORKS))):
        if number == 60:
            guest.terminate()  # it closes, and gives back what it is at
        assert isinstance(answer, Record)
        found.append(one)
    assert len(found) == len(tasks)
    assert set(found) == set(tasks)


def test_a_task_that_kills_worker_after_worker_fails(executor: DaskExecutor) -> None:
    deadly = task(EndParent())
    others = [task(Sleeper(seconds=0.05)) for _ in range(20)]
    found = dict(flat(executor.run([*others[:10], deadly, *others[10:]], NETWORKS)))
    assert found[deadly] == Failure("the Dask workers that ran it died, 2 of them")
    assert all(isinstance(found[one], Record) for one in others)


def test_another_version_on_a_worker(
    executor: DaskExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signflip.many.dask_run.versions", lambda: {"signflip": "9.9"})
    with pytest.raises(WorkerError, match=r"worker tcp://.* has Signflip .*, this is 9\.9"):
        list(executor.run([task(Sleeper(seconds=0))], NETWORKS))


def test_a_worker_without_signflip(tmp_path: Path) -> None:
    shadow = tmp_path / "shadow" / "signflip"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'signflip'\")")
    cluster = Cluster(tmp_path, workers=0)
    try:
        cluster.add_workers(1, path=shadow.parent)
        with pytest.raises(WorkerError, match=r"has no Signflip, this is .*; install signflip=="):
            list(DaskExecutor(cluster.address).run([task(Sleeper(seconds=0))], NETWORKS))
    finally:
        cluster.end()


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_loss_of_the_scheduler_keeps_what_is_finished_and_the_sweep_goes_on(
    tmp_path: Path, executor: DaskExecutor, moment: int
) -> None:
    plan = tiny_plan(series("sleeper", Sleeper(seconds=0.05)), images=100)
    tasks = plan.tasks()
    lost = Cluster(tmp_path, workers=1)
    try:
        with Store.open(tmp_path / "results.db", create=True) as store:
            rows = run_sweep(plan, tasks, store, DaskExecutor(lost.address))
            finished = {row.key for row in islice(rows, moment)}
            lost.kill_scheduler()
            with pytest.raises(WorkerError, match=r"is lost: .* the same command goes on"):
                finished |= {row.key for row in rows}
            assert finished <= store.keys() < keys(tasks)
            for _ in run_sweep(plan, tasks_left(tasks, store), store, executor):
                pass
            assert store.keys() == keys(tasks)
    finally:
        lost.end()


def test_no_workers(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = Cluster(tmp_path_factory.mktemp("empty"), workers=0)
    try:
        with (
            caplog.at_level(logging.WARNING),
            pytest.raises(WorkerError, match=r"has had no workers for 1 s; start some by `dask"),
        ):
            list(DaskExecutor(cluster.address, patience=1).run([task(Fgsm())], NETWORKS))
        assert "has no workers; waiting 1 s for some" in caplog.text
    finally:
        cluster.end()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:9", "tcp://[::1]:9"])
def test_no_scheduler(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signflip.many.dask_run.CONNECTION", 1.0)
    with pytest.raises(WorkerError, match="no Dask scheduler answers at"):
        list(DaskExecutor(address).run([task(Fgsm())], NETWORKS))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1", "nonsense://x:1", "tcp://x:0", "x:70000"])
def test_an_address_of_another_form(address: str) -> None:
    with pytest.raises(SettingError, match="the scheduler's address is '"):
        DaskExecutor(address)


def test_dask_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signflip.many.cluster.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"'signflip\[cluster\]'"):
        DaskExecutor("tcp://127.0.0.1:9").run([], NETWORKS)
