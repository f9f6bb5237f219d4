import json
import multiprocessing
import sqlite3
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from signflip.errors import StoreError
from signflip.many import schema
from signflip.many.columns import pack
from signflip.many.record import Record
from signflip.many.store import Store
from signflip.many.task import image_key
from signflip.network import Floats
from signflip.problem import Ties
from signflip.result import Verdict
from tests.support.strategies import networks
from tests.support.sweeps import NETWORK, failed_row, result_row

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
PIXELS = arrays(np.float64, st.integers(1, 6), elements=st.floats(0, 1))
ROWS = st.builds(
    result_row,
    TEXTS,
    network_name=TEXTS,
    target=st.none() | st.integers(0, 9),
    epsilon=FINITE,
    settings=st.dictionaries(TEXTS, TEXTS | FINITE | st.booleans() | st.none(), max_size=3),
    verdict=st.sampled_from(Verdict),
    ties=st.sampled_from(Ties),
    tolerance=st.none() | FINITE,
    closed=st.none() | st.booleans(),
    failure=st.none() | TEXTS,
    objective=FINITE,
    bound=st.none() | FINITE,
    trace=st.lists(st.tuples(FINITE, FINITE), max_size=3).map(tuple),
    witness=st.none() | PIXELS,
    versions=st.dictionaries(TEXTS, TEXTS, max_size=2),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.db"


def read(store: Store, key: str) -> dict[str, Any]:
    """A row, as it stands in the file, with JSON parsed."""
    cursor = store.connection.execute("SELECT * FROM results WHERE key = ?", (key,))
    names = [column[0] for column in cursor.description]
    row = dict(zip(names, cursor.fetchone(), strict=True))
    return {
        name: json.loads(value) if name in ("settings", "trace", "versions") else value
        for name, value in row.items()
    }


def same(one: Floats | None, other: Floats | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and np.array_equal(one, other)


@given(row=ROWS)
def test_a_row_comes_back(tmp_path_factory: pytest.TempPathFactory, row: Record) -> None:
    path = tmp_path_factory.mktemp("store") / "results.db"
    with Store.open(path, create=True) as store:
        store.add(row)
    with Store.open(path) as store:
        found = read(store, row.key)
        assert same(store.witness(row.key), row.witness)
        (record,) = store.records()
    found.pop("witness")
    assert list(found) == [name for name in vars(row) if name != "witness"]
    words = {"verdict": row.verdict.value, "ties": row.ties.value}
    expected = {**vars(row), **words, "trace": list(map(list, row.trace))}
    expected.pop("witness")
    assert found == expected
    assert {**vars(record), "witness": None} == {**vars(row), "witness": None}
    assert same(record.witness, row.witness)


@given(network=networks(), pixels=PIXELS)
def test_networks_and_images_come_back(
    tmp_path_factory: pytest.TempPathFactory, network: Any, pixels: Floats
) -> None:
    with Store.open(tmp_path_factory.mktemp("store") / "r.db", create=True) as store:
        key = store.add_network("net", network)
        assert key == store.add_network("again", network) == network.digest
        assert store.network(key).digest == key
        image = store.add_image(pixels)
        assert image == store.add_image(pixels) == image_key(pixels)
        assert same(store.pixels(image), pixels)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (result_row(objective=1.0), result_row(objective=2.0), 1.0),
        (result_row(objective=1.0), failed_row(objective=2.0), 1.0),
        (failed_row(objective=1.0), result_row(objective=2.0), 2.0),
        (failed_row(objective=1.0), failed_row(objective=2.0), 2.0),
    ],
    ids=["finished twice", "then failed", "failed first", "failed twice"],
)
def test_a_finished_row_stays(tmp_path: Path, first: Record, second: Record, kept: float) -> None:
    with Store.open(tmp_path / "one.db", create=True) as store:
        store.add(first)
        store.add(second)
        assert read(store, "k")["objective"] == kept
    with (
        Store.open(tmp_path / "a.db", create=True) as store,
        Store.open(tmp_path / "b.db", create=True) as other,
    ):
        store.add(first)
        other.add(second)
        assert store.merge(tmp_path / "b.db") == 0
        assert read(store, "k")["objective"] == kept


def test_keys_of_rows_that_failed_are_told_apart(path: Path) -> None:
    with Store.open(path, create=True) as store:
        store.add(result_row("good"))
        store.add(failed_row("bad"))
        assert store.keys() == {"good", "bad"}
        assert store.keys(failed=False) == {"good"}


def test_merging_takes_rows_networks_and_images(tmp_path: Path) -> None:
    pixels = np.linspace(0, 1, 5)
    with Store.open(tmp_path / "b.db", create=True) as other:
        network, image = other.add_network("tiny", NETWORK), other.add_image(pixels)
        for key in ("1", "2"):
            other.add(result_row(key))
    with Store.open(tmp_path / "a.db", create=True) as store:
        store.add(result_row("2"))
        store.add(result_row("3"))
        assert store.merge(tmp_path / "b.db") == 1
        assert store.keys() == {"1", "2", "3"}
        assert same(store.pixels(image), pixels)
        assert store.network(network).digest == network
        assert same(store.witness("1"), result_row().witness)
        assert store.merge(tmp_path / "b.db") == 0


def test_a_name_of_a_file_that_is_no_text_is_kept_as_it_is_printed(path: Path) -> None:
    name = b"n\xe9.npz".decode("utf-8", "surrogateescape")
    with Store.open(path, create=True) as store:
        store.add(result_row("a", images_name=name))
        (row,) = store.records()
        assert row.images_name == "n\\udce9.npz"


