"""The results of a store as one Polars frame, with what figures and tables ask of each row.

Witnesses are never read, and traces only by `read_traces`: 100,000 rows are a matter of seconds.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from signflip.errors import StoreError
from signflip.many.columns import COLUMNS, selection
from signflip.many.record import FAILED, word_of
from signflip.many.schema import store_errors
from signflip.many.store import Store
from signflip.report.names import with_names
from signflip.result import Stop, Verdict

CELL = ("data", "network", "epsilon")
"""What tells one part of the grid from another; figures compare methods within a cell."""

POLARS: Mapping[str, Any] = {"TEXT": pl.String, "INTEGER": pl.Int64, "REAL": pl.Float64}
"""Type of a column in SQLite -> in Polars."""

_COLUMNS: Mapping[str, Any] = {
    name: POLARS[column.kind]
    for name, column in COLUMNS.items()
    if column.kind in POLARS and name != "trace"
}
_SETTINGS: Mapping[str, Any] = {
    "settings": pl.String,
    "configuration": pl.String,
    "warm": pl.Boolean,
    "step": pl.String,
    "step_neurons": pl.Int64,
    "goal": pl.String,
}

Trace = list[list[float]]
"""[seconds, objective] of the clean image and of each improvement."""


def read_frame(store: Store) -> pl.DataFrame:
    """The store's results.

    Returns:
        A row for each result, in the order of data set, network, epsilon, line and image, with the
        store's columns but for witness and trace, and

        - `data` and `network`, the names that panels and tables show; `epsilon` and these two are
          the row's `CELL`. An untargeted attack counts as one on other data, and so does one with
          another rule of ties, on a grid of images or with a mask.
        - `line`, the name of the series in figures and tables: what runs under one name with two
          settings, time limits or seeds on one problem has two names here.
        - `again`: whether the row repeats what another run of that name did, with another seed.
        - of the settings: `configuration` (all but seeds), `warm` (has a warm start), `step`
          (the class of the step size, or null), `step_neurons`, and `goal` (`decide`, `optimise` or
          null).
        - of the row: `flipped`, `robust`, `failed`, and `unknown`, which is neither of the first
          two; `normalised`, the objective over `largest_conceivable`, the clean image's if failed.
        - of its problem, by all rows of the store: `can_flip`, `is_robust`, `has_proof` (it is
          robust, with a proof file), `is_checked` (with one that `signflip check` accepted), and
          `optimum`, the normalised optimum where the exact method proved it.

    Raises:
        StoreError: the store is damaged.
    """
    query = f"SELECT {selection(_COLUMNS)} FROM results ORDER BY key"
    with store_errors(store.path):
        rows = store.connection.execute(query).fetchall()
    return derive(table_of(rows, _COLUMNS))


def table_of(rows: Sequence[tuple[Any, ...]], columns: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of a store as Polars has them.

    Args:
        rows: each as long as `columns`.
        columns: name -> type in Polars.

    Raises:
        StoreError: a value is of another type than its column.
    """
    try:
        return pl.DataFrame(rows, schema=dict(columns), orient="row")
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        fault = next((f for row in rows if (f := _misfit(row, columns)) is not None), str(error))
        raise StoreError(
            f"the store is damaged: {fault}; take it from a backup, or run its sweep again"
        ) from error


def _misfit(row: tuple[Any, ...], columns: Mapping[str, Any]) -> str | None:
    """Which value of a row is of another type than its column."""
    for (name, kind), value in zip(columns.items(), row, strict=True):
        fits = {pl.String: str, pl.Int64: int, pl.Float64: int | float}[kind]
        if value is not None and not isinstance(value, fits):
            return f"a row's {name} is {value!r}"
    return None


def read_traces(store: Store, keys: set[str]) -> Iterator[tuple[str, Trace]]:
    """The traces of the rows of these keys, one after the other.

    Raises:
        StoreError: the store is damaged.
    """
    with store_errors(store.path):
        for key, text in store.connection.execute("SELECT key, trace FROM results"):
            if key in keys:
                trace = _parsed(text, "trace", list)
                if not all(isinstance(step, list) and len(step) == 2 for step in trace):
                    raise StoreError(f"the store is damaged: trace {text!r} is no list of pairs")
                yield key, trace


def derive(rows: pl.DataFrame) -> pl.DataFrame:
    """The frame of `read_frame`, from the store's columns."""
    frame = rows.join(_parsed_settings(rows["settings"]), on="settings", how="left")
    frame = with_names(_with_outcomes(frame.rename({"network": "network_key"})))
    return frame.sort("data", "network", "epsilon", "line", "image_index", "key")


def _with_outcomes(frame: pl.DataFrame) -> pl.DataFrame:
    largest = pl.when(pl.col("largest_conceivable") > 0).then(pl.col("largest_conceivable"))
    frame = frame.with_columns(
        flipped=pl.col("verdict") == Verdict.FLIPPED.value,
        robust=pl.col("verdict") == Verdict.ROBUST.value,
        failed=pl.col("stop") == FAILED,
        normalised=pl.col("objective") / largest,
    )
    proved = pl.col("method").is_in(["exact", "auto"]) & (pl.col("stop") == word_of(Stop.OPTIMAL))
    return frame.with_columns(
        unknown=~pl.col("flipped") & ~pl.col("robust"),
        can_flip=pl.col("flipped").any().over("problem"),
        is_robust=pl.col("robust").any().over("problem"),
        has_proof=(pl.col("robust") & pl.col("proof").is_not_null()).any().over("problem"),
        is_checked=(pl.col("robust") & (pl.col("checked") == 1).fill_null(value=False))
        .any()
        .over("problem"),
        optimum=pl.when(proved).then(pl.col("normalised")).max().over("problem"),
    )


def _parsed_settings(texts: pl.Series) -> pl.DataFrame:
    """The columns of `_SETTINGS`, a row for each text of settings."""
    rows = []
    for text in texts.unique(maintain_order=True):
        settings = _parsed(text, "settings", dict)
        last = settings
        while last.get("kind") == "WarmStarted":
            last = last["then"]
        step = last.get("step")
        kind = step["kind"] if isinstance(step, dict) else None
        rows.append(
            {
                "settings": text,
                "configuration": json.dumps(without_seeds(settings), sort_keys=True),
                "warm": last is not settings,
                "step": kind,
                "step_neurons": step.get("neurons") if isinstance(step, dict) else None,
                "goal": last.get("goal"),
            }
        )
    return pl.DataFrame(rows, schema=dict(_SETTINGS))


def without_seeds(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, and those within them, without their seeds."""
    return {
        name: without_seeds(value) if isinstance(value, dict) else value
        for name, value in settings.items()
        if name != "seed"
    }


def _parsed(text: str, what: str, kind: type) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"the store is damaged: {what} {text!r} is no JSON") from error
    if not isinstance(found, kind):
        raise StoreError(f"the store is damaged: {what} {text!r} is no {kind.__name__} of JSON")
    return found
