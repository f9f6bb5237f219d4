"""The SQLite file of a store: its tables, how it is made and recognised, and its errors."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from signflip.errors import StoreError

APPLICATION_ID = 0x53666C70  # "Sflp"
VERSION = 1

SCHEMA = """
CREATE TABLE networks (key TEXT PRIMARY KEY, name TEXT NOT NULL, file BLOB NOT NULL);
CREATE TABLE images (key TEXT PRIMARY KEY, pixels BLOB NOT NULL);
CREATE TABLE results (
    key TEXT PRIMARY KEY,
    problem TEXT NOT NULL,
    network TEXT NOT NULL,
    image TEXT NOT NULL,
    network_name TEXT NOT NULL,
    images_name TEXT NOT NULL,
    image_index INTEGER NOT NULL,
    label INTEGER NOT NULL,
    prediction INTEGER NOT NULL,
    target INTEGER,
    epsilon REAL NOT NULL,
    time_limit REAL NOT NULL,
    method TEXT NOT NULL,
    series TEXT NOT NULL,
    settings TEXT NOT NULL,
    seed INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    stop TEXT NOT NULL,
    failure TEXT,
    objective REAL NOT NULL,
    clean_objective REAL NOT NULL,
    bound REAL,
    largest_conceivable REAL NOT NULL,
    seconds REAL NOT NULL,
    trace TEXT NOT NULL,
    witness BLOB,
    witness_prediction INTEGER NOT NULL,
    host TEXT NOT NULL,
    versions TEXT NOT NULL,
    finished TEXT NOT NULL
);
"""


def check_or_make(connection: sqlite3.Connection, path: Path, *, create: bool) -> None:
    """Recognise an open file as a store, or make it one if it is blank and `create` is true.

    Raises:
        StoreError: it is no store, or of a newer version.
    """
    if create and _is_blank(connection):
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if _is_blank(connection):  # another process may have made it just now
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise StoreError(f"{path} is no store of Signflip; name another file")
    if version > VERSION:
        raise StoreError(
            f"{path} is a store of version {version}; this Signflip reads up to {VERSION}: use the "
            "Signflip that wrote it"
        )


@contextmanager
def store_errors(*paths: str | Path) -> Iterator[None]:
    """Turns SQLite's errors with the files `paths` into errors for the user.

    Raises:
        StoreError: SQLite refused.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"{' or '.join(map(str, paths))} cannot be used ({error}); see that folder and file "
            "can be written, that the disk has room, and that no other process holds it"
        ) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{' or '.join(map(str, paths))} is no store of Signflip, or is damaged ({error})"
        ) from error


def _is_blank(connection: sqlite3.Connection) -> bool:
    """Whether nothing was made in the file yet; also if its making was interrupted."""
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    return (objects, application) == (0, 0)
