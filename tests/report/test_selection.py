import polars as pl

from signflip.report.selection import (
    common,
    main_lines,
    optimising_lines,
    step_lines,
    warm_lines,
)
from tests.support.results import METHODS, frame_of, row

ALL = frame_of(*(row(series) for series in METHODS))


def lines(frame: pl.DataFrame) -> list[str]:
    return frame["line"].unique().sort().to_list()


def test_each_methods_own_line() -> None:
    assert lines(main_lines(ALL)) == ["fgsm", "milp", "iprop", "exact"]


def test_without_a_line_of_the_methods_name_all_its_lines() -> None:
    frame = frame_of(
        row("milp-highs", method="milp"), row("milp-scip", method="milp"), row("fgsm"),
        row("fgsm-strong", method="fgsm"),
    )  # fmt: skip
    assert lines(main_lines(frame)) == ["fgsm", "milp-highs", "milp-scip"]


def test_a_run_that_only_decides_is_no_reference_for_objectives() -> None:
    decided = frame_of(row("exact-decide"), row("fgsm"))
    assert lines(main_lines(decided)) == ["fgsm", "exact-decide"]
    assert lines(optimising_lines(decided)) == ["fgsm"]
    assert lines(optimising_lines(ALL)) == ["fgsm", "milp", "iprop", "exact"]


def test_steps() -> None:
    assert lines(step_lines(ALL)) == ["iprop", "iprop-step-1", "iprop-step-5", "iprop-step-20"]


def test_a_single_step_is_no_comparison() -> None:
    frame = frame_of(
        row("iprop"), row("iprop", epsilon=0.02), row("iprop-step-1", epsilon=0.02), row("fgsm")
    )
    found = step_lines(frame)
    assert lines(found) == ["iprop", "iprop-step-1"]
    assert found["epsilon"].unique().to_list() == [0.02]


def test_warm_starts() -> None:
    assert lines(warm_lines(ALL)) == ["iprop", "iprop-warm"]
    assert warm_lines(frame_of(row("iprop"), row("fgsm"))).is_empty()
    assert warm_lines(frame_of(row("iprop-warm"))).is_empty()


def test_lines_are_compared_on_the_problems_of_all() -> None:
    frame = frame_of(
        *(row("fgsm", image) for image in (0, 1, 2)),
        *(row("milp", image) for image in (1, 2, 3)),
        # another part of the grid has lines of its own
        *(row("fgsm", image, epsilon=0.02) for image in (0, 1)),
    )
    found = common(frame)
    assert found.select("epsilon", "line", "image_index").sort(pl.all()).rows() == [
        (0.01, "fgsm", 1),
        (0.01, "fgsm", 2),
        (0.01, "milp", 1),
        (0.01, "milp", 2),
        (0.02, "fgsm", 0),
        (0.02, "fgsm", 1),
    ]


def test_lines_without_a_common_problem_leave_nothing() -> None:
    assert common(frame_of(row("fgsm", 0), row("milp", 1))).is_empty()


def test_of_several_seeds_the_first_is_compared() -> None:
    again = [
        row(series, key=f"{series} again", seed=1)
        for series in ("iprop", "iprop-step-1", "iprop-warm")
    ]
    frame = frame_of(*(row(series) for series in METHODS), *again)
    for chosen in (main_lines, optimising_lines, step_lines, warm_lines):
        assert lines(chosen(frame)) == lines(chosen(ALL))
    # with another seed a step is no second step, nor are two runs two methods
    assert step_lines(frame_of(row("iprop-step-1"), again[1])).is_empty()
    named = [row("mine", key=str(seed), method="fgsm", seed=seed) for seed in (0, 1)]
    assert lines(main_lines(frame_of(*named))) == ["mine"]
