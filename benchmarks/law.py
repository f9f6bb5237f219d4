"""The law of the exact search: unstable neurons against the share that is decided, as a figure.

    python -m benchmarks.law --before OLD.jsonl --after NEW.jsonl --out law.png

Both files are stores of `benchmarks.exact_table`. Problems of one or two hidden layers and of more
are drawn apart, since their bounds differ. It prints the numbers that it draws.
"""

from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.common import Benchmark, Row, Store, images_of, markdown, network
from benchmarks.exact_table import KEY, settled
from signflip import Problem
from signflip.cli.options import FILE
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.space import PatternSpace
from signflip.report.drawing import drawing

BIN = 20
"""Unstable neurons of a bar."""
RESULTS = Path(__file__).parent / "results"
PANELS = {"two hidden layers": False, "three to five": True}
"""Title -> whether it is of deep networks."""
Shares = Mapping[int, tuple[int, int]]
"""Bin -> problems that are decided, and all; bin b has `BIN b` to `BIN (b + 1) - 1` neurons."""


def unstable(row: Row) -> int:
    """The unstable first-layer neurons of a row's problem."""
    name = row["network"]
    image = images_of(name).images[row["index"]]
    return PatternSpace.of(Problem.ball(network(name), image, epsilon=row["epsilon"])).size


def deep(row: Row) -> bool:
    """Whether there are more than two hidden layers."""
    return len(network(row["network"]).hidden) > 2


def shares(rows: list[Row], sizes: Mapping[tuple[object, ...], int]) -> Shares:
    """How many of the rows are decided, by the unstable neurons of their problems."""
    found: dict[int, tuple[int, int]] = {}
    for row in rows:
        place = sizes[_problem(row)] // BIN
        decided, count = found.get(place, (0, 0))
        found[place] = (decided + settled(row), count + 1)
    return dict(sorted(found.items()))


def _problem(row: Row) -> tuple[object, ...]:
    return row["network"], row["epsilon"], row["index"]


def _decisions(path: Path) -> list[Row]:
    rows = Store(path, KEY).rows()
    return [row for row in rows if row["goal"] == SearchGoal.DECIDE.value]


def _draw(axes: Axes, before: Shares, after: Shares) -> None:
    bars = ((-0.2, "before", "0.7", before), (0.2, "after", "tab:blue", after))
    for offset, label, colour, data in bars:
        heights = [100 * decided / count for decided, count in data.values()]
        axes.bar(np.array(list(data)) + offset, heights, width=0.4, color=colour, label=label)
    for place, (_, count) in after.items():
        axes.annotate(str(count), (place, 101), ha="center", fontsize=7)
    ticks = sorted(after)
    axes.set_xticks(ticks, [str(BIN * place) for place in ticks], fontsize=8)
    axes.set_ylim(0, 108)
    axes.set_xlabel(f"unstable neurons, in steps of {BIN}; above: problems")


@click.command(cls=Benchmark)
@click.option("--before", type=FILE, default=RESULTS / "exact-table-2026-11-22.jsonl")
@click.option("--after", type=FILE, default=RESULTS / "exact-table.jsonl")
@click.option("--out", type=FILE, default=Path("out/law.png"))
def main(before: Path, after: Path, out: Path) -> None:
    """Draw what two runs of the exact table decided, by the number of unstable neurons."""
    old, new = _decisions(before), _decisions(after)
    sizes = {_problem(row): unstable(row) for row in [*old, *new]}
    out.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    with drawing({}):
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        panels = zip(figure.subplots(1, 2, sharey=True), PANELS.items(), strict=True)
        for axes, (title, kind) in panels:
            was, now = (shares([r for r in rows if deep(r) is kind], sizes) for rows in (old, new))
            _draw(axes, was, now)
            axes.set_title(title)
            lines += [(title, _ends(place), _of(was, place), _of(now, place)) for place in now]
        figure.axes[0].set_ylabel("decided in 60 s, %")
        figure.axes[0].legend(loc="lower left", fontsize=8, framealpha=1)
        figure.savefig(out, dpi=120)
    click.echo(markdown(("hidden layers", "unstable neurons", "before", "after"), lines))


def _ends(place: int) -> str:
    return f"{BIN * place} to {BIN * (place + 1) - 1}"


def _of(part: Shares, place: int) -> str:
    decided, count = part.get(place, (0, 0))
    return f"{decided} / {count}"


if __name__ == "__main__":
    main()
