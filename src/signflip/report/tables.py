"""The report's tables, as frames of numbers, and as text to read."""

from collections.abc import Mapping, Sequence

import polars as pl

from signflip.report.figures.shares import shares
from signflip.report.frame import CELL
from signflip.report.page import Table
from signflip.report.selection import main_lines
from signflip.report.statistics import with_mean_interval, with_share_interval

_NOTHING = "–"
_TRUTH = {"can_flip": "can be flipped", "robust": "proved robust", "unsettled": "unknown"}
_RESULTS = {
    "data": "data set",
    "network": "network",
    "epsilon": "ε",
    "line": "series",
    "n": "n",
    "flipped": "flipped",
    "share": "share flipped",
    "robust": "proved robust",
    "unknown": "unknown",
    "failed": "of these failed",
    "can_flip": "can be flipped",
    "normalised": "mean normalised objective",
    "gap": "mean gap to the optimum",
    "seconds": "mean seconds",
}


def results(frame: pl.DataFrame) -> pl.DataFrame:
    """What came of each line in each cell, on all problems that it was given.

    Returns:
        `data`, `network`, `epsilon`, `line`, `method`, `n`, `flipped`, `robust`, `unknown`
        (`failed` included), `failed`, `can_flip` (of these problems, by any line), `n_gap` (of how
        many problems the optimum is known), `gap` (mean of optimum minus objective on these,
        normalised), `seconds` (mean of the runs that did not fail), `normalised` (mean objective)
        with its interval, and `share` (flipped) with its interval, `low` to `high`.
    """
    gap = pl.col("optimum") - pl.col("normalised")
    counted = (
        frame.group_by(*CELL, "line", maintain_order=True)
        .agg(
            pl.col("method").first(),
            pl.len().alias("n"),
            pl.col("flipped", "robust", "unknown", "failed", "can_flip").sum(),
            n_gap=gap.count(),
            gap=gap.mean(),
            seconds=pl.col("seconds").filter(~pl.col("failed")).mean(),
            normalised=pl.col("normalised").mean(),
            deviation=pl.col("normalised").std(),
        )
        .sort(*CELL, "line")
    )
    return with_share_interval(with_mean_interval(counted, "normalised", "deviation"), "flipped")


def summary(frame: pl.DataFrame) -> pl.DataFrame:
    """Figure 2 as a table: a row for each cell, the share flipped of each method beside the truth.

    Returns:
        `data`, `network`, `epsilon`, `n`; for each line its share flipped under the line's name,
        null where it was not run, and its interval in `<line> low` and `<line> high`; and
        `can_flip`, `robust` and `unsettled`, as shares of the n problems.
    """
    values = shares(main_lines(frame))
    lines = values["line"].unique().sort().to_list()
    cells = values.group_by(*CELL, maintain_order=True).agg(
        pl.col("n").first(),
        *(
            pl.col(column).filter(pl.col("line") == line).first().alias(name)
            for line in lines
            for column, name in (("share", line), ("low", f"{line} low"), ("high", f"{line} high"))
        ),
        *((pl.col(name) / pl.col("n")).first() for name in _TRUTH),
    )
    return cells.sort(*CELL)


def lines(frame: pl.DataFrame) -> pl.DataFrame:
    """What ran under each line's name.

    Returns:
        `line`, `method`, `time_limit`, `runs`, `failed`, `seconds` (of all runs that did not fail,
        together) and `configuration`, JSON of all settings but seeds.
    """
    return (
        frame.group_by("line")
        .agg(
            pl.col("method", "time_limit").first(),
            pl.len().alias("runs"),
            pl.col("failed").sum(),
            pl.col("seconds").filter(~pl.col("failed")).sum(),
            pl.col("configuration").first(),
        )
        .sort("line")
    )