def test_why_a_method_stopped_is_read_in_small_letters(path: Path) -> None:
    """As `--out` has it; Signflip 0.1.0 kept capitals."""
    with Store.open(path, create=True) as store:
        store.add(result_row("a", stop="time_limit"))
        store.connection.execute("UPDATE results SET stop = 'TIME_LIMIT'")
        store.add(result_row("b", stop="optimal"))
        assert [row.stop for row in store.records()] == ["time_limit", "optimal"]


def test_a_store_is_not_merged_into_itself(path: Path) -> None:
    with Store.open(path, create=True) as store, pytest.raises(StoreError, match="into itself"):
        store.merge(path.parent / "." / path.name)


def test_a_store_with_a_writer_that_is_open_can_be_read(path: Path) -> None:
    with Store.open(path, create=True) as store:
        store.add(result_row())
        with store.transaction():
            store.add(result_row("later"))
            with Store.open(path) as reader:
                assert reader.keys() == {"k"}
        assert store.keys() == {"k", "later"}


def test_what_is_added_in_a_transaction_that_fails_is_gone(path: Path) -> None:
    with Store.open(path, create=True) as store:
        with suppress(ZeroDivisionError), store.transaction():
            store.add(result_row())
            1 / 0  # noqa: B018
        assert store.keys() == set()


def add_rows(path: Path, name: str) -> None:
    with Store.open(path, create=True) as store:
        for number in range(100):
            store.add(result_row(f"{name}{number}"))
            store.add(result_row(f"both{number}"))


def test_two_writers_lose_no_row(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=add_rows, args=(path, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    with Store.open(path) as store:
        assert len(store.keys()) == 300


@pytest.mark.parametrize("what", ["network", "image", "row"])
def test_what_is_not_there(path: Path, what: str) -> None:
    with Store.open(path, create=True) as store:
        look = {"network": store.network, "image": store.pixels, "row": store.witness}[what]
        with pytest.raises(StoreError, match=rf"results.db has no {what} of the key 'x'"):
            look("x")


def test_no_file(path: Path) -> None:
    with pytest.raises(StoreError, match=r"results\.db is no file"):
        Store.open(path)
    assert not path.exists()


def text_file(path: Path) -> None:
    path.write_text("hello" * 1000)


def cut_store(path: Path) -> None:
    with Store.open(path, create=True) as store:
        for number in range(50):
            store.add(result_row(str(number)))
    path.write_bytes(path.read_bytes()[:-6000])


def other_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE results (key TEXT)")
    connection.close()


def newer_store(path: Path) -> None:
    with Store.open(path, create=True) as store:
        store.connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")


def read_all(path: Path, *, create: bool) -> None:
    with Store.open(path, create=create) as store:
        for key in store.keys():  # noqa: SIM118 - no dict
            store.witness(key)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (text_file, r"is no store of Signflip, or is damaged \(.*\); name another file"),
        (cut_store, "is no store of Signflip, or is damaged"),
        (other_database, "is no store of Signflip; name another file"),
        (Path.touch, "is no store of Signflip; name another file"),
        (Path.mkdir, "is no file|cannot be used"),
        (newer_store, f"is a store of version {schema.VERSION + 1}; this Signflip reads up to"),
    ],
)
@pytest.mark.parametrize("create", [False, True])
def test_bad_files(path: Path, make: Any, message: str, create: bool) -> None:
    make(path)
    before = path.read_bytes() if path.is_file() else None
    if make is Path.touch and create:
        with Store.open(path, create=True) as store:  # nothing was in it to be lost
            assert store.keys() == set()
        return
    with pytest.raises(StoreError, match=message):
        read_all(path, create=create)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_store_whose_making_was_interrupted_is_made(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")  # as far as it had come
    connection.close()
    with Store.open(path, create=True) as store:
        store.add(result_row())
        assert store.keys() == {"k"}


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be used"):
        Store.open(tmp_path / "no" / "results.db", create=True)


@pytest.mark.parametrize("damage", [b"no zlib", pack(np.zeros(3))[:-2], zlib.compress(b"odd")])
def test_a_damaged_witness_is_an_error_of_the_store(path: Path, damage: bytes) -> None:
    with Store.open(path, create=True) as store:
        store.add(result_row())
        store.connection.execute("UPDATE results SET witness = ?", (damage,))
        with pytest.raises(StoreError, match="is damaged"):
            store.witness("k")


def test_a_name_that_means_more_to_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (":memory:", "a?mode=memory", "ü #%41.db"):
        with Store.open(name, create=True) as store:
            store.add(result_row("a"))
        assert (tmp_path / name).is_file()
        with Store.open(name) as store:
            assert store.keys() == {"a"}
    with Store.open("all.db", create=True) as store:
        assert store.merge(":memory:") == 1


def close_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be written any more: modes of files would not keep root from it."""
    monkeypatch.setattr("signflip.many.store._may_write", lambda _: False)


def test_a_store_that_may_not_be_written_is_read_as_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(path, create=True) as store:
        store.add(result_row("a"))
    close_all(monkeypatch)
    with Store.open(path) as store:
        assert store.keys() == {"a"}
        assert [file.name for file in path.parent.iterdir()] == [path.name]
    with Store.open(path.with_name("all.db"), create=True) as into:
        assert into.merge(path) == 1


def test_rows_beside_a_store_that_may_not_be_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(path, create=True) as store:
        store.add(result_row("a"))
        close_all(monkeypatch)
        with pytest.raises(StoreError, match="has rows that are not in it yet; copy both"):
            Store.open(path)


def test_a_damaged_network_is_an_error_of_the_store(path: Path) -> None:
    with Store.open(path, create=True) as store:
        key = store.add_network("net", NETWORK)
        store.connection.execute("UPDATE networks SET file = ?", (b"no zlib",))
        with pytest.raises(StoreError, match="is damaged"):
            store.network(key)
