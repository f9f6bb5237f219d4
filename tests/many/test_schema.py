"""Stores of other versions, and what one file of a store holds while it is in use."""

import json
import shutil
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signflip.errors import StoreError
from signflip.many import schema
from signflip.many.grid import read_plan
from signflip.many.record import Record
from signflip.many.store import Store
from signflip.many.sweep import tasks_left
from signflip.many.task import Task
from signflip.methods import Exact
from signflip.methods.spec import describe, identity, method_of
from signflip.report.frame import read_frame
from signflip.result import Verdict
from tests.support.sweeps import failed_row, keys, result_row

OLD = Path(__file__).with_name("store_0_1_0")
"""A store that Signflip 0.1.0 made, with its grid, network and images."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the old store's folder."""
    return Path(shutil.copytree(OLD, tmp_path / "old"))


def old_rows(path: Path) -> list[sqlite3.Row]:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute("SELECT * FROM results").fetchall()
    finally:
        connection.close()


IPROP = {"iprop", "warm", "scip"}
"""The grid's series of IProp, which has raised its version since."""


def answered_anew(store: Store, task: Task) -> Record:
    """What an old store says of a task, as if this version of the method had said it."""
    (before, *_) = store.records("WHERE problem = ?", (task.problem_key,))
    return replace(before, key=task.key, series=task.series.name, settings=task.series.settings)


def test_a_sweep_goes_on_in_a_store_of_version_1(old: Path) -> None:
    """It asks again what a method answered that gives other answers now, and nothing else."""
    plan = read_plan(old / "grid.toml")
    with Store.open(old / "store.db", create=True) as store:
        before = {record.key: (record.series, record.objective) for record in store.records()}
        left = tasks_left(plan.tasks(), store)
        assert {task.series.name for task in left} == IPROP
        assert keys(left) == {t.key for t in plan.tasks() if t.series.name in IPROP}
        assert len(left) == sum(series in IPROP for series, _ in before.values())
        assert keys(tasks_left(plan.tasks(), store, retry_failed=True)) == keys(left)
        chosen = [next(task for task in left if task.series.name == name) for name in IPROP]
        for task in chosen:
            store.add(answered_anew(store, task))
        assert keys(tasks_left(plan.tasks(), store)) == keys(left) - keys(chosen)
        after = {record.key: (record.series, record.objective) for record in store.records()}
    assert {key: after[key] for key in before} == before


def test_old_answers_of_a_method_are_lines_of_their_own(old: Path) -> None:
    plan = read_plan(old / "grid.toml")
    with Store.open(old / "store.db", create=True) as store:
        left = [task for task in tasks_left(plan.tasks(), store) if task.series.name == "iprop"]
        store.add(answered_anew(store, left[0]))
        frame = read_frame(store)
    lines = frame.filter(frame["series"] == "iprop")["line"].unique().to_list()
    assert sorted(lines) == ["iprop, settings 1", "iprop, settings 2"]


def test_failed_tasks_of_an_old_store_are_tried_again(old: Path) -> None:
    plan = read_plan(old / "grid.toml")
    with sqlite3.connect(old / "store.db") as connection:
        connection.execute("UPDATE results SET failure = 'it died' WHERE series = 'fgsm'")
    connection.close()
    with Store.open(old / "store.db") as store:
        failed = tasks_left(plan.tasks(), store, retry_failed=True)
    count = sum(task.series.name == "fgsm" for task in plan.tasks())
    assert sum(task.series.name == "fgsm" for task in failed) == count > 0


def test_rows_of_version_1_say_what_they_said(old: Path) -> None:
    before = {(row["problem"], row["series"]): row for row in old_rows(old / "store.db")}
    with Store.open(old / "store.db") as store:
        records = list(store.records())
        frame = read_frame(store)
        (version,) = store.connection.execute("PRAGMA user_version").fetchone()
        assert store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for record in records:
            assert store.network(record.network).digest == record.network
            assert store.pixels(record.image).shape == (16,)
    assert version == schema.VERSION
    assert len(records) == len(before) == len(frame) == 66
    for record in records:
        row = before[record.problem, record.series]
        same = [name for name in row.keys() if name in vars(record)]  # noqa: SIM118 - a sqlite3.Row
        plain = {"settings", "trace", "versions", "verdict", "witness", "key", "stop"}
        assert {name: getattr(record, name) for name in same if name not in plain} == {
            name: row[name] for name in same if name not in plain
        }
        assert record.verdict is Verdict(row["verdict"])
        assert record.stop == row["stop"].lower()
        assert (record.witness is None) == (row["failure"] is not None)
        assert record.settings == json.loads(row["settings"])
        if record.series not in IPROP:  # settings that came later have their defaults
            described = describe(method_of(record.settings))
            assert described == {**described, **record.settings}
            assert identity(described) == identity(record.settings)
        assert (record.tolerance, record.lower, record.upper, record.closed) == (None,) * 4


