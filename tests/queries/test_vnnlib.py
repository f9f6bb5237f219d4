import gzip
from fractions import Fraction
from pathlib import Path

import pytest

from signflip.errors import ProblemError
from signflip.queries.query import Comparison
from signflip.queries.vnnlib import ALWAYS, Part, read_property

HEAD = "".join(f"(declare-const X_{i} Real)\n" for i in range(2)) + "(declare-const Y_0 Real)\n"
BOX = "(assert (>= X_0 0.1)) (assert (<= X_0 0.3))\n(assert (<= 0 X_1)) (assert (>= 1.5e0 X_1))\n"


def read(folder: Path, text: str) -> tuple[list[float], list[float], tuple[object, ...]]:
    (part,) = parts(folder, text)
    return part.lower.tolist(), part.upper.tolist(), part.cases


def parts(folder: Path, text: str) -> tuple[Part, ...]:
    path = folder / "p.vnnlib"
    path.write_text(text)
    return read_property(path)


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


def test_inputs_are_bounded_in_conjunctions(tmp_path: Path) -> None:
    text = "(assert (and (>= X_0 0) (<= X_0 1) (<= Y_0 Y_1) (= X_1 0.5)))"
    assert read(tmp_path, text) == ([0.0, 0.5], [1.0, 0.5], ((beats(1, 0),),))


def test_each_box_makes_a_part(tmp_path: Path) -> None:
    text = """
        (assert (>= X_1 0)) (assert (<= X_1 1)) (assert (<= X_0 9))
        (assert (or (and (>= X_0 0) (<= X_0 0.25)) (and (<= 0.5 X_0) (<= X_0 1))))
        (assert (or (>= Y_1 Y_0) (>= Y_2 Y_0)))
    """
    made = parts(tmp_path, text)
    assert [(part.lower.tolist(), part.upper.tolist()) for part in made] == [
        ([0.0, 0.0], [0.25, 1.0]),
        ([0.5, 0.0], [1.0, 1.0]),
    ]
    assert {part.cases for part in made} == {((beats(1, 0),), (beats(2, 0),))}


def test_outputs_that_differ_in_one_box_stay_together(tmp_path: Path) -> None:
    box = "(>= X_0 0) (<= X_0 1)"
    text = f"(assert (or (and {box} (>= Y_1 Y_0)) (and {box} (>= Y_2 Y_0)) (and {box})))"
    assert read(tmp_path, text)[2] == ((beats(1, 0),), (beats(2, 0),), (ALWAYS,))


def test_an_empty_box_makes_no_part(tmp_path: Path) -> None:
    text = "(assert (>= X_0 0.6)) (assert (<= X_0 0.4)) (assert (>= Y_1 Y_0))"
    assert parts(tmp_path, text) == ()


def test_where_no_float_lies_between_bounds_it_is_the_nearest(tmp_path: Path) -> None:
    text = "(assert (>= X_0 0.1)) (assert (<= X_0 0.1)) (assert (>= Y_1 Y_0))"
    assert read(tmp_path, text)[:2] == ([0.1], [0.1])
    text = text.replace("<= X_0 0.1", "<= X_0 0.10000000000000000001")
    assert read(tmp_path, text)[:2] == ([0.1], [0.1])


def test_what_always_or_never_holds_is_left_out(tmp_path: Path) -> None:
    same = "(assert (<= Y_0 Y_0))"
    assert read(tmp_path, BOX + same + "(assert (>= Y_1 Y_0))")[2] == ((beats(1, 0),),)
    assert read(tmp_path, BOX + same)[2] == ((ALWAYS,),)
    assert read(tmp_path, BOX + "(assert (or (>= 0 1) (>= Y_1 Y_0)))")[2] == ((beats(1, 0),),)
    assert parts(tmp_path, BOX + "(assert (>= Y_1 Y_0)) (assert (>= 0 1))") == ()


def test_what_else_smt_lib_writes_is_read(tmp_path: Path) -> None:
    text = """\ufeff(set-logic QF_LRA) (set-info :source |no (parenthesis|) (set-info :a "(")
        (declare-fun X_0 () Real) (declare-fun Y_0 () Real)
        (assert (>= X_0 (- 1.0))) (assert (<= X_0 +.5E+0)) (assert (>= Y_1 Y_0)) (check-sat)"""
    wanted = ([-1.0], [0.5], ((beats(1, 0),),))
    assert read(tmp_path, text) == wanted
    path = tmp_path / "p.vnnlib.gz"
    packed = gzip.compress(text.encode())
    path.write_bytes(packed)
    (part,) = read_property(path)
    assert (part.lower.tolist(), part.upper.tolist(), part.cases) == wanted
    path.write_bytes(packed[:-12])
    with pytest.raises(ProblemError, match="cannot be read whole"):
        read_property(path)


