import click
import numpy as np
import pytest

from signflip import Target, Untargeted
from signflip.cli import values
from signflip.data import ImageSet
from signflip.problem import Goal

IMAGES = ImageSet(name="eight", images=np.zeros((8, 1)), labels=np.zeros(8, dtype=np.int64))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", [3]),
        ("2:5", [2, 3, 4]),
        (":2", [0, 1]),
        ("6:", [6, 7]),
        ("0:8:3", [0, 3, 6]),
        ("::4", [0, 4]),
        ("5,1:3,2", [5, 1, 2]),
        ("7, 0", [7, 0]),
        (":", [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_indices(text: str, expected: list[int]) -> None:
    assert list(values.indices(text).of(IMAGES)) == expected


@pytest.mark.parametrize("text", ["", "-1", "1:2:0", "1:2:3:4", "a", "1.5", "1,,2", "1;2", "²"])
def test_no_indices(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no range of images"):
        values.indices(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("0.01", 0.01), ("2/255", 2 / 255), ("1e-3", 0.001), ("0", 0.0)]
)
def test_epsilon(text: str, expected: float) -> None:
    assert values.epsilon(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("second", None), ("untargeted", Untargeted()), ("12", Target(12))]
)
def test_goal(text: str, expected: Goal | None) -> None:
    assert values.goal(text) == expected


@pytest.mark.parametrize("text", ["fgsm:5", "fgsm:0.5", "fgsm:.5", "milp:10."])
def test_warm_start(text: str) -> None:
    method, _, seconds = text.partition(":")
    assert values.warm_start(text) == values.WarmStart(method, float(seconds))


@pytest.mark.parametrize(
    ("text", "expected"), [("2x100", (100, 100)), ("1x7", (7,)), ("200,100,50", (200, 100, 50))]
)
def test_hidden_widths(text: str, expected: tuple[int, ...]) -> None:
    assert values.hidden_widths(text) == expected
