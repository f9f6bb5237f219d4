"""The store of a sweep: one SQLite file, a row for each problem and method, kept as it comes."""

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from signflip.arrays import Floats
from signflip.errors import StoreError
from signflip.files import is_file
from signflip.formats.native import network_from_bytes, network_to_bytes
from signflip.many.columns import COLUMNS, as_printed, pack, selection, unpack
from signflip.many.record import Record
from signflip.many.schema import check_or_make, store_errors, writing
from signflip.many.task import image_key
from signflip.network import BinaryNetwork
from signflip.result import Verdict

NO_PROOF = "No proof was written"
"""In the remark of an answer: it was to be proved, and why it has no proof."""
_PATIENCE = 60.0  # seconds that a writer waits for another one
_NAMES = ", ".join(COLUMNS)

# a finished row beats a failed one, whichever came first; of two finished ones the first stays
_UNLESS_FINISHED = (
    "ON CONFLICT (key) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name != "key")
    + " WHERE results.failure IS NOT NULL"
)
_ADD = (
    f"INSERT INTO results ({_NAMES}) VALUES ({', '.join(f':{name}' for name in COLUMNS)}) "
    f"{_UNLESS_FINISHED}"
)
# one that was run again for its proof takes the place of what it proves
_ADD_ANEW = f"{_ADD} OR (excluded.failure IS NULL AND excluded.verdict = results.verdict)"
# "WHERE true" keeps SQLite from reading ON CONFLICT as part of a join
_MERGE = (
    "INSERT OR IGNORE INTO networks SELECT * FROM other.networks",
    "INSERT OR IGNORE INTO images SELECT * FROM other.images",
    f"INSERT INTO results ({_NAMES}) "
    f"SELECT {_NAMES} FROM other.results WHERE true {_UNLESS_FINISHED}",
)


