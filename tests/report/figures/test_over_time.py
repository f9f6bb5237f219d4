from math import sqrt

import numpy as np
import polars as pl
import pytest

from signflip.report.figures import over_time
from signflip.report.statistics import mean_half_width
from tests.support.drawings import drawn, source, texts
from tests.support.results import failed, row


def at(values: pl.DataFrame, line: str, seconds: float) -> dict[str, object]:
    """The first value of a line at or after a time."""
    later = values.filter(pl.col("line") == line, pl.col("seconds") >= seconds)
    return later.row(0, named=True)


def test_the_mean_of_step_functions() -> None:
    rows = [row("fgsm", 0, seconds=10.0), row("fgsm", 1, seconds=0.5)]
    traces = {
        rows[0]["key"]: [[0.001, -10.0], [0.1, 0.0], [5.0, 10.0]],
        rows[1]["key"]: [[0.001, -20.0], [0.4, -10.0]],
    }
    values = over_time.means_over_time(source(*rows, traces=traces))
    assert values["seconds"].to_list() == sorted(values["seconds"])
    # the decade of the first improvement, and the end of the longest run
    assert (values["seconds"][0], values["seconds"][-1]) == pytest.approx((0.1, 10.0))
    means = [at(values, "fgsm", seconds)["mean"] for seconds in (0.1, 0.3, 0.41, 4.0, 5.0, 10.0)]
    # over 20: (0 - 20) / 2, then (0 - 10) / 2, then (10 - 10) / 2
    assert means == pytest.approx([-0.5, -0.5, -0.25, -0.25, 0.0, 0.0])
    last = values.row(-1, named=True)
    (half,) = mean_half_width(np.array([sqrt(0.5)]), np.array([2.0]))  # of 0.5 and -0.5
    assert (last["low"], last["high"]) == pytest.approx((-half, half))
    assert values["n"].unique().to_list() == [2]


def test_a_line_runs_until_its_last_run_ends() -> None:
    rows = [row("fgsm", 0, seconds=1.0), row("milp", 0, seconds=10.0)]
    traces = {each["key"]: [[0.0, -10.0], [0.01, -4.0]] for each in rows}
    values = over_time.means_over_time(source(*rows, traces=traces))
    assert at(values, "fgsm", 0.9)["running"]
    assert not at(values, "fgsm", 1.2)["running"]
    assert values.filter(pl.col("line") == "milp")["running"].all()


def test_a_failed_run_stays_at_the_clean_image_and_lengthens_nothing() -> None:
    rows = [row("fgsm", 0, seconds=1.0), failed("fgsm", 1, seconds=70.0)]
    traces = {rows[0]["key"]: [[0.0, -10.0], [0.01, 10.0]]}
    values = over_time.means_over_time(source(*rows, traces=traces))
    assert values["seconds"][-1] == pytest.approx(1.0)
    assert values["mean"][-1] == pytest.approx((0.5 - 0.5) / 2)


@pytest.mark.parametrize(("stops", "optimum"), [(("optimal",) * 2, -0.1), (("optimal", "X"), None)])
def test_the_optimum_is_shown_if_it_is_known_of_all(
    stops: tuple[str, str], optimum: float | None
) -> None:
    rows = [
        *(row("exact", i, stop=stop, objective=(-4.0, 0.0)[i]) for i, stop in enumerate(stops)),
        *(row("fgsm", i) for i in (0, 1)),
    ]
    plot = over_time.plot(source(*rows))
    assert plot.values["optimum"].unique().to_list() == [optimum]
    assert ("mean optimum" in texts(drawn(plot))) == (optimum is not None)


def test_panels_and_axes_are_named() -> None:
    rows = [row("fgsm", 0, epsilon=epsilon) for epsilon in (0.01, 0.02)]
    shown = texts(drawn(over_time.plot(source(*rows))))
    assert {"mnist, 2x100", "ε = 0.01, n = 1", "ε = 0.02, n = 1", "fgsm", "seconds"} <= shown
    assert {"mean normalised", "objective"} <= shown


def test_long_names_stand_on_lines_of_their_own() -> None:
    rows = [
        row("fgsm", 0, images_name="mnist-sample", epsilon=e, target=None) for e in (1, 2, 3, 4)
    ]
    shown = texts(drawn(over_time.plot(source(*rows))))
    assert {"mnist-sample, untargeted", "2x100", "ε = 1, n = 1"} <= shown


def test_times_are_the_same_in_all_panels() -> None:
    rows = [row("fgsm", 0, epsilon=0.01, seconds=0.1), row("milp", 0, epsilon=0.02, seconds=9.0)]
    values = over_time.means_over_time(source(*rows))
    first, second = (group["seconds"].to_list() for _, group in values.group_by("epsilon"))
    assert first == second


@pytest.mark.parametrize("rows", [[failed("fgsm")], [row("exact-decide")]])
def test_without_a_finished_run_there_are_words(rows: list[dict[str, object]]) -> None:
    plot = over_time.plot(source(*rows))
    assert plot.missing is not None
    assert "no finished results" in plot.missing
    assert not plot.drawing.axes
