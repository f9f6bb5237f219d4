import pytest

from signflip.report.figures import objectives
from tests.support.drawings import drawn, source, texts
from tests.support.results import failed, frame_of, row


def test_boxes_of_the_objective_and_of_the_gap() -> None:
    # normalised: fgsm -0.5, -0.4, -0.3, -0.2, 0.5; optima known of the first two images
    values = objectives.boxes(
        frame_of(
            *(row("fgsm", i, objective=o) for i, o in enumerate((-10.0, -8.0, -6.0, -4.0, 10.0))),
            *(row("exact", i, objective=-2.0, stop="optimal") for i in (0, 1)),
            *(row("exact", i, objective=-2.0) for i in (2, 3, 4)),
        )
    )
    assert values.select("part", "line", "n").rows() == [
        ("objective", "fgsm", 5),
        ("objective", "exact", 5),
        ("gap to the optimum", "fgsm", 2),
    ]
    first, _, gap = values.iter_rows(named=True)
    five = {name: first[name] for name in ("whislo", "q1", "med", "q3", "whishi", "mean")}
    assert five == pytest.approx(
        {"whislo": -0.5, "q1": -0.4, "med": -0.3, "q3": -0.2, "whishi": -0.2, "mean": -0.18}
    )
    assert first["fliers"] == [0.5]
    # the optimum is -0.1, so the gaps are 0.4 and 0.3
    assert (gap["q1"], gap["med"], gap["mean"]) == pytest.approx((0.325, 0.35, 0.35))


def test_a_failed_run_counts_with_the_clean_image() -> None:
    (found,) = objectives.boxes(frame_of(failed("fgsm", 0))).iter_rows(named=True)
    assert (found["n"], found["med"]) == (1, -0.5)


def test_only_common_problems_count() -> None:
    values = objectives.boxes(frame_of(row("fgsm", 0), row("fgsm", 1), row("milp", 1)))
    assert values["n"].to_list() == [1, 1]


def test_a_problem_that_cannot_be_normalised_is_left_out() -> None:
    frame = frame_of(row("fgsm", 0, largest_conceivable=0.0), row("fgsm", 1))
    assert objectives.boxes(frame)["n"].to_list() == [1]


def test_parts_are_drawn_and_named() -> None:
    rows = [row("fgsm", 0), row("exact", 0, stop="optimal")]
    shown = texts(drawn(objectives.plot(source(*rows))))
    assert {"mnist, ε = 0.01", "normalised objective", "normalised gap"} <= shown
    assert {"fgsm", "exact", "2x100", "n = 1"} <= shown


def test_without_an_optimum_there_is_no_part_for_gaps() -> None:
    plot = objectives.plot(source(row("fgsm", 0), row("exact", 0)))
    assert len(plot.drawing.axes) == 1
    assert plot.caption.endswith("No optimum is known of these problems, so no gap is shown.")


def test_without_objectives_there_are_words() -> None:
    plot = objectives.plot(source(row("exact-decide")))
    assert plot.missing is not None
    assert "no results of methods that look for the largest objective" in plot.missing
    assert not plot.drawing.axes