class Store:
    """An open store; a context manager that closes it.

    Each `add` is a transaction, unless it is part of one: after `kill -9` the store opens and holds
    every row that was added. Several processes may write to one store.

    Attributes:
        path: the file.
        connection: for queries.
        writable: whether the file may be written, as far as its modes say.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, *, writable: bool) -> None:
        self.path = path
        self.connection = connection
        self.writable = writable

    @classmethod
    def open(cls, path: str | Path, *, create: bool = False) -> Self:
        """Open a store.

        Args:
            path: the file.
            create: whether to make it if it is not there.

        Raises:
            StoreError: it is not there, is no store, is of a newer version, or is damaged.
        """
        path = Path(path)
        if not create and not is_file(path):
            raise StoreError(f"{path} is no file; `signflip sweep --store {path}` makes a store")
        with store_errors(path):
            connection = sqlite3.connect(
                _uri(path, create=create), uri=True, timeout=_PATIENCE, isolation_level=None
            )
            try:
                writable = create or _may_write(path)
                check_or_make(connection, path, create=create, writable=writable)
                connection.execute("PRAGMA synchronous = NORMAL")
            except BaseException:
                connection.close()
                raise
        return cls(path, connection, writable=writable)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.connection.close()

    def keys(self, *, failed: bool = True) -> set[str]:
        """Keys of the rows; without those that failed if `failed` is false."""
        query = "SELECT key FROM results" + ("" if failed else " WHERE failure IS NULL")
        with store_errors(self.path):
            return {key for (key,) in self.connection.execute(query)}

    def provable(self) -> set[str]:
        """Keys of the rows with a verdict that a proof can be of, and none was refused for."""
        query = (
            "SELECT key FROM results WHERE failure IS NULL AND verdict IN (?, ?) "
            f"AND instr(remark, '{NO_PROOF}') = 0"
        )
        verdicts = (Verdict.ROBUST.value, Verdict.FLIPPED.value)
        with store_errors(self.path):
            return {key for (key,) in self.connection.execute(query, verdicts)}

    def add(self, record: Record, *, anew: bool = False) -> None:
        """Keep a record; one of that key that failed is replaced, and a finished one stays.

        Args:
            record: the record.
            anew: whether a finished one of the same verdict is replaced too.

        Raises:
            StoreError: the file cannot be written.
        """
        values = {name: c.stored(getattr(record, name)) for name, c in COLUMNS.items()}
        with store_errors(self.path):
            self.connection.execute(_ADD_ANEW if anew else _ADD, values)

    def set_checked(self, key: str, checked: bool) -> None:
        """Keep whether the proof of the row of that key was accepted.

        Raises:
            StoreError: the file cannot be written.
        """
        with store_errors(self.path):
            self.connection.execute(
                "UPDATE results SET checked = ? WHERE key = ?", (int(checked), key)
            )

    def records(self, rest: str = "ORDER BY key", values: tuple[Any, ...] = ()) -> Iterator[Record]:
        """The records, each read when it is asked for.

        Args:
            rest: SQL behind `SELECT ... FROM results`.
            values: of its question marks.

        Raises:
            StoreError: the store is damaged.
        """
        with store_errors(self.path):
            rows = self.connection.execute(
                f"SELECT {selection(COLUMNS)} FROM results {rest}", values
            )
            for row in rows:
                found: dict[str, Any] = {
                    name: column.value(stored)
                    for (name, column), stored in zip(COLUMNS.items(), row, strict=True)
                }
                yield Record(**found)

    def add_network(self, name: str, network: BinaryNetwork) -> str:
        """Keep a network, if it is new; returns its key."""
        key = network.digest
        values = (key, as_printed(name), zlib.compress(network_to_bytes(network)))
        with store_errors(self.path):
            self.connection.execute("INSERT OR IGNORE INTO networks VALUES (?, ?, ?)", values)
        return key

    def add_image(self, pixels: Floats) -> str:
        """Keep an image (inputs,) float64, if it is new; returns its key."""
        key = image_key(pixels)
        with store_errors(self.path):
            self.connection.execute(
                "INSERT OR IGNORE INTO images VALUES (?, ?)", (key, pack(pixels))
            )
        return key

    def merge(self, path: str | Path) -> int:
        """Take in another store's rows, networks and images; returns how many rows are new.

        Raises:
            StoreError: the other file is no store, is this one, or one of the two is damaged.
        """
        if Path(path).exists() and Path(path).samefile(self.path):
            raise StoreError(f"{path} is to be merged into itself; name another store")
        with Store.open(path):  # it is one
            pass
        before = len(self.keys())
        with store_errors(self.path, path):
            self.connection.execute("ATTACH ? AS other", (_uri(Path(path)),))
            try:
                with self.transaction():
                    for statement in _MERGE:
                        self.connection.execute(statement)
            finally:
                self.connection.execute("DETACH other")
        return len(self.keys()) - before

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is added while the context lasts is kept, or nothing of it.

        After it the file by itself is the store, whoever copies it, and whatever is killed.
        """
        with store_errors(self.path), writing(self.connection):
            yield

    def network(self, key: str) -> BinaryNetwork:
        """The network of that key.

        Raises:
            StoreError: there is none, or it is damaged.
        """
        data = self._blob("SELECT file FROM networks WHERE key = ?", key, "network")
        try:
            unpacked = zlib.decompress(data)
        except zlib.error as error:
            raise StoreError(
                f"the network {key} of {self.path} is damaged ({error}); take the store from a "
                "backup, or run its sweep again"
            ) from error
        return network_from_bytes(unpacked, f"network {key} of {self.path}")

    def pixels(self, key: str) -> Floats:
        """The image (inputs,) float64 of that key.

        Raises:
            StoreError: there is none.
        """
        return unpack(self._blob("SELECT pixels FROM images WHERE key = ?", key, "image"))

    def witness(self, key: str) -> Floats | None:
        """The best image (inputs,) float64 of the row of that key; None if the row failed.

        Raises:
            StoreError: there is no such row.
        """
        data = self._cell("SELECT witness FROM results WHERE key = ?", key, "row")
        return None if data is None else unpack(data)

    def _blob(self, query: str, key: str, what: str) -> bytes:
        data = self._cell(query, key, what)
        if data is None:
            raise StoreError(f"the {what} {key} of {self.path} is empty; the file is damaged")
        return data

    def _cell(self, query: str, key: str, what: str) -> bytes | None:
        with store_errors(self.path):
            found = self.connection.execute(query, (key,)).fetchone()
        if found is None:
            raise StoreError(f"{self.path} has no {what} of the key {key!r}")
        data: bytes | None = found[0]
        return data


def _uri(path: Path, *, create: bool = False) -> str:
    """The file for SQLite, which else takes some names for more than names (`:memory:`).

    One that may not be written is read as it is: SQLite would put files beside it.

    Raises:
        StoreError: it may not be written, and cannot be read as it is.
    """
    uri = path.absolute().as_uri()
    if create or _may_write(path):
        return uri
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise StoreError(
            f"{path} may not be written, and {log.name} has rows that are not in it yet; copy both "
            "to a folder that you may write"
        )
    return f"{uri}?immutable=1"


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
