"""The store's results as one table, in a file that other programs read."""

import io
from pathlib import Path

import polars as pl

from signflip.errors import SettingError
from signflip.files import write_bytes
from signflip.many.columns import COLUMNS, selection, unpack
from signflip.many.schema import store_errors
from signflip.many.store import Store
from signflip.report.frame import POLARS, table_of

_ORDER = "images_name, network_name, image_index, epsilon, series, seed, key"


def export(store: Store, path: Path, *, witnesses: bool = False) -> int:
    """Write a store's results to a file, whole or not at all; returns how many there are.

    Args:
        store: the store.
        path: a `.parquet` or `.csv` file, which is replaced if it is there. `settings`, `trace` and
            `versions` are JSON in both.
        witnesses: whether `witness` is a column, a list of float64; for Parquet only.

    Raises:
        SettingError: the name has another ending, or witnesses are to be in a `.csv` file.
        StoreError: the store is damaged.
    """
    check_export(path, witnesses=witnesses)
    columns = {
        name: POLARS[column.kind] for name, column in COLUMNS.items() if column.kind in POLARS
    }
    with store_errors(store.path):
        query = f"SELECT {selection(columns)} FROM results ORDER BY {_ORDER}"
        rows = store.connection.execute(query).fetchall()
    frame = table_of(rows, columns)
    if witnesses:
        frame = frame.with_columns(_witnesses(store))
    buffer = io.BytesIO()
    if path.suffix == ".csv":
        frame.write_csv(buffer)
    else:
        frame.write_parquet(buffer)
    write_bytes(path, buffer.getvalue())
    return len(frame)


def check_export(path: Path, *, witnesses: bool) -> None:
    """Refuse a file that `export` cannot write.

    Raises:
        SettingError: the name has another ending, or witnesses are to be in a `.csv` file.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise SettingError(f"{path} is no name of a table; let it end in .parquet or .csv")
    if witnesses and path.suffix == ".csv":
        raise SettingError(
            f"{path} cannot hold witnesses, which are lists; name a .parquet file, or leave "
            "--witnesses out"
        )


def _witnesses(store: Store) -> pl.Series:
    with store_errors(store.path):
        query = f"SELECT witness FROM results ORDER BY {_ORDER}"
        found = [
            None if data is None else pl.Series(unpack(data))
            for (data,) in store.connection.execute(query)
        ]
    return pl.Series("witness", found, dtype=pl.List(pl.Float64))
