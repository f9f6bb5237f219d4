import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from signflip.attack import Method
from signflip.errors import SettingError, StoreError
from signflip.many.store import Store
from signflip.many.sweep import run_sweep
from signflip.many.task import Series
from signflip.methods import Exact, Fgsm, IProp, Milp
from signflip.methods.search_goal import SearchGoal
from signflip.methods.step_size import ConstantStep
from signflip.methods.warm_start import WarmStarted
from signflip.report.export import export
from signflip.report.figures import FIGURES
from signflip.report.report import STEPS, Report, check_folder, write_report
from tests.support.fake_methods import GivesUp
from tests.support.sweeps import HereExecutor, tiny_plan

# what the file makes once serves all of its tests
pytestmark = pytest.mark.xdist_group("report")

METHODS: dict[str, tuple[str, Method]] = {
    "fgsm": ("fgsm", Fgsm()),
    "milp": ("milp", Milp()),
    "iprop": ("iprop", IProp()),
    "exact": ("exact", Exact(goal=SearchGoal.OPTIMISE)),
    "iprop-step-1": ("iprop", IProp(step=ConstantStep(neurons=1))),
    "iprop-warm": ("iprop", WarmStarted(first=Fgsm(), seconds=1.0, then=IProp())),
}


def fill(path: Path, *names: str, **extra: Method) -> Path:
    """A store of real attacks on the tiny network."""
    chosen = {**{name: METHODS[name] for name in names}, **{n: (n, m) for n, m in extra.items()}}
    plan = tiny_plan(
        *(
            # IProp begins again until its time is out; the others end by themselves
            Series(
                name=name,
                kind=kind,
                method=method,
                seed=0,
                time_limit=0.2 if kind == "iprop" else 5.0,
            )
            for name, (kind, method) in chosen.items()
        ),
        images=2,
        epsilons=(0.05, 0.3),
    )
    with Store.open(path, create=True) as store:
        list(run_sweep(plan, plan.tasks(), store, HereExecutor()))
    return path


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that fills every figure."""
    return fill(tmp_path_factory.mktemp("store") / "results.db", *METHODS)


@pytest.fixture(scope="module")
def folder(full: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the full store."""
    folder = tmp_path_factory.mktemp("report")
    report(full, folder)
    return folder


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def report(path: Path, folder: Path, **options: str) -> Report:
    with Store.open(path) as store:
        return write_report(store, folder, **options)  # type: ignore[arg-type]


def test_every_file_of_a_full_store(full: Path, tmp_path: Path) -> None:
    steps: list[str] = []
    with Store.open(full) as store:
        written = write_report(store, tmp_path / "a" / "b", on_step=steps.append)
    folder = tmp_path / "a" / "b"
    assert written.page == folder / "index.html"
    assert (written.missing, written.remarks) == ({}, [])
    assert len(steps) == STEPS
    for number in FIGURES:
        ElementTree.fromstring((folder / f"figure-{number}.svg").read_bytes())
        assert (folder / f"figure-{number}.png").read_bytes().startswith(b"\x89PNG")
        assert read_csv(folder / "tables" / f"figure-{number}.csv")
    page = written.page.read_text()
    for number in FIGURES:
        assert f"Figure {number}." in page
    assert "Attacks and proofs of results.db" in page


def test_the_tables_agree_with_the_store(full: Path, folder: Path) -> None:
    with Store.open(full) as store:
        counted = {
            (series, epsilon): (n, flipped, robust)
            for series, epsilon, n, flipped, robust in store.connection.execute(
                "SELECT series, epsilon, count(*), sum(verdict = 'flipped'), "
                "sum(verdict = 'robust') FROM results GROUP BY series, epsilon"
            )
        }
    rows = read_csv(folder / "tables" / "results.csv")
    assert {
        (row["line"], float(row["epsilon"])): (
            int(row["n"]),
            int(row["flipped"]),
            int(row["robust"]),
        )
        for row in rows
    } == counted
    # of so small a network, the exact method knows all
    exact = {row["epsilon"]: row for row in rows if row["line"] == "exact"}
    summary = read_csv(folder / "tables" / "summary.csv")
    for row in summary:
        assert float(row["exact"]) == float(row["can_flip"]) == 1 - float(row["robust"])
        assert float(row["iprop"]) <= float(row["exact"])
        assert int(exact[row["epsilon"]]["unknown"]) == 0
    assert sum(float(row["can_flip"]) for row in summary) > 0
    assert (folder / "tables" / "summary.md").read_text().count("\n") == 2 + len(summary)


def test_the_same_store_gives_the_same_files(full: Path, folder: Path, tmp_path: Path) -> None:
    report(full, tmp_path)
    one, two = (
        {path.name: path.read_bytes() for path in each.rglob("*.*") if path.suffix != ".html"}
        for each in (folder, tmp_path)
    )
    assert len(one) == 3 * 6 + 4 + 1
    assert one == two


