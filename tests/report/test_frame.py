import json
from pathlib import Path

import polars as pl
import pytest

from signflip.errors import StoreError
from signflip.many.record import Record
from signflip.many.store import Store
from signflip.methods import Fgsm, IProp
from signflip.methods.spec import describe
from signflip.methods.step_size import ConstantStep
from signflip.methods.warm_start import WarmStarted
from signflip.report.frame import read_frame, read_traces
from signflip.result import Verdict
from tests.support.results import failed, flipped, frame_of, robust, row
from tests.support.sweeps import result_row


def only(frame: pl.DataFrame, *columns: str) -> tuple[object, ...]:
    (found,) = frame.select(columns).unique().rows()
    return found


def test_what_came_of_a_row() -> None:
    frame = frame_of(flipped("fgsm", 0), robust("exact", 1), row("milp", 2), failed("iprop", 3))
    found = frame.sort("image_index").select("flipped", "robust", "unknown", "failed")
    assert found.rows() == [
        (True, False, False, False),
        (False, True, False, False),
        (False, False, True, False),
        (False, False, True, True),
    ]


def test_the_objective_is_divided_by_its_largest_conceivable_value() -> None:
    assert only(frame_of(row("fgsm", objective=-4.0)), "normalised") == (-0.2,)
    assert only(frame_of(row("fgsm", largest_conceivable=0.0)), "normalised") == (None,)


def test_what_is_known_of_a_problem_is_known_of_all_its_rows() -> None:
    refused = robust("exact", 2) | {"proof": "2.proof", "checked": 0}
    proved = robust("exact", 3) | {"proof": "3.proof", "checked": 1}
    frame = frame_of(
        *(row("fgsm", 0), flipped("milp", 0) | {"proof": "0.proof", "checked": 1}),
        *(row("fgsm", 1), robust("exact", 1), row("fgsm", 2), refused, row("fgsm", 3), proved),
    )
    found = frame.filter(pl.col("method") == "fgsm").sort("image_index")
    assert found["can_flip"].to_list() == [True, False, False, False]
    assert found["is_robust"].to_list() == [False, True, True, True]
    assert found["has_proof"].to_list() == [False, False, True, True]
    assert found["is_checked"].to_list() == [False, False, False, True]


def test_the_optimum_is_what_the_exact_method_proved() -> None:
    frame = frame_of(
        row("fgsm", 0),
        row("exact", 0, stop="optimal", objective=-2.0),
        row("milp", 1, stop="optimal", objective=4.0),  # a solver's word is no proof
        row("exact", 1, stop="time_limit", objective=3.0),
    )
    assert only(frame.filter(pl.col("image_index") == 0), "optimum") == (-0.1,)
    assert only(frame.filter(pl.col("image_index") == 1), "optimum") == (None,)


@pytest.mark.parametrize(
    ("series", "warm", "step", "neurons", "goal"),
    [
        ("fgsm", False, None, None, None),
        ("milp", False, None, None, "optimise"),
        ("exact-decide", False, None, None, "decide"),
        ("iprop", False, "AdaptiveStep", None, None),
        ("iprop-step-5", False, "ConstantStep", 5, None),
        ("iprop-warm", True, "AdaptiveStep", None, None),
    ],
)
def test_settings_become_columns(
    series: str, warm: bool, step: str | None, neurons: int | None, goal: str | None
) -> None:
    found = only(frame_of(row(series)), "warm", "step", "step_neurons", "goal")
    assert found == (warm, step, neurons, goal)


def test_seeds_are_no_part_of_the_configuration() -> None:
    def settings(seed: int, neurons: int) -> str:
        then = IProp(seed=seed, step=ConstantStep(neurons=neurons))
        return json.dumps(describe(WarmStarted(first=Fgsm(seed=seed), seconds=1.0, then=then)))

    frame = frame_of(
        *(
            row("s", image, method="iprop", settings=settings(seed, neurons))
            for image, (seed, neurons) in enumerate([(0, 2), (1, 2), (0, 3)])
        )
    )
    first, second, other = frame.sort("image_index")["configuration"]
    assert first == second != other
    assert "seed" not in first


def test_a_store_and_its_frame(tmp_path: Path) -> None:
    settings = describe(IProp())
    rows = [
        result_row("b", series="iprop", method="iprop", settings=settings, verdict=Verdict.FLIPPED),
        result_row("a", series="fgsm", method="fgsm", settings=describe(Fgsm()), image_index=4),
    ]
    with Store.open(tmp_path / "r.db", create=True) as store:
        for each in rows:
            store.add(each)
        store.connection.execute("UPDATE results SET stop = upper(stop)")  # as 0.1.0 kept it
        frame = read_frame(store)
        traces = dict(read_traces(store, {"b"}))
    assert frame["key"].to_list() == ["a", "b"]  # fgsm is shown before iprop
    for each in rows:
        _same(frame.row(by_predicate=pl.col("key") == each.key, named=True), each)
    assert traces == {"b": [list(point) for point in rows[0].trace]}


def _same(found: dict[str, object], wanted: Record) -> None:
    for name in ("problem", "image_index", "target", "epsilon", "time_limit", "seed", "seconds"):
        assert found[name] == getattr(wanted, name)
    for name in ("method", "series", "stop", "objective", "clean_objective", "host", "finished"):
        assert found[name] == getattr(wanted, name)
    assert (found["network_key"], found["network_name"]) == (wanted.network, wanted.network_name)
    assert found["verdict"] == wanted.verdict.value
    assert json.loads(str(found["settings"])) == wanted.settings


def test_an_empty_store_gives_an_empty_frame(tmp_path: Path) -> None:
    with Store.open(tmp_path / "r.db", create=True) as store:
        frame = read_frame(store)
    assert frame.is_empty()
    assert {"line", "data", "network", "optimum"} <= set(frame.columns)


@pytest.mark.parametrize("column", ["settings", "trace"])
def test_a_damaged_row_is_a_clear_error(tmp_path: Path, column: str) -> None:
    with Store.open(tmp_path / "r.db", create=True) as store:
        store.add(result_row("k"))
        store.connection.execute(f"UPDATE results SET {column} = '{{'")
        with pytest.raises(StoreError, match=f"damaged: {column} '{{' is no JSON"):
            _ = list(read_traces(store, {"k"})) if column == "trace" else read_frame(store)
