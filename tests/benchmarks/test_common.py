import json
import math
import os
from pathlib import Path

import pytest

from benchmarks.common import Row, Store, attacked, geometric_mean, machine, markdown, run_jobs
from signflip import Outcome
from signflip.methods import Exact
from signflip.programs import SolverFailure
from signflip.run import Run
from tests.support.problems import two_steps

KEY = ("name", "number")


def measure(name: str, number: float) -> Row:
    if name == "dies":
        os._exit(3)
    return {"name": name, "number": number, "double": 2 * number}


class GivesUp:
    def run(self, run: Run) -> Outcome:
        run.offer(run.problem.image)
        raise SolverFailure("out of memory")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "out" / "store.jsonl", KEY)


def test_what_is_stored_is_not_measured_again(store: Store) -> None:
    store.add({"name": "a", "number": 0.1, "double": "kept"})
    rows = run_jobs([("a", 0.1), ("b", 0.2), ("b", 0.2)], measure, store, 2, limit=60)
    assert [(row["name"], row["double"]) for row in rows] == [("a", "kept"), ("b", 0.4)]
    assert "commit" in rows[1]
    assert len(store.rows()) == 2


def test_rows_of_other_jobs_stay_in_the_store_only(store: Store) -> None:
    store.add({"name": "other", "number": 1.0, "double": 2.0})
    assert [row["name"] for row in run_jobs([("a", 0.1)], measure, store, 1, limit=60)] == ["a"]
    assert len(store.rows()) == 2


def test_a_measurement_that_dies_is_told_and_tried_again(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [("dies", 1.0), ("a", 0.1)]
    assert [row["name"] for row in run_jobs(jobs, measure, store, 1, limit=60)] == ["a"]
    error = capsys.readouterr().err
    assert "('dies', 1.0) has no result: its process ended by itself with code 3" in error


def test_half_a_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    path.write_text('{"name": "a", "number": 1}\n{"name": "b", "num')
    store = Store(path, KEY)
    assert [store.job(row) for row in store.rows()] == [("a", 1)]
    store.add({"name": "c", "number": 3})
    assert [json.loads(line)["name"] for line in path.read_text().splitlines()] == ["a", "c"]


def test_a_row_says_what_the_attack_found() -> None:
    row = attacked(two_steps(), Exact(), limit=10.0)
    assert (row["verdict"], row["stop"], row["clean_objective"]) == ("flipped", "DECIDED", -2)
    assert row["objective"] == 2
    assert row["seconds"] > 0


def test_a_solver_that_gives_up_is_a_row() -> None:
    row = attacked(two_steps(), GivesUp(), limit=10.0)
    assert (row["verdict"], row["stop"], row["bound"]) == ("unknown", "SOLVER_FAILURE", None)
    assert row["objective"] == row["clean_objective"] == -2
    assert row["failure"] == "out of memory"


def test_the_machine_line_names_the_commits() -> None:
    assert machine([{"commit": "b"}, {"commit": "a"}, {}]).endswith("commits a, b, unknown")


def test_markdown() -> None:
    assert markdown(("a", "b"), [(1, "x")]) == "| a | b |\n| --- | --- |\n| 1 | x |"


def test_geometric_mean() -> None:
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)
    assert math.isnan(geometric_mean([]))
