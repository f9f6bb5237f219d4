import csv
import io

import polars as pl
import pytest

from signflip.report import tables
from signflip.report.statistics import share_interval
from tests.support.results import failed, flipped, frame_of, robust, row

FRAME = frame_of(
    flipped("fgsm", 0, seconds=1.0),
    row("fgsm", 1, seconds=2.0),
    row("fgsm", 2, seconds=6.0),
    failed("fgsm", 3, seconds=10.0),
    flipped("exact", 0, stop="optimal", objective=4.0),
    robust("exact", 1, objective=-2.0),
    row("exact", 2),
    flipped("exact", 3),
    flipped("iprop-warm", 2),
)


def test_results_count_each_series_on_its_own_problems() -> None:
    found = tables.results(FRAME)
    counts = ("line", "n", "flipped", "robust", "unknown", "failed", "can_flip", "n_gap")
    assert found.select(counts).rows() == [
        ("fgsm", 4, 1, 0, 3, 1, 3, 2),
        ("iprop-warm", 1, 1, 0, 0, 0, 1, 0),
        ("exact", 4, 2, 1, 1, 0, 3, 2),
    ]
    fgsm = found.row(0, named=True)
    # normalised: 0.1, -0.2, -0.2, and -0.5 of the clean image
    assert fgsm["normalised"] == pytest.approx(-0.2)
    # the sample's deviation is sqrt(0.06), and 3.182446 is Student's 97.5 % of 3 degrees
    assert fgsm["normalised_high"] == pytest.approx(-0.2 + 3.182446 * 0.06**0.5 / 2, rel=1e-6)
    # optima 0.2 and -0.1: gaps 0.1 and 0.1
    assert fgsm["gap"] == pytest.approx(0.1)
    assert fgsm["seconds"] == 3.0
    assert (fgsm["low"], fgsm["high"]) == share_interval(1, 4)
    warm = found.row(1, named=True)
    assert (warm["gap"], warm["normalised_low"]) == (None, None)


def test_results_to_read() -> None:
    table = tables.results_table(tables.results(FRAME))
    fgsm, warm, _ = (dict(zip(table.header, cells, strict=True)) for cells in table.rows)
    assert fgsm == {
        "data set": "mnist",
        "network": "2x100",
        "ε": "0.01",
        "series": "fgsm",
        "n": "4",
        "flipped": "1",
        "share flipped": "25 % (5 to 70)",
        "proved robust": "0",
        "unknown": "3",
        "of these failed": "1",
        "can be flipped": "3",
        "mean normalised objective": "-0.200 (-0.590 to 0.190)",
        "mean gap to the optimum": "0.100 (2)",
        "mean seconds": "3",
    }
    assert (warm["mean gap to the optimum"], warm["mean normalised objective"]) == ("–", "0.100")


def test_the_mean_of_no_finished_run_is_a_dash() -> None:
    (cells,) = tables.results_table(tables.results(frame_of(failed("fgsm")))).rows
    assert cells[-1] == "–"


def test_the_summary_sets_methods_beside_what_can_be_flipped() -> None:
    (found,) = tables.summary(FRAME).iter_rows(named=True)
    assert found["n"] == 4
    assert (found["fgsm"], found["exact"]) == (0.25, 0.5)
    assert (found["fgsm low"], found["fgsm high"]) == share_interval(1, 4)
    assert (found["can_flip"], found["robust"], found["unsettled"]) == (0.75, 0.25, 0.0)


def test_the_summary_to_read_has_a_dash_where_a_method_was_not_run() -> None:
    frame = frame_of(flipped("fgsm"), row("milp"), row("fgsm", epsilon=0.02))
    table = tables.summary_table(tables.summary(frame))
    assert table.header[4:] == ["fgsm", "milp", "can be flipped", "proved robust", "unknown"]
    assert [cells[2:] for cells in table.rows] == [
        ["0.01", "1", "100 % (21 to 100)", "0 % (0 to 79)", "100 %", "0 %", "0 %"],
        ["0.02", "1", "0 % (0 to 79)", "–", "0 %", "0 %", "100 %"],
    ]


def test_series_have_their_settings() -> None:
    found = tables.lines(FRAME)
    assert found.select("line", "method", "time_limit", "runs", "failed", "seconds").rows() == [
        ("fgsm", "fgsm", 10.0, 4, 1, 9.0),
        ("iprop-warm", "iprop", 10.0, 1, 0, 1.0),
        ("exact", "exact", 10.0, 4, 0, 4.0),
    ]
    assert '"goal": "optimise"' in tables.lines_table(found).rows[2][-1]


def test_a_series_without_a_time_limit_has_none() -> None:
    (cells,) = tables.lines_table(tables.lines(frame_of(row("exact", time_limit=None)))).rows
    assert cells[2] == "none"


def test_markdown() -> None:
    frame = frame_of(flipped("fgsm", images_name="a|b", network_name="net"))
    lines = tables.markdown(tables.summary_table(tables.summary(frame))).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[0].startswith("| data set | network | ε    | n | fgsm ")
    assert set(lines[1]) == {"|", "-"}
    assert lines[2].startswith("| a\\|b")


def test_markdown_of_names_with_markup() -> None:
    frame = frame_of(flipped("fgsm", images_name="<script>&lt;", network_name="a\nb\t\x01"))
    lines = tables.markdown(tables.summary_table(tables.summary(frame))).splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("| &lt;script>&amp;lt; | a\ufffdb\ufffd\ufffd ")


def test_csv_has_all_digits_and_no_lists() -> None:
    frame = pl.DataFrame({"x": [1 / 3], "list": [[0.5, 1 / 3]], "none": [None]})
    (found,) = csv.DictReader(io.StringIO(tables.csv_text(frame)))
    assert float(found["x"]) == 1 / 3
    assert list(map(float, found["list"].split(";"))) == [0.5, 1 / 3]
    assert found["none"] == ""
