import numpy as np
import polars as pl
import pytest

from signflip.report.figures import flipped as figure_2
from signflip.report.figures import step_sizes, warm_start
from signflip.report.figures.plot import Plot
from signflip.report.figures.shares import shares
from signflip.report.statistics import share_interval
from tests.support.drawings import drawn, source, texts
from tests.support.results import failed, flipped, frame_of, robust, row


def test_shares_are_of_the_problems_that_all_lines_answered() -> None:
    values = shares(
        frame_of(
            *(flipped("fgsm", image) for image in (0, 1)),
            *(row("fgsm", image) for image in (2, 3)),
            flipped("fgsm", 9),  # the MILP was not given this one
            *(flipped("milp", image) for image in (0, 1, 2)),
            failed("milp", 3),
            robust("exact", 3, epsilon=0.02),
        )
    )
    counts = ("epsilon", "line", "n", "flipped", "failed", "can_flip", "robust", "unsettled")
    assert values.select(counts).rows() == [
        (0.01, "fgsm", 4, 2, 0, 3, 0, 1),
        (0.01, "milp", 4, 3, 1, 3, 0, 1),
        (0.02, "exact", 1, 0, 0, 0, 1, 0),
    ]
    assert values["share"].to_list() == [0.5, 0.75, 0.0]
    assert values.row(1)[-5:-3] == pytest.approx(share_interval(3, 4))


def test_what_can_be_flipped_is_known_from_any_line() -> None:
    # the strong attack is not in the figure, but what it flipped can be flipped
    plot = figure_2.plot(source(row("fgsm", 0), flipped("fgsm-strong", 0, method="fgsm")))
    assert plot.values.select("line", "flipped", "can_flip").rows() == [("fgsm", 0, 1)]


def figures() -> list[Plot]:
    rows = [
        make(series, image, epsilon=epsilon, images_name=images, network_name=network)
        for images, network in (("mnist", "mnist-2x100"), ("fashion-mnist", "fashion-2x200"))
        for epsilon in (0.01, 0.02)
        for image, make in enumerate((flipped, row, row))
        for series in ("fgsm", "milp", "iprop", "exact", "iprop-step-5", "iprop-warm")
    ]
    return [figure.plot(source(*rows)) for figure in (figure_2, step_sizes, warm_start)]


def test_the_lines_of_the_three_figures() -> None:
    found = [plot.values["line"].unique().sort().to_list() for plot in figures()]
    assert found == [
        ["fgsm", "milp", "iprop", "exact"],
        ["iprop", "iprop-step-5"],
        ["iprop", "iprop-warm"],
    ]
    assert [plot.number for plot in figures()] == [2, 5, 6]


def test_panels_groups_and_legends_are_named() -> None:
    second, fifth, sixth = map(texts, map(drawn, figures()))
    for shown in (second, fifth, sixth):
        assert {"mnist, ε = 0.01", "fashion-mnist, ε = 0.02", "2x100", "n = 3"} <= shown
        assert {"images flipped", "100 %", "can be flipped", "proved robust", "unknown"} <= shown
    assert {"fgsm", "milp", "iprop", "exact"} <= second
    assert {"adaptive (iprop)", "constant 5 (iprop-step-5)"} <= fifth
    assert {"from zero (iprop)", "warm start (iprop-warm)"} <= sixth


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (figure_2, "no results of FGSM, MILP, IProp or the exact method"),
        (step_sizes, "no problems that IProp attacked with two step sizes"),
        (warm_start, "no problems that IProp attacked from zero and from a warm start"),
    ],
)
def test_what_the_store_lacks_is_said_in_words(figure: object, words: str) -> None:
    plot: Plot = figure.plot(source(row("iprop-warm", 0)))  # type: ignore[attr-defined]
    assert plot.missing is not None
    assert words in plot.missing
    assert not plot.drawing.axes
    assert plot.missing.split()[-1] in " ".join(texts(drawn(plot)))
    assert plot.values.is_empty()


def test_points_stand_where_the_values_are() -> None:
    rows = [flipped("fgsm", 0), row("fgsm", 1), row("iprop", 0), row("iprop", 1)]
    plot = figure_2.plot(source(*rows))
    (axes,) = plot.drawing.axes
    drawn_points = {
        (round(float(x), 3), float(y))
        for line in axes.lines
        if line.get_marker() in ("s", "o")
        for x, y in np.asarray(line.get_xydata())
    }
    assert drawn_points == {(-0.215, 0.5), (0.215, 0.0)}
    assert plot.values["share"].to_list() == [0.5, 0.0]
    heights = [patch.get_height() for patch in axes.patches]  # type: ignore[attr-defined]
    assert heights == [0.5, 0.0, 0.5]  # can be flipped, proved robust, unknown


def test_empty_results_have_no_shares() -> None:
    assert shares(frame_of(row("fgsm")).filter(pl.lit(value=False))).is_empty()
