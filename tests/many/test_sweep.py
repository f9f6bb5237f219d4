import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from signflip.attack import attack
from signflip.errors import StoreError
from signflip.many.checking import proofs_folder
from signflip.many.counts import counts_by_series
from signflip.many.executor import Answers
from signflip.many.plan import Plan
from signflip.many.record import Record, word_of
from signflip.many.store import NO_PROOF, Store
from signflip.many.sweep import run_sweep, tasks_left
from signflip.many.task import Task, image_key
from signflip.methods import Exact, Fgsm
from signflip.methods.search_goal import SearchGoal
from signflip.methods.spec import describe
from signflip.network import BinaryNetwork
from signflip.problem import Goal, Problem, Target, Untargeted
from signflip.result import Verdict
from tests.support.fake_methods import GivesUp, Quick
from tests.support.sweeps import (
    KEY,
    NETWORK,
    HereExecutor,
    failed_row,
    flat,
    keys,
    series,
    tiny_plan,
)

EXACT = series("exact", Exact(goal=SearchGoal.OPTIMISE))
FGSM = series("fgsm", Fgsm(), time_limit=2.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.db"


def sweep(
    plan: Plan, path: Path, *, retry_failed: bool = False
) -> tuple[list[Record], Sequence[Task]]:
    """Run what the store lacks; the rows, and what was run."""
    with Store.open(path, create=True) as store:
        left = tasks_left(plan.tasks(), store, retry_failed=retry_failed)
        return list(run_sweep(plan, left, store, HereExecutor())), left


@pytest.mark.parametrize("goal", [None, Untargeted(), Target(2)])
def test_rows_say_what_the_attack_said(path: Path, goal: Goal | None) -> None:
    plan = tiny_plan(EXACT, FGSM, images=5, epsilons=(0.05, 0.3), goal=goal)
    rows, tasks = sweep(plan, path)
    assert [row.key for row in rows] == [task.key for task in tasks]
    assert {row.verdict.value for row in rows} >= {"flipped", "robust"}
    with Store.open(path) as store:
        for row, task in zip(rows, tasks, strict=True):
            problem = Problem.ball(
                store.network(row.network),
                store.pixels(row.image),
                epsilon=row.epsilon,
                goal=task.case.goal,
            )
            assert row.problem == task.problem_key
            assert row.image == image_key(task.case.image)
            assert (row.method, row.series) == (task.series.kind, task.series.name)
            assert row.settings == describe(task.series.method)
            assert row.time_limit == task.series.time_limit
            assert row.prediction == problem.prediction
            assert row.target == (goal or task.case.goal).__dict__.get("class_index")
            assert row.largest_conceivable == problem.largest_conceivable
            assert row.clean_objective == problem.clean.value
            witness = store.witness(row.key)
            assert witness is not None
            replay = problem.replay(witness)
            assert (float(replay.value), replay.prediction) == (
                row.objective,
                row.witness_prediction,
            )
            assert replay.inside
            assert row.failure is None
            assert isinstance(task.series.method, Exact | Fgsm)
            again = attack(problem, task.series.method, time_limit=5)
            assert (row.verdict, row.stop) == (again.verdict, word_of(again.stop))
            assert (row.objective, row.bound) == (again.objective, again.bound)


class Together(HereExecutor):
    """Its answers come three at a time."""

    def run(self, tasks: Iterable[Task], networks: Mapping[str, BinaryNetwork]) -> Answers:
        answers = flat(super().run(tasks, networks))
        while together := list(islice(answers, 3)):
            yield together


def test_a_row_is_in_the_store_before_it_is_told_of(path: Path) -> None:
    plan = tiny_plan(FGSM, images=5)
    with Store.open(path, create=True) as store, Store.open(path) as reader:
        counts = []
        for row in run_sweep(plan, plan.tasks(), store, Together()):
            seen = reader.keys()
            assert row.key in seen
            counts.append(len(seen))
    assert counts == [3, 3, 3, 5, 5]


def test_a_sweep_goes_on_where_it_was(path: Path) -> None:
    plan = tiny_plan(FGSM, images=6)
    with Store.open(path, create=True) as store:
        running = run_sweep(plan, tasks_left(plan.tasks(), store), store, HereExecutor())
        first = [next(running) for _ in range(2)]
        assert store.keys() == {row.key for row in first}
        running.close()
    rows, left = sweep(plan, path)
    assert len(rows) == len(left) == 4
    assert keys(plan.tasks()) == {row.key for row in (*first, *rows)}
    assert sweep(plan, path) == ([], ())


def test_a_sweep_with_nothing_to_run_waits_for_nobody(path: Path) -> None:
    plan = tiny_plan(EXACT, images=2)
    sweep(plan, path)
    with Store.open(path) as another, another.transaction():
        assert sweep(plan, path) == ([], ())


def test_a_grid_that_grew_runs_what_is_new(path: Path) -> None:
    sweep(tiny_plan(FGSM, images=3, epsilons=(0.1,)), path)
    _, more = sweep(tiny_plan(FGSM, images=4, epsilons=(0.1, 0.2)), path)
    assert sorted((each.case.index, each.epsilon) for each in more) == [
        (0, 0.2),
        (1, 0.2),
        (2, 0.2),
        (3, 0.1),
        (3, 0.2),
    ]
    _, other = sweep(tiny_plan(series("fgsm", Fgsm(seed=1)), images=3, epsilons=(0.1,)), path)
    assert len(other) == 3
    _, longer = sweep(tiny_plan(series("fgsm", Fgsm(), time_limit=3.0), epsilons=(0.1,)), path)
    assert len(longer) == 3
    _, renamed = sweep(tiny_plan(series("again", Fgsm(), time_limit=2.0), epsilons=(0.1,)), path)
    assert renamed == ()


def test_what_failed_is_run_again_if_it_is_wanted(path: Path) -> None:
    plan = tiny_plan(series("gives-up", GivesUp()), series("quick", Quick()), images=2)
    rows, _ = sweep(plan, path)
    failed = [row for row in rows if row.failure is not None]
    assert [row.series for row in failed] == ["gives-up"] * 2
    for row in failed:
        assert row.failure == "the solver gave up: out of memory"
        assert (row.stop, row.verdict.value, row.witness) == ("failed", "unknown", None)
        assert row.objective == row.clean_objective == row.trace[0][1]
        assert row.witness_prediction == row.prediction
    assert sweep(plan, path)[1] == ()
    _, again = sweep(plan, path, retry_failed=True)
    assert keys(again) == {row.key for row in failed}


def test_a_failed_row_knows_the_clean_image(path: Path) -> None:
    plan = tiny_plan(series("gives-up", GivesUp()), series("quick", Quick()), images=4)
    rows, _ = sweep(plan, path)
    for failed, answered in zip(rows[::2], rows[1::2], strict=True):
        assert failed.clean_objective == answered.clean_objective
        assert failed.largest_conceivable == answered.largest_conceivable
        assert failed.problem == answered.problem


def test_the_store_has_only_the_inputs_of_what_ran(path: Path) -> None:
    plan = tiny_plan(FGSM, images=2)
    sweep(plan, path)
    with Store.open(path) as store:
        (images,) = store.connection.execute("SELECT count(*) FROM images").fetchone()
        assert images == 2
        assert store.connection.execute("SELECT key, name FROM networks").fetchall() == [
            (KEY, "tiny")
        ]
        assert np.array_equal(store.network(KEY).output.weight, NETWORK.output.weight)


def test_counts(path: Path) -> None:
    plan = tiny_plan(EXACT, series("gives-up", GivesUp()), images=4, epsilons=(0.05, 0.3))
    rows, _ = sweep(plan, path)
    with Store.open(path) as store:
        counts = counts_by_series(plan.tasks(), store)
        other = counts_by_series(tiny_plan(FGSM).tasks(), store)
    exact = [row for row in rows if row.series == "exact"]
    assert counts["exact"].flipped == sum(row.verdict.value == "flipped" for row in exact) > 0
    assert counts["exact"].robust == sum(row.verdict.value == "robust" for row in exact) > 0
    assert counts["exact"].seconds == pytest.approx(sum(row.seconds for row in exact))
    assert (counts["exact"].rows, counts["exact"].failed, counts["exact"].unknown) == (8, 0, 0)
    assert (counts["gives-up"].rows, counts["gives-up"].failed) == (8, 8)
    assert counts["gives-up"].seconds == 0
    assert other["fgsm"].rows == 0


def proved(plan: Plan, path: Path) -> Plan:
    proofs_folder(path).mkdir(exist_ok=True)
    return plan.with_proofs(proofs_folder(path))


def test_what_lacks_its_proof_is_run_again_and_nothing_else(path: Path) -> None:
    plan = tiny_plan(series("exact", Exact()), FGSM, epsilons=(0.02, 0.3))
    sweep(plan, path)
    with_proofs = proved(plan, path)
    rows, left = sweep(with_proofs, path)
    assert {task.series.name for task in left} == {"exact"}
    assert len(left) == 6
    assert all(row.proof is not None for row in rows)
    assert sweep(with_proofs, path) == ([], ())
    shutil.rmtree(proofs_folder(path))
    proved(plan, path)
    assert len(sweep(with_proofs, path)[1]) == 6
    assert sweep(plan, path) == ([], ())


def test_an_answer_stays_where_its_run_for_a_proof_decides_nothing(path: Path) -> None:
    plan = tiny_plan(series("exact", Exact()), epsilons=(0.3,), images=1)
    ((row,), _) = sweep(plan, path)
    with Store.open(path) as store:
        for other in (
            replace(row, verdict=Verdict.UNKNOWN, proof=None),
            failed_row(row.key),
        ):
            store.add(other, anew=True)
            assert [kept.verdict for kept in store.records()] == [row.verdict]
        # an answer that says why it has no proof is not run again and again
        store.add(replace(row, remark=f"{NO_PROOF}: it is too long."), anew=True)
        assert tasks_left(proved(plan, path).tasks(), store) == ()


def test_the_remark_of_an_answer_without_a_proof_says_so(tmp_path: Path) -> None:
    (task,) = tiny_plan(FGSM, epsilons=(0.001,), images=1).tasks()
    result = attack(task.problem(NETWORK), Fgsm(iterations=1), proof=tmp_path / "a.proof")
    assert NO_PROOF in result.remark


@pytest.mark.parametrize(("column", "value"), [("verdict", "maybe"), ("seconds", "long")])
def test_counts_of_a_damaged_store_are_a_clear_error(path: Path, column: str, value: str) -> None:
    plan = tiny_plan(FGSM)
    with Store.open(path, create=True) as store:
        list(run_sweep(plan, plan.tasks(), store, HereExecutor()))
        store.connection.execute(f"UPDATE results SET {column} = ?", (value,))
        with pytest.raises(StoreError, match=f"a row's {column} is '{value}'"):
            counts_by_series(plan.tasks(), store)


def test_a_name_that_is_no_text_is_kept_as_it_is_printed(path: Path) -> None:
    plan = tiny_plan(FGSM)
    plan = replace(plan, names=dict.fromkeys(plan.names, "n\udcff"))
    tasks = [
        replace(task, case=replace(task.case, images_name="a\udcff.npz")) for task in plan.tasks()
    ]
    with Store.open(path, create=True) as store:
        list(run_sweep(plan, tasks, store, HereExecutor()))
        assert {row.images_name for row in store.records()} == {"a\\udcff.npz"}
        assert store.connection.execute("SELECT name FROM networks").fetchall() == [("n\\udcff",)]
        assert not tasks_left(tasks, store)
