import re
from pathlib import Path

import polars as pl
import pytest

from signflip.many.store import Store
from tests.cli.conftest import IMAGES, Invoke
from tests.support.sweeps import failed_row, result_row

CHECKED = re.compile(r"of these with a proof that was checked</dt><dd>([^<]*)")
GRID = """
title = "All [of] it"
time_limit = 5
[methods.fgsm]
iterations = 5
[methods.exact]
goal = "optimise"
[[problems]]
networks = ["net.safetensors"]
images = "images.npz"
epsilons = [0.05, 0.3]
"""
ATTACKS = 2 * 2 * IMAGES
SWEEP = ("sweep", "grid.toml", "--store", "results.db")


@pytest.fixture(autouse=True)
def grid(folder: Path) -> Path:
    path = folder / "grid.toml"
    path.write_text(GRID)
    return path


def lines_of(text: str) -> dict[str, list[str]]:
    """First word of a line -> the others."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


def test_a_sweep_and_what_it_prints(invoke: Invoke) -> None:
    result = invoke(*SWEEP, "--workers", 2)
    assert result.exit_code == 0, result.output
    assert f"{ATTACKS} attacks: 0 are in the store, {ATTACKS} are to be run" in result.stderr
    table = lines_of(result.stdout)
    assert table["series"] == [
        "problems",
        "flipped",
        "robust",
        "unknown",
        "failed",
        "mean",
        "seconds",
    ]
    assert list(table)[1:] == ["fgsm", "exact"]
    with Store.open("results.db") as store:
        query = "SELECT count(*) FROM results WHERE series = 'exact' AND verdict = ?"
        counts = [
            store.connection.execute(query, (verdict,)).fetchone()[0]
            for verdict in ("flipped", "robust", "unknown")
        ]
    assert sum(counts) == 2 * IMAGES
    assert table["exact"][:5] == [str(2 * IMAGES), *map(str, counts), "0"]


def test_a_sweep_with_proofs(
    folder: Path, invoke: Invoke, grid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = GRID.replace("[0.05, 0.3]", "[0.05]").replace(
        "[[problems]]", "[methods.auto]\n[[problems]]"
    )
    grid.write_text(f"proofs = true\n{both}")
    result = invoke(*SWEEP)
    assert result.exit_code == 0, result.output
    proofs = {path.name for path in (folder / "results.db.proofs").iterdir()}
    assert len(proofs) == 2 * IMAGES
    with Store.open("results.db") as store:
        rows = store.connection.execute("SELECT method, proof FROM results").fetchall()
    assert {proof for method, proof in rows if method != "fgsm"} == proofs
    assert {proof for method, proof in rows if method == "fgsm"} == {None}
    result = invoke("check", "results.db.proofs", "net.safetensors", "images.npz")
    assert result.exit_code == 0, result.output
    assert invoke("report", "results.db", "--out", "report").exit_code == 0
    page = (folder / "report" / "index.html").read_text()
    assert "of these with a proof file" in page
    assert [text.split()[0] for text in CHECKED.findall(page)] == ["0"]

    result = invoke("check", "results.db")
    assert result.exit_code == 0, result.output
    assert f"{2 * IMAGES} of {2 * IMAGES} are proofs" in result.output
    assert invoke("report", "results.db", "--out", "report").exit_code == 0
    page = (folder / "report" / "index.html").read_text()
    with Store.open("results.db") as store:
        query = "SELECT count(DISTINCT problem) FROM results WHERE verdict = 'robust'"
        (robust,) = store.connection.execute(query).fetchone()
    assert [text.split()[0] for text in CHECKED.findall(page)] == [str(robust)]

    with monkeypatch.context() as closed:
        closed.setattr("signflip.many.store._may_write", lambda _: False)
        result = invoke("check", "results.db")  # there is nothing new to be kept
        assert (result.exit_code, "may not be written" in result.stderr) == (0, False)
        next((folder / "results.db.proofs").iterdir()).unlink()
        result = invoke("check", "results.db")
        assert result.exit_code == 1
        assert "results.db may not be written, and does not keep what is new of 1" in result.stderr
    result = invoke("check", "results.db")
    assert result.exit_code == 1
    assert "no proof: file: " in result.output
    assert f"{2 * IMAGES - 1} of {2 * IMAGES} are proofs" in result.output

    result = invoke("check", "results.db", "net.safetensors")
    assert result.exit_code == 2
    assert "results.db needs NETWORK and IMAGES beside it" in result.output
    result = invoke(*SWEEP, "--scheduler", "tcp://127.0.0.1:1")
    assert result.exit_code == 2
    assert "proofs, which are files of the machine" in result.output


def test_a_second_call_runs_nothing(invoke: Invoke) -> None:
    first = invoke(*SWEEP)
    again = invoke(*SWEEP)
    assert again.exit_code == 0
    assert f"{ATTACKS} are in the store, 0 are to be run" in again.stderr
    assert again.stdout == first.stdout


def test_a_dry_run_counts_and_leaves_no_file(invoke: Invoke, folder: Path) -> None:
    result = invoke(*SWEEP, "--dry-run")
    assert result.exit_code == 0, result.output
    table = lines_of(result.stdout)
    each = [str(2 * IMAGES)] * 2
    assert table["fgsm"] == table["exact"] == [*each, f"0:0{2 * IMAGES * 5 // 60}:20"]
    assert table["all"][:2] == [str(ATTACKS)] * 2
    assert not (folder / "results.db").exists()
    assert invoke(*SWEEP).exit_code == 0
    rest = lines_of(invoke(*SWEEP, "--dry-run").stdout)
    assert rest["all"] == [str(ATTACKS), "0", "0:00:00"]


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("86400", f"{2 * IMAGES * 24}:00:00"),
        ("1e9", f"{round(2 * IMAGES * 1e9 / (365.25 * 86400))} years"),
        ("1e300", "over 1,000,000 years"),
        ("1e308", "over 1,000,000 years"),  # the sum is beyond the floats
    ],
)
def test_a_dry_run_says_long_times_in_years(
    invoke: Invoke, grid: Path, limit: str, said: str
) -> None:
    grid.write_text(GRID.replace("time_limit = 5", f"time_limit = {limit}"))
    result = invoke(*SWEEP, "--dry-run")
    assert result.exit_code == 0, result.output
    assert " ".join(lines_of(result.stdout)["fgsm"][2:]) == said


def test_a_dry_run_says_that_a_store_cannot_be_made(invoke: Invoke, folder: Path) -> None:
    command = [str(Path("none") / each) if each.endswith(".db") else each for each in SWEEP]
    result = invoke(*command, "--dry-run")
    assert result.exit_code == 2
    assert "none is no folder; make it first" in result.stderr
    assert not (folder / "none").exists()


def test_shards_come_together_to_the_whole(invoke: Invoke) -> None:
    stores = []
    for part in (1, 2, 3):
        stores.append(f"part-{part}.db")
        sharded = ("sweep", "grid.toml", "--store", stores[-1], "--shard", f"{part}/3")
        rest = lines_of(invoke(*sharded, "--dry-run").stdout)
        assert 0 < int(rest["all"][0]) < ATTACKS
        result = invoke(*sharded)
        assert result.exit_code == 0, result.output
        assert f"{rest['all'][0]} attacks: 0 are in the store" in result.stderr
    assert invoke("merge", "results.db", *stores).exit_code == 0
    whole = invoke(*SWEEP)
    assert f"{ATTACKS} attacks: {ATTACKS} are in the store, 0 are to be run" in whole.stderr


def test_skipped_images_are_counted(invoke: Invoke, grid: Path) -> None:
    grid.write_text(GRID + "target = 0\n")
    result = invoke(*SWEEP)
    assert result.exit_code == 0, result.output
    skipped = int(result.stderr.partition("target already: ")[2].split()[0])
    assert 0 < skipped < IMAGES
    with Store.open("results.db") as store:
        assert len(store.keys()) == ATTACKS - 4 * skipped


def test_failed_attacks_are_told_and_run_again_if_it_is_wanted(invoke: Invoke) -> None:
    assert invoke(*SWEEP).exit_code == 0
    with Store.open("results.db") as store:
        (key,) = store.connection.execute("SELECT key FROM results").fetchone()
        store.connection.execute("UPDATE results SET failure = 'x' WHERE key = ?", (key,))
    assert "0 are to be run" in invoke(*SWEEP).stderr
    result = invoke(*SWEEP, "--retry-failed")
    assert result.exit_code == 0, result.output
    assert f"{ATTACKS - 1} are in the store, 1 are to be run" in result.stderr
    with Store.open("results.db") as store:
        assert key in store.keys(failed=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sweep", "no.toml", "--store", "r.db"), "no.toml cannot be read"),
        (("sweep", "grid.toml"), "Missing option '--store'"),
        ((*SWEEP, "--workers", 0), "the number of workers is 0; it must be at least 1"),
        ((*SWEEP, "--workers", 2, "--scheduler", "tcp://h:1"), "leave --workers out"),
        (("sweep", "grid.toml", "--store", "grid.toml"), "grid.toml is no store of Signflip"),
        ((*SWEEP, "--shard", "4/3"), "the shard is 4/3; K must be from 1 to N in K/N"),
        (("sweep", "grid.toml", "--store", "no/r.db"), "no/r.db cannot be used"),
        (("merge", "into.db"), "Missing argument 'FROM...'"),
        (("merge", "into.db", "no.db"), "no.db is no file"),
        (("merge", "into.db", "grid.toml"), "grid.toml is no store of Signflip"),
        (("export", "no.db", "--out", "r.csv"), "no.db is no file"),
        (("export", "no.db", "--out", "r.xls"), "r.xls is no name of a table"),
        (("export", "no.db", "--out", "r.csv", "--witnesses"), "r.csv cannot hold witnesses"),
        (("export", "no.db", "--out", "no/r.csv"), "no is no folder"),
    ],
)
def test_bad_commands(invoke: Invoke, arguments: tuple[object, ...], message: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not Path("into.db").exists()


def test_merge(invoke: Invoke) -> None:
    for name, rows in {
        "a.db": [result_row("1"), failed_row("2")],
        "b.db": [result_row("2"), result_row("3")],
    }.items():
        with Store.open(name, create=True) as store:
            for row in rows:
                store.add(row)
    result = invoke("merge", "into.db", "a.db", "b.db")
    assert result.exit_code == 0, result.output
    assert result.stdout == "a.db: 2 new results\nb.db: 1 new results\n"
    with Store.open("into.db") as store:
        assert store.keys(failed=False) == {"1", "2", "3"}


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_export(invoke: Invoke, name: str) -> None:
    rows = {key: result_row(key, objective=objective) for key, objective in (("b", 1.0), ("a", 2))}
    rows["c"] = failed_row("c", bound=None, target=None)
    with Store.open("results.db", create=True) as store:
        for row in rows.values():
            store.add(row)
        store.connection.execute("UPDATE results SET stop = upper(stop) WHERE key = 'a'")
    options = ("--witnesses",) if name.endswith("parquet") else ()
    result = invoke("export", "results.db", "--out", name, *options)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{name}: 3 results\n"
    frame = pl.read_csv(name) if name.endswith("csv") else pl.read_parquet(name)
    columns = [column for column in vars(result_row()) if column != "witness"]
    assert frame.columns == columns + (["witness"] if options else [])
    assert frame["key"].to_list() == ["a", "b", "c"]
    assert frame["objective"].to_list() == [2.0, 1.0, -2.0]
    assert frame["failure"].to_list() == [None, None, "it died"]
    assert frame["stop"].to_list() == ["time_limit", "time_limit", "failed"]
    assert frame["target"].to_list() == [1, 1, None]
    assert frame["settings"].to_list() == ['{"kind":"Exact"}'] * 3
    if options:
        witness = rows["a"].witness
        assert witness is not None
        assert frame["witness"].to_list() == [witness.tolist(), witness.tolist(), None]
    again = invoke("export", "results.db", "--out", name)
    assert again.exit_code == 2
    assert f"{name} exists already; give --overwrite" in again.stderr
    assert invoke("export", "results.db", "--out", name, "--overwrite").exit_code == 0


def test_export_of_a_store_without_results(invoke: Invoke) -> None:
    Store.open("empty.db", create=True).connection.close()
    for name in ("empty.csv", "empty.parquet"):
        options = ("--witnesses",) if name.endswith("parquet") else ()
        assert invoke("export", "empty.db", "--out", name, *options).exit_code == 0
    assert len(pl.read_parquet("empty.parquet")) == 0


def test_an_empty_file_is_made_a_store(folder: Path, invoke: Invoke) -> None:
    (folder / "results.db").touch()
    assert invoke(*SWEEP, "--dry-run").exit_code == 0
    assert invoke(*SWEEP).exit_code == 0


@pytest.mark.parametrize(
    "address", ["", "foo", "http://127.0.0.1:8786", "tcp://127.0.0.1", "tcp://127.0.0.1:99999"]
)
def test_an_address_of_another_form(folder: Path, invoke: Invoke, address: str) -> None:
    result = invoke(*SWEEP, "--scheduler", address)
    assert result.exit_code == 2
    assert f"the scheduler's address is {address!r}; it must be such as" in result.stderr
    assert not (folder / "results.db").exists()
