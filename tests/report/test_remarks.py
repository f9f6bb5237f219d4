from typing import Any

import pytest

from signflip.report.remarks import remarks
from tests.support.results import failed, flipped, frame_of, robust, row


def test_sound_and_complete_results_need_no_remark() -> None:
    assert remarks(frame_of(flipped("fgsm"), flipped("exact", stop="optimal"))) == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([flipped("fgsm"), robust("exact", objective=2.0)], "1 problem both flipped and proved"),
        (
            [row("fgsm", objective=-2.0), row("exact", objective=-4.0, stop="optimal")],
            "1 problem with an objective above the optimum that was proved",
        ),
        ([failed("fgsm", 0), failed("fgsm", 1), row("fgsm", 2)], "2 runs failed, of 3"),
        (
            [row("fgsm", 0), row("fgsm", 1), row("milp", 1)],
            "1 problem not given to all methods yet; the figures leave them out.",
        ),
        (
            [row("fgsm", 0), row("milp", 1)],
            "2 problems not given to all methods yet; the figures leave them out, and with them 1 ",
        ),
        (
            [row("iprop", key="a"), row("iprop", key="b", seed=1)],
            "1 run repeated with another seed",
        ),
        (
            [row("fgsm", 0, problem="a"), row("fgsm", 0, key="b", problem="b"), row("fgsm", 1)],
            "1 image attacked towards several classes: each counts once for each class",
        ),
    ],
)
def test_what_a_reader_must_know(rows: list[dict[str, Any]], words: str) -> None:
    (sentence,) = remarks(frame_of(*rows))
    assert sentence.startswith(words)
