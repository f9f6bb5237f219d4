"""Terms of VNN-LIB, against Python's own arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from signflip.queries.linear import Expression, Linear, Variable, linear
from signflip.queries.reading import FaultyError

NAMES = ["X_0", "Y_0", "Y_1"]


def drawn(rng: np.random.Generator, depth: int) -> tuple[Expression, str]:
    """A term, and the same for Python, in fractions."""
    kind = rng.choice(["name", "number"] if depth == 0 else ["+", "-", "*", "/", "neg", "name"])
    if kind == "name":
        name = str(rng.choice(NAMES))
        return name, name
    number = str(rng.choice(["0.1", "-2", "1e-1", "3.", "+.5", "0"]))
    if kind == "number":
        return number, f"Fraction('{number}')"
    parts = [drawn(rng, depth - 1) for _ in range(int(rng.integers(2, 4)))]
    terms: list[Expression] = [term for term, _ in parts]
    if kind == "neg":
        return ["-", terms[0]], f"(-{parts[0][1]})"
    if kind == "*":
        return ["*", number, terms[0], "-3"], f"(Fraction('{number}') * {parts[0][1]} * -3)"
    if kind == "/":
        return ["/", terms[0], "0.3"], f"({parts[0][1]} / Fraction('0.3'))"
    return [str(kind), *terms], "(" + f" {kind} ".join(text for _, text in parts) + ")"


def test_sums_are_what_python_says() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        term, text = drawn(rng, int(rng.integers(0, 4)))
        made = linear(term)
        assert all(made.terms.values())
        for _ in range(3):
            values = {name: Fraction(int(rng.integers(-9, 10)), 7) for name in NAMES}
            total = made.constant + sum(
                factor * values[f"{variable.kind}_{variable.place}"]
                for variable, factor in made.terms.items()
            )
            assert total == eval(text, {"Fraction": Fraction, **values})


def test_what_cancels_is_left_out() -> None:
    assert linear(["-", ["+", "Y_0", "X_3"], "Y_0"]) == Linear(
        {Variable("X", 3): Fraction(1)}, Fraction(0)
    )
    assert linear(["*", "0", "Y_0"]) == Linear({}, Fraction(0))


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (["*", "Y_0", "Y_1"], r"\(\* Y_0 Y_1\) multiplies variables"),
        (["/", "1", "Y_0"], "divides by a variable, or by 0"),
        (["/", "Y_0", "0"], "divides by a variable, or by 0"),
        (["/", "1", "2", "3"], "neither an input"),
        (["-"], "neither an input"),
        (["+"], "neither an input"),
        (["max", "Y_0", "Y_1"], r"\(max Y_0 Y_1\) is neither an input, nor an output, nor a"),
        ("X_01", "X_01 is no variable"),
        ("true", "no number"),
        (["*", "1e200", ["*", "1e200", "Y_0"]], "beyond 1e300"),
        (["/", "1e200", "1e-200"], "beyond 1e300"),
    ],
)
def test_other_terms_are_refused(term: Expression, message: str) -> None:
    with pytest.raises(FaultyError, match=message):
        linear(term)
