"""What panels, legends and tables call a data set, a network and a series, and in which order."""

import re
from collections import Counter
from collections.abc import Iterable

import polars as pl

from signflip.methods import METHODS
from signflip.problem import Ties
from signflip.zoo import DATASETS

_GIVEN = ("images_name", "network_name", "series", "mask")
"""Columns of names that a user gave: of files, and of series in a grid."""

_UNSEEN = r"[\x00-\x1f\x7f-\x9f\x{fffe}\x{ffff}]"
"""Control characters: XML has no place for most, and a line end would tear a table's row apart."""


def with_names(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds `data`, `network` and `line`, as Enums whose order is the order to show them in.

    And `again`: whether the row is of a run with a further seed.

    Args:
        frame: columns of the store, with `network_key` for `network`, and of the settings.
    """
    # as drawings and tables can have them
    frame = frame.with_columns(pl.col(*_GIVEN).cast(pl.String).str.replace_all(_UNSEEN, "\ufffd"))
    frame = frame.with_columns(data=pl.col("images_name") + _asked(), network=_networks(frame))
    frame = _with_lines(frame)
    return frame.with_columns(
        pl.col("data").cast(pl.Enum(sorted(frame["data"].unique(), key=_data_order))),
        pl.col("network").cast(pl.Enum(sorted(frame["network"].unique(), key=_natural))),
        pl.col("line").cast(pl.Enum(_line_order(frame))),
    )


def _asked() -> pl.Expr:
    """What was asked of the images where it is not the paper's question: it is one of its own."""
    ties, grid, mask = pl.col("ties"), pl.col("grid"), pl.col("mask")
    parts = (
        pl.when(pl.col("target").is_null()).then(pl.lit(", untargeted")),
        pl.when(ties != Ties.NONE.value).then(pl.format(", ties {}", ties)),
        pl.when(grid.is_not_null()).then(pl.format(", {}", grid)),
        pl.when(mask.is_not_null()).then(pl.format(", mask {}", mask)),
    )
    return pl.concat_str(part.otherwise(pl.lit("")) for part in parts)


def _networks(frame: pl.DataFrame) -> pl.Series:
    """A name for each row, the shortest that no other network has among those of its data set."""
    columns = frame.select("images_name", "network_key", "network_name")
    called: dict[tuple[str, str], str] = {}  # one that has several names goes by the first
    for images, key, name in columns.unique().sort(pl.all()).iter_rows():
        called.setdefault((images, key), name)
    lengths = dict.fromkeys(called, 0)
    while True:
        names = {
            (images, key): _name(called[images, key], images, key)[lengths[images, key]]
            for images, key in called
        }
        shared = Counter((images, name) for (images, _), name in names.items())
        longer = [at for at, name in names.items() if shared[at[0], name] > 1]
        if not longer:
            break
        for at in longer:
            lengths[at] += 1
    rows: Iterable[tuple[str, str]] = columns.select("images_name", "network_key").iter_rows()
    return pl.Series("network", [names[row] for row in rows], dtype=pl.String)


def _name(name: str, images: str, key: str) -> tuple[str, ...]:
    """What a network may be called, in the order to try: `2x100` if it is of its own data set."""
    prefix, _, size = name.partition("-")
    own = DATASETS.get(prefix)
    short = size if own is not None and images in (own, f"{own}-sample") else name
    # networks of one name come from two stores
    return (short, name, f"{short} ({key[:6]})", f"{name} ({key})")


def _with_lines(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds `line`: the series' name, and what tells it from others that go by that name.

    And `again`: whether the row is of a run with a further seed.
    """
    frame = frame.sort("seed", "key").with_columns(
        _settings=pl.struct("method", "configuration").rank("dense").over("series")
    )
    several_settings = pl.col("_settings").n_unique().over("series") > 1
    several_limits = pl.col("time_limit").n_unique().over("series") > 1
    limits = {limit: f", {limit:g} s" for limit in frame["time_limit"].drop_nulls().unique()}
    limit = pl.col("time_limit").replace_strict(
        limits, default=", no time limit", return_dtype=pl.String
    )
    settings = pl.format(", settings {}", "_settings")
    frame = frame.with_columns(
        line=pl.col("series")
        + pl.when(several_limits).then(limit).otherwise(pl.lit(""))
        + pl.when(several_settings).then(settings).otherwise(pl.lit(""))
    )
    # the same again with another seed
    run = pl.int_range(1, pl.len() + 1).over("problem", "line")
    again = pl.when(run > 1).then(pl.format(", run {}", run)).otherwise(pl.lit(""))
    return frame.with_columns(line=pl.col("line") + again, again=run > 1).drop("_settings")


def _line_order(frame: pl.DataFrame) -> list[str]:
    first = frame.group_by("line").agg(
        pl.col("method", "warm", "step", "step_neurons").first(),
    )
    place = {name: index for index, name in enumerate(METHODS)}
    order = first.with_columns(  # a method of a newer Signflip comes last
        pl.col("method").replace_strict(place, default=len(place), return_dtype=pl.Int64)
    )
    return order.sort("method", "warm", "step", "step_neurons", "line")["line"].to_list()


def _data_order(name: str) -> tuple[int, str]:
    """Those of the zoo first, in its order."""
    known = [place for place, data in enumerate(DATASETS.values()) if name.startswith(data)]
    return (known[0] if known else len(DATASETS), name)


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """`2x100` before `2x1000` before `10x100`."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts], name