def test_what_is_missing_is_said_and_drawn_in_words(tmp_path: Path) -> None:
    path = fill(tmp_path / "r.db", "fgsm")
    written = report(path, tmp_path / "out")
    assert set(written.missing) == {5, 6}
    assert "two step sizes" in written.missing[5]
    assert written.missing[5] in written.page.read_text()
    assert (tmp_path / "out" / "figure-5.png").exists()
    assert not (tmp_path / "out" / "tables" / "figure-5.csv").exists()


def test_names_with_control_characters_and_markup(tmp_path: Path) -> None:
    name = "<b>|&$x_1$\n\x01"
    path = fill(tmp_path / "results.db", "exact", **{name: Fgsm()})
    with Store.open(path) as store, store.transaction():
        store.connection.execute(
            "UPDATE results SET network_name = ?, images_name = ?", (name,) * 2
        )
    written = report(path, tmp_path / "report", title="no \udcff text", note="\udcff")
    assert "no ? text" in written.page.read_text(encoding="utf-8")
    for number in FIGURES:
        ElementTree.parse(tmp_path / "report" / f"figure-{number}.svg")
    assert len((tmp_path / "report" / "tables" / "summary.md").read_text().splitlines()) == 4


def test_failed_runs_are_counted_and_remarked(tmp_path: Path) -> None:
    path = fill(tmp_path / "r.db", "fgsm", milp=GivesUp())
    written = report(path, tmp_path / "out")
    assert written.remarks == ["4 runs failed, of 8; they count as unknown."]
    assert written.remarks[0] in written.page.read_text()
    rows = read_csv(tmp_path / "out" / "tables" / "results.csv")
    assert [int(row["failed"]) for row in rows if row["line"] == "milp"] == [2, 2]


def test_a_report_replaces_an_earlier_one(full: Path, tmp_path: Path) -> None:
    report(full, tmp_path / "out")
    assert (tmp_path / "out" / "tables" / "figure-6.csv").exists()
    (tmp_path / "out" / "mine.txt").write_text("kept")
    path = fill(tmp_path / "r.db", "fgsm")
    written = report(path, tmp_path / "out", title="A & B", note="Made in 3 s.")
    assert "A &amp; B" in written.page.read_text()
    assert "Made in 3 s. Results of " in written.page.read_text()
    assert not (tmp_path / "out" / "tables" / "figure-6.csv").exists()
    assert (tmp_path / "out" / "mine.txt").read_text() == "kept"


@pytest.mark.parametrize("name", ["index.html", "figure-3.svg", "tables"])
def test_files_of_others_are_not_replaced(full: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(SettingError, match=f"holds {name}, which is of no report"):
        report(full, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_with_other_files_will_do(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    check_folder(tmp_path)
    check_folder(tmp_path / "new")


def test_a_file_is_no_folder(full: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(SettingError, match="is a file; name a folder"):
        report(full, tmp_path / "out")


def test_an_empty_store_is_a_clear_error(tmp_path: Path) -> None:
    Store.open(tmp_path / "r.db", create=True).connection.close()
    with pytest.raises(StoreError, match="holds no results yet"):
        report(tmp_path / "r.db", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_store_is_a_clear_error(full: Path, tmp_path: Path) -> None:
    copy = tmp_path / "r.db"
    with Store.open(full) as store:
        store.connection.execute("VACUUM INTO ?", (str(copy),))
    with Store.open(copy) as store:
        store.connection.execute("UPDATE results SET settings = 'no'")
    with pytest.raises(StoreError, match="settings 'no' is no JSON"):
        report(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("objective", "'abc'"),
        ("label", "'x'"),
        ("label", "1e30"),
        ("host", "x'ff'"),
        ("settings", "'[]'"),
        ("trace", "'[[1]]'"),
        ("trace", "'{}'"),
    ],
)
def test_a_row_with_a_value_of_another_type_is_a_clear_error(
    full: Path, tmp_path: Path, column: str, value: str
) -> None:
    path = tmp_path / "damaged.db"
    with Store.open(path, create=True) as store:
        store.merge(full)
        store.connection.execute(f"UPDATE results SET {column} = {value}")
    with pytest.raises(StoreError, match=f"the store is damaged: .*{column}"):
        report(path, tmp_path / "out")
    if column not in ("settings", "trace"):
        with Store.open(path) as store, pytest.raises(StoreError, match=f"a row's {column} is"):
            export(store, tmp_path / "out.csv")


def test_settings_are_told_in_full(folder: Path) -> None:
    rows = read_csv(folder / "tables" / "series.csv")
    settings = {row["line"]: json.loads(row["configuration"]) for row in rows}
    assert settings["iprop-warm"]["then"]["step"]["kind"] == "AdaptiveStep"
    assert settings["iprop-step-1"]["step"]["neurons"] == 1
