"""VNN-LIB properties: bounds of inputs X_i, and what outputs Y_c are looked for.

Read are assertions of `<=` and `>=` between an input and a number, and `and`, `or` of `<=`, `>=`
between outputs, or an output and a number.
"""

import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import NoReturn

import numpy as np

from signflip.arrays import Floats
from signflip.errors import ProblemError
from signflip.queries.query import Case, Comparison

Expression = str | list["Expression"]
MOST_CASES = 100_000


class _FaultyError(ValueError):
    """What is wrong with a property."""


def read_property(path: Path) -> tuple[Floats, Floats, tuple[Case, ...]]:
    """Lower and upper bounds (inputs,) float64, and the cases of a property.

    Raises:
        ProblemError: the file cannot be read, or says what cannot be decided here.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemError(f"{path} cannot be read: {error}") from error
    try:
        return _property(list(_expressions(text)))
    except _FaultyError as error:
        raise ProblemError(f"{path}: {error}") from error
    except RecursionError as error:
        raise ProblemError(f"{path}: its parentheses are nested too deeply") from error


def _refuse(reason: str) -> NoReturn:
    raise _FaultyError(reason)


def _expressions(text: str) -> Iterator[Expression]:
    stack: list[list[Expression]] = [[]]
    for token in re.findall(r"[()]|[^\s();]+|;[^\n]*", text):
        if token.startswith(";"):
            continue
        if token == "(":
            stack.append([])
        elif token == ")":
            if len(stack) == 1:
                _refuse("a parenthesis closes that was never opened")
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    if len(stack) > 1:
        _refuse("a parenthesis is never closed; the file is cut short")
    yield from stack[0]


def _property(expressions: list[Expression]) -> tuple[Floats, Floats, tuple[Case, ...]]:
    inputs, bounds = 0, dict[tuple[int, str], Fraction]()
    cases: list[Case] = [()]
    for each in expressions:
        if not isinstance(each, list) or not each:
            _refuse(f"{each} stands alone; everything is in parentheses")
        if each[0] == "declare-const" and len(each) > 1 and isinstance(each[1], str):
            if each[1].startswith("X_"):
                inputs = max(inputs, _number_of(each[1]) + 1)
        elif each[0] == "assert" and len(each) == 2:
            bound = _input_bound(each[1])
            if bound is None:
                alternatives = _cases(each[1])
                if len(cases) * len(alternatives) > MOST_CASES:
                    _refuse(f"it has more than {MOST_CASES} cases")
                cases = [a + b for a, b in product(cases, alternatives)]
            else:
                index, side, number = bound
                known = bounds.get((index, side), number)
                tighter = max if side == "lower" else min
                bounds[index, side] = tighter(known, number)
                inputs = max(inputs, index + 1)
        else:
            _refuse(f"({each[0]} ...) is neither a declaration nor an assertion")
    ends = []
    for side, towards in (("lower", np.inf), ("upper", -np.inf)):
        for index in range(inputs):
            if (index, side) not in bounds:
                _refuse(f"X_{index} has no {side} bound; every input needs one")
        ends.append(np.array([_inward(bounds[i, side], towards) for i in range(inputs)]))
    return ends[0], ends[1], tuple(cases)


def _inward(number: Fraction, towards: float) -> float:
    """The nearest float that is not beyond the number."""
    rounded = float(number)
    beyond = Fraction(rounded) < number if towards > 0 else Fraction(rounded) > number
    return float(np.nextafter(rounded, towards)) if beyond else rounded


def _input_bound(expression: Expression) -> tuple[int, str, Fraction] | None:
    match expression:
        case [("<=" | ">=") as sense, str(left), str(right)]:
            if left.startswith("X_"):
                side = "upper" if sense == "<=" else "lower"
                return _number_of(left), side, _number(right)
            if right.startswith("X_"):
                side = "lower" if sense == "<=" else "upper"
                return _number_of(right), side, _number(left)
    return None


def _cases(expression: Expression) -> list[Case]:
    match expression:
        case ["or", *parts] if parts:
            return [case for part in parts for case in _cases(part)]
        case ["and", *parts] if parts:
            made: list[Case] = [()]
            for part in parts:
                made = [a + b for a, b in product(made, _cases(part))]
                if len(made) > MOST_CASES:
                    _refuse(f"it has more than {MOST_CASES} cases")
            return made
        case [("<=" | ">=") as sense, left, right]:
            larger, smaller = (left, right) if sense == ">=" else (right, left)
            return [(_comparison(larger, smaller),)]
    _refuse(f"{_shown(expression)} is no comparison of outputs by <=, >=, and, or")


def _comparison(larger: Expression, smaller: Expression) -> Comparison:
    """Larger >= smaller."""
    coefficients: dict[int, Fraction] = {}
    level = Fraction(0)
    for term, sign in ((larger, 1), (smaller, -1)):
        if isinstance(term, str) and term.startswith("Y_"):
            c = _number_of(term)
            coefficients[c] = coefficients.get(c, Fraction(0)) + sign
        elif isinstance(term, str):
            level -= sign * _number(term)
        else:
            _refuse(f"{_shown(term)} is neither an output nor a number")
    if not any(coefficients.values()):
        _refuse("a comparison names no output, or one with itself")
    return Comparison(coefficients=tuple(sorted(coefficients.items())), level=level)


def _number_of(name: str) -> int:
    tail = name[2:]
    if not re.fullmatch(r"\d{1,9}", tail, re.ASCII):
        _refuse(f"{name} is no variable, such as X_0")
    return int(tail)


def _number(text: str) -> Fraction:
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", text, re.ASCII):
        _refuse(f"{text[:40]} is no number")
    number = Fraction(text)
    if abs(number) > sys.float_info.max:
        _refuse(f"{text[:40]} is beyond the numbers of 64 bits")
    return number


def _shown(expression: Expression) -> str:
    text = str(expression).replace("[", "(").replace("]", ")").replace("'", "").replace(",", "")
    return text if len(text) < 80 else text[:77] + "..."
