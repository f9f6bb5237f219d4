"""What a reader of the figures must know of the results behind them."""

import polars as pl

from signflip.many.notation import counted
from signflip.report.frame import CELL
from signflip.report.selection import common, main_lines

_ROUNDING = 1e-9


def remarks(frame: pl.DataFrame) -> list[str]:
    """Sentences about contradictions, failures and gaps among the results, the worst first."""
    return [
        sentence
        for sentence in (
            _contradictions(frame),
            _above_the_optimum(frame),
            _failures(frame),
            _left_out(frame),
            _further_seeds(frame),
            _several_targets(frame),
        )
        if sentence is not None
    ]


def _contradictions(frame: pl.DataFrame) -> str | None:
    wrong = frame.filter(pl.col("can_flip") & pl.col("is_robust"))["problem"].n_unique()
    if not wrong:
        return None
    return (
        f"{counted(wrong, 'problem')} both flipped and proved robust: one of the two is an error "
        "of Signflip, please report it."
    )


def _above_the_optimum(frame: pl.DataFrame) -> str | None:
    above = pl.col("normalised") > pl.col("optimum") + _ROUNDING
    wrong = frame.filter(above)["problem"].n_unique()
    if not wrong:
        return None
    return (
        f"{counted(wrong, 'problem')} with an objective above the optimum that was proved: one of "
        "the two is an error of Signflip, please report it."
    )


def _failures(frame: pl.DataFrame) -> str | None:
    failed = int(frame["failed"].sum())
    if not failed:
        return None
    return f"{counted(failed, 'run')} failed, of {len(frame):,}; they count as unknown."


def _left_out(frame: pl.DataFrame) -> str | None:
    main = main_lines(frame)
    compared = common(main)
    left = main["problem"].n_unique() - compared["problem"].n_unique()
    if not left:
        return None
    cells = main.select(*CELL).n_unique() - compared.select(*CELL).n_unique()
    nothing = f", and with them {counted(cells, 'part')} of the grid" if cells else ""
    return (
        f"{counted(left, 'problem')} not given to all methods yet; the figures leave them out"
        f"{nothing}."
    )


def _further_seeds(frame: pl.DataFrame) -> str | None:
    again = int(frame["again"].sum())
    if not again:
        return None
    return (
        f"{counted(again, 'run')} repeated with another seed; the tables have them as series "
        "of their own, and figures of methods show the first seed."
    )


def _several_targets(frame: pl.DataFrame) -> str | None:
    problems = frame.group_by(*CELL, "image_index").agg(pl.col("problem").n_unique())
    several = problems.filter(pl.col("problem") > 1)
    if several.is_empty():
        return None
    return (
        f"{counted(len(several), 'image')} attacked towards several classes: each counts once for "
        "each class, as a problem of its own."
    )
