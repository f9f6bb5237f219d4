from fractions import Fraction
from pathlib import Path

import pytest

from signflip.errors import ProblemError
from signflip.queries.query import Comparison
from signflip.queries.vnnlib import read_property

HEAD = "".join(f"(declare-const X_{i} Real)\n" for i in range(2)) + "(declare-const Y_0 Real)\n"
BOX = "(assert (>= X_0 0.1)) (assert (<= X_0 0.3))\n(assert (<= 0 X_1)) (assert (>= 1.5e0 X_1))\n"


def read(folder: Path, text: str) -> tuple[list[float], list[float], tuple[object, ...]]:
    path = folder / "p.vnnlib"
    path.write_text(text)
    lower, upper, cases = read_property(path)
    return lower.tolist(), upper.tolist(), cases


def beats(c: int, other: int) -> Comparison:
    return Comparison(
        coefficients=tuple(sorted([(c, Fraction(1)), (other, Fraction(-1))])), level=Fraction(0)
    )


def test_bounds_are_never_wider_than_stated(tmp_path: Path) -> None:
    lower, upper, cases = read(tmp_path, HEAD + BOX + "; a remark (\n(assert (>= Y_1 Y_0))")
    assert Fraction(lower[0]) >= Fraction("0.1")
    assert Fraction(upper[0]) <= Fraction("0.3")
    assert (lower[1], upper[1]) == (0.0, 1.5)
    assert cases == ((beats(1, 0),),)


def test_a_tighter_bound_counts(tmp_path: Path) -> None:
    lower, _, _ = read(tmp_path, BOX + "(assert (>= X_0 0.25)) (assert (<= Y_0 Y_1))")
    assert lower[0] == 0.25


def test_ands_and_ors_become_cases(tmp_path: Path) -> None:
    text = BOX + "(assert (or (and (>= Y_1 Y_0) (>= Y_1 Y_2)) (and (<= Y_0 Y_2))))"
    assert read(tmp_path, text)[2] == ((beats(1, 0), beats(1, 2)), (beats(2, 0),))
    level = Comparison(coefficients=((0, Fraction(1)),), level=Fraction("-2.5"))
    text = BOX + "(assert (>= Y_0 -2.5)) (assert (or (>= Y_1 Y_0) (>= Y_2 Y_0)))"
    assert read(tmp_path, text)[2] == ((level, beats(1, 0)), (level, beats(2, 0)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(assert (>= X_0 0)", "never closed"),
        ("(assert (>= X_0 0)))", "never opened"),
        ("(assert (>= X_0 0)) (assert (>= Y_0 Y_1))", "X_0 has no upper bound"),
        (BOX + "(assert (> Y_0 Y_1))", "no comparison of outputs"),
        (BOX + "(assert (>= (+ Y_0 Y_1) Y_2))", "neither an output nor a number"),
        (BOX + "(assert (>= Y_0 Y_0))", "names no output"),
        (BOX + "(assert (>= Y_0 1e))", "no number"),
        (BOX + "(assert (>= Y_x 1))", "no variable"),
        ("(declare-const)", "neither a declaration nor an assertion"),
        (BOX + "(assert (>= Y_0 1e999))", "1e999 is beyond the numbers of 64 bits"),
        ("(assert (>= X_0 " + "9" * 400 + "))", "beyond the numbers of 64 bits"),
        (BOX + "(assert " + "(and " * 3000 + ")" * 3001, "nested too deeply"),
        ("(minimise X_0)", "neither a declaration nor an assertion"),
        ("loose", "stands alone"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        read(tmp_path, text)
