"""The SQLite file of a store: its tables, how it is made, recognised and brought up to date."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from signflip.errors import StoreError
from signflip.many.columns import COLUMNS
from signflip.many.task import problem_key, task_key
from signflip.problem import Target, Untargeted

APPLICATION_ID = 0x53666C70  # "Sflp"
VERSION = 2
"""Raised when older stores have to be rewritten; a column with a default needs no new version."""

_INPUTS = """
CREATE TABLE networks (key TEXT PRIMARY KEY, name TEXT NOT NULL, file BLOB NOT NULL);
CREATE TABLE images (key TEXT PRIMARY KEY, pixels BLOB NOT NULL)
"""
_RESULTS = f"CREATE TABLE results ({', '.join(c.declaration for c in COLUMNS.values())})"


def check_or_make(
    connection: sqlite3.Connection, path: Path, *, create: bool, writable: bool
) -> None:
    """Recognise an open file as a store, or make it one if it is blank and `create` is true.

    A store of an older version is rewritten in the form of this one.

    Raises:
        StoreError: it is no store, or of a newer version; or of an older one, and not `writable`.
    """
    if create and _is_blank(connection):
        _make(connection)
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise StoreError(_no_store(connection, path))
    version = _version(connection)
    if not 1 <= version <= VERSION:
        raise StoreError(
            f"{path} is a store of version {version}; this Signflip reads up to {VERSION}: use the "
            "Signflip that wrote it"
        )
    if (version < VERSION or _lacking(connection)) and not writable:
        raise StoreError(
            f"{path} is a store of an earlier Signflip, to be brought up to date, and may not be "
            "written; copy it to a folder that you may write"
        )
    if version < VERSION:
        with writing(connection):
            if _version(connection) < VERSION:  # another process may have done it just now
                _rewrite(connection)
    elif _lacking(connection):
        with writing(connection):
            for column in _lacking(connection):
                connection.execute(f"ALTER TABLE results ADD COLUMN {column}")


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction; after it the file by itself is the store, without the log beside it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    # who reads is not waited for: what stays in the log then is moved after the next transaction
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute(f"PRAGMA busy_timeout = {patience}")


@contextmanager
def store_errors(*paths: str | Path) -> Iterator[None]:
    """Turns SQLite's errors with the files `paths` into errors for the user.

    Raises:
        StoreError: SQLite refused.
    """
    files = " or ".join(map(str, paths))
    try:
        yield
    except sqlite3.OperationalError as error:
        # a table or a column; or JSON that cannot be read
        if "no such" in str(error) or "user-defined" in str(error):
            raise StoreError(f"{files} lacks a part of a store ({error}); it is damaged") from error
        raise StoreError(
            f"{files} cannot be used ({error}); see that folder and file can be written, that the "
            "disk has room, and that no other process holds it"
        ) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{files} is no store of Signflip, or is damaged ({error}); name another file, or take "
            "the store from a backup"
        ) from error


def _keep_log(connection: sqlite3.Connection) -> None:
    """Have changes written to a log beside the file; where others look at it, when they are done.

    SQLite itself does not wait here, however patient the connection is.
    """
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    end = time.monotonic() + patience / 1000
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def _make(connection: sqlite3.Connection) -> None:
    _keep_log(connection)
    with writing(connection):
        if _is_blank(connection):  # another process may have made it just now
            for statement in (*_INPUTS.split(";"), _RESULTS):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")


def _is_blank(connection: sqlite3.Connection) -> bool:
    """Whether nothing was made in the file yet; also if its making was interrupted."""
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    return (objects, application) == (0, 0)


def _no_store(connection: sqlite3.Connection, path: Path) -> str:
    if _is_blank(connection) and connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        return (
            f"{path} is a store without its rows, which were in {path.name}-wal beside it when it "
            "was copied; copy both files, or use `signflip merge`"
        )
    return f"{path} is no store of Signflip; name another file"


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _names(connection: sqlite3.Connection, table: str) -> set[str]:
    return {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}


def _lacking(connection: sqlite3.Connection) -> list[str]:
    """Declarations of the columns that came with a later Signflip of this version."""
    there = _names(connection, "results")
    return [column.declaration for column in COLUMNS.values() if column.name not in there]


def _rewrite(connection: sqlite3.Connection) -> None:
    """Bring a store of version 1 (Signflip 0.1.0) up to date, in a transaction.

    Its keys covered every setting, those that change only the speed as well, so that two rows may
    be one now: the one that did not fail, or else the first. What a method of an older version
    answered keeps a key of its own, and a sweep asks the new one again.
    """
    key = cache(task_key_of)
    connection.create_function("problem_key", 4, _problem_key, deterministic=True)
    connection.create_function("task_key", 3, key, deterministic=True)
    connection.execute("ALTER TABLE results RENAME TO old_results")
    connection.execute(_RESULTS)
    kept = _names(connection, "old_results") & COLUMNS.keys()
    names = ", ".join(sorted(kept - {"key", "problem"}))
    connection.execute(
        f"INSERT OR IGNORE INTO results (key, problem, {names}) "
        f"SELECT task_key(new_problem, settings, time_limit), new_problem, {names} FROM "
        "(SELECT *, problem_key(network, image, epsilon, target) AS new_problem FROM old_results) "
        "ORDER BY failure IS NOT NULL, finished"
    )
    connection.execute("DROP TABLE old_results")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _problem_key(network: str, image: str, epsilon: float, target: int | None) -> str:
    return problem_key(network, image, epsilon, Untargeted() if target is None else Target(target))


def task_key_of(problem: str, settings: str, time_limit: float | None) -> str:
    """`task_key`, of settings as text."""
    return task_key(problem, json.loads(settings), time_limit)