@pytest.mark.parametrize(
    ("text", "factors", "level"),
    [
        ("(<= (- Y_0 Y_1) 0)", {0: -1, 1: 1}, 0),
        ("(>= 0.0 (+ Y_0 (* -1.0 Y_1)))", {0: -1, 1: 1}, 0),
        ("(<= (* 0.5 Y_0) (/ Y_1 2))", {0: -1, 1: 1}, 0),
        ("(>= (* 1.0 Y_2) (/ 1 3))", {2: 1}, Fraction(1, 3)),
        ("(<= (- Y_2) -1.5)", {2: 1}, Fraction(3, 2)),
        ("(<= (+ (* 3 Y_2) 1) (* 2 Y_2))", {2: -1}, 1),
        ("(>= (+ Y_1 Y_0 (- Y_2 Y_0)) (* 2 Y_2))", {1: 1, 2: -1}, 0),
        ("(>= (- Y_1 Y_0) 2)", {0: -1, 1: 1}, 2),
    ],
)
def test_sums_that_compare_outputs(
    tmp_path: Path, text: str, factors: dict[int, int], level: Fraction
) -> None:
    coefficients = tuple((c, Fraction(factor)) for c, factor in factors.items())
    asked = Comparison(coefficients=coefficients, level=Fraction(level))
    assert read(tmp_path, f"{BOX}(assert {text})")[2] == ((asked,),)


def test_sums_that_bound_inputs(tmp_path: Path) -> None:
    text = "(assert (<= (- X_0) (/ 1 4))) (assert (>= (+ 0.5 (* -2 X_0)) 0)) (assert (<= Y_0 Y_1))"
    assert read(tmp_path, text)[:2] == ([-0.25], [0.25])


def test_a_remark_ends_with_its_line_however_that_ends(tmp_path: Path) -> None:
    text = (BOX + "; a remark\n(assert (>= Y_1 Y_0)) ; another\n(assert (>= Y_2 Y_0))").splitlines()
    for end in ("\r", "\r\n"):
        path = tmp_path / "p.vnnlib"
        path.write_bytes(end.join(text).encode())
        (part,) = read_property(path)
        assert part.cases == ((beats(1, 0), beats(2, 0)),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(assert (>= X_0 0)", "never closed"),
        ("(assert (>= X_0 0)))", "never opened"),
        ("(assert (>= X_0 0)) (assert (>= Y_0 Y_1))", "X_0 has no upper bound"),
        (BOX + "(assert (> Y_0 Y_1))", r"\(> Y_0 Y_1\) is strict, which is not decided here"),
        (BOX + "(assert (not (>= Y_0 Y_1)))", "no comparison by"),
        (BOX + "(assert (>= (+ Y_0 Y_1) Y_2))", "a sum of 1 Y_0 and 1 Y_1 and -1 Y_2 is compared"),
        (BOX + "(assert (>= (* 2 Y_0) Y_1))", "a sum of 2 Y_0 and -1 Y_1 is compared"),
        (BOX + "(assert (>= (- Y_0) Y_1))", "a sum of -1 Y_0 and -1 Y_1 is compared"),
        (BOX + "(assert (>= (- Y_0 X_1) Y_1))", "X_1 is compared with a variable"),
        (BOX + "(assert (>= (* 1e-300 Y_0) 1e300))", "beyond 1e300"),
        (BOX + "(assert (>= X_0 X_1))", "X_0 is compared with a variable"),
        (BOX + "(assert (>= Y_0 X_1))", "X_1 is compared with a variable"),
        (BOX + "(assert (>= Y_0 1e))", "no number"),
        (BOX + "(assert (>= Y_x 1))", "no variable"),
        ("(declare-const)", "neither a declaration nor an assertion"),
        (BOX + "(assert (>= Y_0 1e999))", "1e999 is beyond 1e300"),
        ("(assert (>= X_0 " + "9" * 400 + "))", "beyond 1e300"),
        ("(assert (>= X_0 0." + "1" * 5000 + "))", "has 5002 digits"),
        ("(assert (>= X_0 -1.7e308))", "-1.7e308 is beyond 1e300"),
        (BOX + "(assert (<= X_0 -1e39)) (assert (>= Y_0 1))", "X_0 has a bound beyond 1e30"),
        ("(declare-const X_0 Int)", "inputs are Real"),
        ("(push 1)", "neither a declaration"),
        (BOX + "(assert " + "(and " * 3000 + ")" * 3001, "nested too deeply"),
        ("(minimise X_0)", "neither a declaration nor an assertion"),
        ("loose", "stands alone"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        read(tmp_path, text)
