"""The report of a store: figures, tables, and one page that holds them all."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import polars as pl

from signflip.errors import SettingError, StoreError
from signflip.files import write_bytes
from signflip.many.notation import counted
from signflip.many.store import Store
from signflip.report import tables
from signflip.report.figures import FIGURES
from signflip.report.figures.plot import Plot, Source
from signflip.report.figures.style import house_style, png_bytes, svg_bytes
from signflip.report.frame import read_frame, read_traces
from signflip.report.gallery import gallery_of
from signflip.report.page import Figure, Page, Table, write_page
from signflip.report.remarks import remarks

STEPS = len(FIGURES) + 3
"""How often `write_report` calls `on_step`."""

_MARKER = ".signflip-report"
_MARK = b"The files of this folder are written by `signflip report`, which replaces them.\n"


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report that was written.

    Attributes:
        page: the page's file.
        missing: number of each figure that the store cannot fill -> why, a sentence.
        remarks: what a reader must know of the results.
    """

    page: Path
    missing: dict[int, str]
    remarks: Sequence[str]


def write_report(
    store: Store,
    folder: Path,
    *,
    title: str | None = None,
    note: str | None = None,
    on_step: Callable[[str], None] = lambda _step: None,
) -> Report:
    """Write figures, tables and the page of a store's results.

    Each file is written whole or not at all, and files of an earlier report are replaced.

    Args:
        store: the results.
        folder: where to; made if it is not there.
        title: the page's; None for the store's name.
        note: a sentence for the page's head, such as what made the results, and how long it took.
        on_step: called with the name of what was done, `STEPS` times.

    Raises:
        SettingError: the folder is a file, or holds files of those names that are no report's.
        StoreError: the store is damaged, or holds no results.
        OSError: a file cannot be written.
    """
    check_folder(folder)
    frame = read_frame(store)
    if frame.is_empty():
        raise StoreError(f"{store.path} holds no results yet; `signflip sweep` makes some")
    on_step("results")
    _make(folder)
    source = Source(frame=frame, traces=lambda keys: read_traces(store, keys))
    figures, missing = [], {}
    for number, draw in FIGURES.items():
        with house_style():
            plot = draw(source)
        figures.append(_write_figure(folder, plot))
        if plot.missing is not None:
            missing[number] = plot.missing
        on_step(f"figure {number}")
    written = _write_tables(folder, frame)
    on_step("tables")
    said = remarks(frame)
    page = Page(
        title=title or f"Attacks and proofs of {store.path.name}",
        subtitle=_subtitle(store, frame, note),
        summary=_summary(frame),
        figures=figures,
        tables=[*([tables.remarks_table(said)] if said else []), *written],
        gallery=gallery_of(store),
    )
    write_page(folder / "index.html", page)
    on_step("page")
    return Report(page=folder / "index.html", missing=missing, remarks=said)


def check_folder(folder: Path) -> None:
    """Refuse a folder where files that are no report's would be replaced.

    Raises:
        SettingError: it is a file, or holds such files.
    """
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"{folder} is a file; name a folder for the report")
    names = ["index.html", "tables", *(f"figure-{n}.{kind}" for n in FIGURES for kind in _KINDS)]
    others = [name for name in names if (folder / name).exists()]
    if others and not (folder / _MARKER).exists():
        raise SettingError(
            f"{folder} holds {others[0]}, which is of no report; name another folder"
        )


_KINDS = ("svg", "png")


def _make(folder: Path) -> None:
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    write_bytes(folder / _MARKER, _MARK)


def _write_figure(folder: Path, plot: Plot) -> Figure:
    svg = svg_bytes(plot.drawing)
    write_bytes(folder / f"figure-{plot.number}.svg", svg)
    write_bytes(folder / f"figure-{plot.number}.png", png_bytes(plot.drawing))
    numbers = folder / "tables" / f"figure-{plot.number}.csv"
    if plot.missing is None:
        write_bytes(numbers, tables.csv_text(plot.values).encode())
    else:
        numbers.unlink(missing_ok=True)
    return Figure(number=plot.number, title=plot.title, caption=plot.caption, svg=svg.decode())


def _write_tables(folder: Path, frame: pl.DataFrame) -> list[Table]:
    summary, results, lines = tables.summary(frame), tables.results(frame), tables.lines(frame)
    for name, values in (("summary", summary), ("results", results), ("series", lines)):
        write_bytes(folder / "tables" / f"{name}.csv", tables.csv_text(values).encode())
    read = [
        tables.summary_table(summary),
        tables.results_table(results),
        tables.lines_table(lines),
    ]
    write_bytes(folder / "tables" / "summary.md", tables.markdown(read[0]).encode())
    return read


def _subtitle(store: Store, frame: pl.DataFrame, note: str | None) -> str:
    first, last = (str(text)[:16].replace("T", " ") for text in _ends(frame))
    machines = frame.filter(~pl.col("failed"))["host"].n_unique()
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    return " ".join(
        [
            *([] if note is None else [note]),
            f"Results of {first} to {last} UTC, from {counted(machines, 'machine')}; report of "
            f"{store.path.name} made at {now} UTC by Signflip "
            f"{version('signflip')} on Python {platform.python_version()}.",
        ]
    )


def _ends(frame: pl.DataFrame) -> tuple[object, object]:
    return frame["finished"].min(), frame["finished"].max()


def _summary(frame: pl.DataFrame) -> list[tuple[str, str]]:
    problems = frame.unique("problem")
    can_flip, robust = int(problems["can_flip"].sum()), int(problems["is_robust"].sum())
    proofs, checked = (int(problems[name].sum()) for name in ("has_proof", "is_checked"))
    seconds = float(frame.filter(~pl.col("failed"))["seconds"].sum())
    epsilons = frame["epsilon"].unique().sort()
    return [
        ("results", f"{len(frame):,}"),
        ("problems", f"{len(problems):,}"),
        ("can be flipped", _of(can_flip, len(problems))),
        ("proved robust", _of(robust, len(problems))),
        *([("of these with a proof file", _of(proofs, robust))] if proofs else []),
        *([("of these with a proof that was checked", _of(checked, robust))] if proofs else []),
        ("unknown", _of(len(problems) - can_flip - robust, len(problems))),
        ("failed runs", f"{int(frame['failed'].sum()):,}"),
        ("data sets", ", ".join(frame["data"].unique().sort())),
        ("networks", ", ".join(frame["network"].unique().sort())),
        ("ε", ", ".join(f"{epsilon:g}" for epsilon in epsilons)),
        ("run time in total", _duration(seconds)),
    ]


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def _of(count: int, total: int) -> str:
    return f"{count:,} ({100 * count / total:.0f} %)"