def results_table(values: pl.DataFrame) -> Table:
    """`results`, to read."""
    rows = []
    for row in values.iter_rows(named=True):
        low, high = row["normalised_low"], row["normalised_high"]
        texts = {
            **{name: str(row[name]) for name in _RESULTS},
            "epsilon": f"{row['epsilon']:g}",
            "share": _share(row["share"], row["low"], row["high"]),
            "normalised": _decimals(row["normalised"])
            + ("" if low is None else f" ({_decimals(low)} to {_decimals(high)})"),
            "gap": _NOTHING if row["gap"] is None else f"{_decimals(row['gap'])} ({row['n_gap']})",
            "seconds": _NOTHING if row["seconds"] is None else f"{row['seconds']:.3g}",
        }
        rows.append([texts[name] for name in _RESULTS])
    return Table(
        title="Results of each series",
        header=list(_RESULTS.values()),
        rows=rows,
        caption=(
            "Each series on all n problems that it was given. Shares have 95 % Wilson intervals, "
            "means 95 % t intervals. Failed runs count as unknown, and with the objective of the "
            "clean image; seconds are of the others. An image can be flipped if some run of the "
            "store flipped it. Objective and gap are over the largest conceivable objective; in "
            "brackets behind the gap, on how many problems the exact method proved the optimum."
        ),
    )


def summary_table(values: pl.DataFrame) -> Table:
    """`summary`, to read."""
    names = [name for name in values.columns[4:] if f"{name} low" in values.columns]
    rows = [
        [
            row["data"],
            row["network"],
            f"{row['epsilon']:g}",
            str(row["n"]),
            *(_share(row[name], row[f"{name} low"], row[f"{name} high"]) for name in names),
            *(_percent(row[name]) for name in _TRUTH),
        ]
        for row in values.iter_rows(named=True)
    ]
    return Table(
        title="Share of images flipped",
        header=["data set", "network", "ε", "n", *names, *_TRUTH.values()],
        rows=rows,
        caption=(
            "On the n problems that all methods were given, with 95 % Wilson intervals, beside the "
            "share that can be flipped, the share proved robust, and the share of which neither "
            "is known."
        ),
    )


def lines_table(values: pl.DataFrame) -> Table:
    """`lines`, to read."""
    return Table(
        title="Series",
        header=["series", "method", "time limit (s)", "runs", "failed", "seconds", "settings"],
        rows=[
            [
                row["line"],
                row["method"],
                "none" if row["time_limit"] is None else f"{row['time_limit']:g}",
                f"{row['runs']:,}",
                f"{row['failed']:,}",
                f"{row['seconds']:,.0f}",
                row["configuration"],
            ]
            for row in values.iter_rows(named=True)
        ],
        caption="What ran under each name; seconds are those of all runs that did not fail.",
    )


def remarks_table(sentences: Sequence[str]) -> Table:
    """What a reader of the figures must know, to read."""
    return Table(title="Remarks", header=["remark"], rows=[[text] for text in sentences])


def markdown(table: Table) -> str:
    """The table in Markdown: title and caption left out, every cell as it is on the page."""
    header, *rows = ([_escaped(cell) for cell in cells] for cells in (table.header, *table.rows))
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    return "\n".join([line(header), rule, *map(line, rows)]) + "\n"


def _escaped(cell: str) -> str:
    """Text of files is never markup."""
    return cell.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def csv_text(values: pl.DataFrame) -> str:
    """A frame as CSV; a list becomes its values with semicolons between."""
    lists: Mapping[str, pl.DataType] = {
        name: kind for name, kind in values.schema.items() if isinstance(kind, pl.List)
    }
    joined = (pl.col(name).cast(pl.List(pl.String)).list.join(";") for name in lists)
    return values.with_columns(*joined).write_csv()


def _share(share: float | None, low: float | None, high: float | None) -> str:
    if share is None or low is None or high is None:
        return _NOTHING
    return f"{_percent(share)} ({100 * low:.0f} to {100 * high:.0f})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _decimals(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.3f}"
