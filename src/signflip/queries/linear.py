"""Terms of VNN-LIB: sums of inputs X_i, outputs Y_c and numbers, each times a number."""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from signflip.queries.reading import LARGEST, number, refuse

Expression = str | list["Expression"]


class Variable(NamedTuple):
    """`X_place` or `Y_place`."""

    kind: str
    place: int


class Linear(NamedTuple):
    """A sum of variables, none of them times 0, and of a number."""

    terms: dict[Variable, Fraction]
    constant: Fraction


def linear(expression: Expression) -> Linear:
    """What a term says: a variable or a number, or `+`, `-`, `*`, `/` of such.

    Raises:
        FaultyError: it is no such sum, or a number in it is beyond 1e300.
    """
    match expression:
        case str(name) if name.startswith(("X_", "Y_")):
            return Linear({variable_of(name): Fraction(1)}, Fraction(0))
        case str(text):
            return Linear({}, number(text))
        case ["+", _, *_]:
            return _sum(_parts(expression))
        case ["-", only]:
            return scaled(linear(only), Fraction(-1))
        case ["-", _, *_]:
            first, *rest = _parts(expression)
            return _sum([first, *(scaled(each, Fraction(-1)) for each in rest)])
        case ["*", _, *_]:
            made = Linear({}, Fraction(1))
            for each in _parts(expression):
                if made.terms and each.terms:
                    refuse(
                        f"{shown(expression)} multiplies variables; only sums of them can be read"
                    )
                made = scaled(each, made.constant) if each.terms else scaled(made, each.constant)
            return made
        case ["/", over, below]:
            divisor = linear(below)
            if divisor.terms or divisor.constant == 0:
                refuse(f"{shown(expression)} divides by a variable, or by 0")
            return scaled(linear(over), 1 / divisor.constant)
    return refuse(
        f"{shown(expression)} is neither an input, nor an output, nor a number, nor a sum of them"
    )


def _parts(expression: list[Expression]) -> list[Linear]:
    return [linear(each) for each in expression[1:]]


def _sum(parts: Sequence[Linear]) -> Linear:
    total = Linear({}, Fraction(0))
    for each in parts:
        total = added(total, each)
    return total


def added(one: Linear, other: Linear) -> Linear:
    """The sum of two."""
    terms = dict(one.terms)
    for variable, factor in other.terms.items():
        terms[variable] = terms.get(variable, Fraction(0)) + factor
    kept = {variable: factor for variable, factor in terms.items() if factor}
    return _within(Linear(kept, one.constant + other.constant))


def scaled(one: Linear, factor: Fraction) -> Linear:
    """A sum times a number."""
    terms = {variable: share * factor for variable, share in one.terms.items() if factor}
    return _within(Linear(terms, one.constant * factor))


def _within(one: Linear) -> Linear:
    if any(abs(each) > LARGEST for each in (*one.terms.values(), one.constant)):
        refuse("a number is beyond 1e300; numbers lie between -1e300 and 1e300")
    return one


def variable_of(name: str) -> Variable:
    """The variable of a name.

    Raises:
        FaultyError: it is none.
    """
    if not re.fullmatch(r"0|[1-9]\d{0,8}", name[2:], re.ASCII):
        refuse(f"{name} is no variable, such as X_0")
    return Variable(name[0], int(name[2:]))


def shown(expression: Expression) -> str:
    """An expression as the file has it, cut short."""
    text = str(expression).replace("[", "(").replace("]", ")").replace("'", "").replace(",", "")
    return text if len(text) < 80 else text[:77] + "..."