def test_rows_of_version_1_that_are_one_now(old: Path) -> None:
    """Its keys told methods apart that only their speed does."""
    store, row = old / "store.db", old_rows(old / "store.db")[0]
    connection = sqlite3.connect(store)
    for number, failure in ((1, "'it died'"), (2, "NULL")):
        settings = describe(Exact(threads=1 + number))
        connection.execute(
            "INSERT INTO results SELECT ?, 'p', network, image, network_name, images_name, "
            "image_index, label, prediction, target, 0.5, time_limit, 'exact', 'twice', ?, seed, "
            f"verdict, stop, {failure}, objective, clean_objective, bound, largest_conceivable, "
            "seconds, trace, witness, witness_prediction, host, versions, finished FROM results "
            "WHERE key = ?",
            (f"k{number}", json.dumps(settings), row["key"]),
        )
    connection.commit()
    connection.close()
    with Store.open(store) as opened:
        (kept,) = opened.records("WHERE series = 'twice'")
    assert not kept.failed
    assert kept.settings["threads"] == 3


def test_a_store_of_version_1_is_brought_up_to_date_where_it_is_merged(
    old: Path, tmp_path: Path
) -> None:
    with Store.open(tmp_path / "into.db", create=True) as store:
        assert store.merge(old / "store.db") == 66
        tasks = read_plan(old / "grid.toml").tasks()
        others = [task for task in tasks if task.series.name not in IPROP]
        assert keys(others) < store.keys()


def test_a_rewriting_that_is_interrupted_leaves_the_old_store(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [tuple(row) for row in old_rows(old / "store.db")]
    with monkeypatch.context() as broken:
        broken.setattr(schema, "task_key_of", lambda *_: 1 // 0)
        with pytest.raises(StoreError):
            Store.open(old / "store.db")
    assert [tuple(row) for row in old_rows(old / "store.db")] == before
    with Store.open(old / "store.db") as store:
        assert len(store.keys()) == 66


def test_an_old_store_that_may_not_be_written(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signflip.many.store._may_write", lambda _: False)
    with pytest.raises(StoreError, match="of an earlier Signflip, to be brought up to date, and"):
        Store.open(old / "store.db")


@pytest.mark.parametrize("version", [0, schema.VERSION + 1])
def test_a_store_of_no_version_that_is_known(tmp_path: Path, version: int) -> None:
    with Store.open(tmp_path / "s.db", create=True) as store:
        store.connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(StoreError, match=f"is a store of version {version}; this Signflip reads"):
        Store.open(tmp_path / "s.db")


def test_a_column_that_came_later_is_added(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s.db", create=True) as store:
        store.add(result_row("a"))
        for name in ("tolerance", "closed"):
            store.connection.execute(f"ALTER TABLE results DROP COLUMN {name}")
    with Store.open(tmp_path / "s.db") as store:
        store.add(result_row("b", tolerance=0.5, closed=True))
        found = {record.key: (record.tolerance, record.closed) for record in store.records()}
    assert found == {"a": (None, None), "b": (0.5, True)}


def test_a_column_of_a_later_signflip_is_left_alone(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s.db", create=True) as store:
        store.connection.execute("ALTER TABLE results ADD COLUMN later TEXT NOT NULL DEFAULT 'x'")
        store.add(result_row())
        with Store.open(tmp_path / "t.db", create=True) as other:
            other.add(failed_row("f"))
        assert store.merge(tmp_path / "t.db") == 1
        assert len(list(store.records())) == 2


def test_a_part_of_a_store_that_is_gone_is_damage(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s.db", create=True) as store:
        store.connection.execute("DROP TABLE images")
        with pytest.raises(StoreError, match=r"lacks a part of a store .*; it is damaged"):
            store.pixels("x")


def copied(path: Path) -> set[str]:
    """Keys of the rows that a copy of the one file holds, whatever lies beside it."""
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    with Store.open(copy) as store:
        assert store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = store.keys()
    copy.unlink()
    return found


def test_one_file_is_the_store_after_each_transaction(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with Store.open(path, create=True) as store:
        assert copied(path) == set()
        for number in range(3):
            with store.transaction():
                store.add(result_row(f"{number}a"))
                store.add(result_row(f"{number}b"))
            assert copied(path) == store.keys()
            assert not path.with_name("s.db-wal").stat().st_size


def test_who_reads_a_store_does_not_keep_its_writer_waiting(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with Store.open(path, create=True) as store, Store.open(path) as reader:
        with store.transaction():
            store.add(result_row("first"))
        reading = reader.connection.execute("SELECT key FROM results")
        assert reading.fetchone() == ("first",)  # and it goes on
        with store.transaction():
            store.add(result_row("second"))
        assert store.connection.execute("PRAGMA busy_timeout").fetchone()[0] > 0
        reading.close()
        with store.transaction():
            store.add(result_row("third"))
        assert copied(path) == {"first", "second", "third"}


def test_the_file_of_an_old_store_in_use_without_its_log(tmp_path: Path) -> None:
    """What a copy of a store that Signflip 0.1.0 had just made held."""
    connection = sqlite3.connect(tmp_path / "s.db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    with pytest.raises(StoreError, match=r"is a store without its rows, which were in s\.db-wal"):
        Store.open(tmp_path / "s.db")


def test_an_image_comes_back_from_an_old_store(old: Path) -> None:
    images = np.load(old / "images.npz")["images"]
    with Store.open(old / "store.db") as store:
        for record in store.records():
            assert np.array_equal(store.pixels(record.image), images[record.image_index])


def test_a_new_store_waits_for_who_looks_at_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    path.touch()
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN IMMEDIATE")  # what SQLite would not wait for
    ending = threading.Timer(0.3, reader.execute, ("ROLLBACK",))
    ending.start()
    with Store.open(path, create=True) as store:
        assert store.keys() == set()
    ending.join()
    reader.close()
