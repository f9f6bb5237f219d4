"""VNN-LIB properties: boxes of inputs X_i, and what outputs Y_c are looked for.

Read are assertions of `<=`, `>=` and `=` between an input and a number, two outputs, or an output
and a number, also where these are written as sums, and `and`, `or` of those. Each box of inputs
that they describe makes a part.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from signflip.arrays import Floats
from signflip.errors import ProblemError
from signflip.queries.linear import (
    Expression,
    Linear,
    Variable,
    added,
    linear,
    scaled,
    shown,
    variable_of,
)
from signflip.queries.query import Case, Comparison
from signflip.queries.reading import (
    LARGEST,
    LARGEST_INPUT,
    FaultyError,
    float_from,
    refuse,
    text_of,
)

MOST_CASES = 100_000
MOST_BOXES = 1000
SAYS_NOTHING = {"set-logic", "set-info", "set-option", "check-sat", "get-model", "exit"}
"""Commands to a solver, which are no part of the question."""
_TOKEN = re.compile(r'[()]|\|[^|]*\||"[^"]*"|;[^\n\r]*|[^\s();]+')


class Bound(NamedTuple):
    """Of an input, from below or above."""

    place: int
    side: str
    number: Fraction


Alternative = tuple[Bound | Comparison, ...]
"""What holds together."""
Bounds = dict[tuple[int, str], Fraction]
ALWAYS = Comparison(coefficients=((0, Fraction(0)),), level=Fraction(0))
"""What every output fulfils."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Part:
    """A box, and what is looked for in it.

    Attributes:
        lower: (inputs,) float64.
        upper: (inputs,) float64.
        cases: one of them is enough.
    """

    lower: Floats
    upper: Floats
    cases: tuple[Case, ...]


def read_property(path: Path) -> tuple[Part, ...]:
    """The parts of a property, plain or compressed by gzip; none where nothing can fulfil it.

    Bounds are rounded inward; where no float64 lies between those of an input, it is the nearest.

    Raises:
        ProblemError: the file cannot be read, or says what cannot be decided here.
    """
    text = text_of(path)
    try:
        return _parts(list(_expressions(text)))
    except FaultyError as error:
        raise ProblemError(f"{path}: {error}") from error
    except RecursionError as error:
        raise ProblemError(f"{path}: its parentheses are nested too deeply") from error


def _expressions(text: str) -> Iterator[Expression]:
    stack: list[list[Expression]] = [[]]
    for token in _TOKEN.findall(text):
        if token.startswith(";"):
            continue
        if token == "(":
            stack.append([])
        elif token == ")":
            if len(stack) == 1:
                refuse("a parenthesis closes that was never opened")
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    if len(stack) > 1:
        refuse("a parenthesis is never closed; the file is cut short")
    yield from stack[0]


def _parts(expressions: list[Expression]) -> tuple[Part, ...]:
    inputs = 0
    shared: list[Bound | Comparison] = []
    choices: list[Alternative] = [()]
    for each in expressions:
        match each:
            case ["declare-const", str(name), "Real"] | ["declare-fun", str(name), [], "Real"]:
                if name.startswith("X_"):
                    inputs = max(inputs, variable_of(name).place + 1)
            case ["assert", asserted]:
                alternatives = _alternatives(asserted)
                if len(alternatives) == 1:
                    shared.extend(alternatives[0])
                else:
                    choices = _together(choices, alternatives)
            case [str(command), *_] if command in SAYS_NOTHING:
                pass
            case str() | []:
                refuse(f"{shown(each)} stands alone; everything is in parentheses")
            case _:
                refuse(f"{shown(each)} is neither a declaration nor an assertion; inputs are Real")
    everywhere = _tightest(shared)
    boxes: dict[frozenset[tuple[tuple[int, str], Fraction]], list[Case]] = {}
    for choice in choices:
        own = _tightest(choice)
        case = [each for each in (*shared, *choice) if isinstance(each, Comparison)]
        telling = tuple(each for each in case if each is not ALWAYS)
        boxes.setdefault(frozenset(own.items()), []).append(telling or tuple(case[:1]))
    if len(boxes) > MOST_BOXES:
        refuse(f"it has {len(boxes)} boxes of inputs; there can be {MOST_BOXES} at most")
    if any(case for cases in boxes.values() for case in cases):
        # where outputs are asked for at all, a choice of inputs only leaves them free
        boxes = {own: [case or (ALWAYS,) for case in cases] for own, cases in boxes.items()}
    bounded = [(_merged(everywhere, dict(own)), cases) for own, cases in boxes.items()]
    inputs = max([inputs, *(index + 1 for bounds, _ in bounded for index, _ in bounds)])
    made = (_part(bounds, inputs, tuple(cases)) for bounds, cases in bounded)
    return tuple(part for part in made if part is not None)


def _part(bounds: Bounds, inputs: int, cases: tuple[Case, ...]) -> Part | None:
    """The part of a box; None where the box is empty."""
    lower, upper, empty = [], [], False
    for index in range(inputs):
        for side in ("lower", "upper"):
            if (index, side) not in bounds:
                refuse(f"X_{index} has no {side} bound; every input needs one")
        low, high = bounds[index, "lower"], bounds[index, "upper"]
        empty = empty or low > high
        if max(abs(low), abs(high)) > LARGEST_INPUT:
            refuse(f"X_{index} has a bound beyond 1e30; those of inputs lie between -1e30 and 1e30")
        ends = float_from(low, np.inf), float_from(high, -np.inf)
        if ends[0] > ends[1]:
            ends = (float((low + high) / 2),) * 2
        lower.append(ends[0])
        upper.append(ends[1])
    return None if empty else Part(lower=np.array(lower), upper=np.array(upper), cases=cases)


def _tightest(bounds: Alternative | list[Bound | Comparison]) -> Bounds:
    """The tightest bound of each side, among what is no comparison."""
    made: Bounds = {}
    for each in bounds:
        if isinstance(each, Bound):
            _tighten(made, (each.place, each.side), each.number)
    return made


def _merged(bounds: Bounds, more: Bounds) -> Bounds:
    made = dict(bounds)
    for key, value in more.items():
        _tighten(made, key, value)
    return made


def _tighten(bounds: Bounds, key: tuple[int, str], value: Fraction) -> None:
    tighter = max if key[1] == "lower" else min
    bounds[key] = tighter(bounds.get(key, value), value)


def _together(some: list[Alternative], others: list[Alternative]) -> list[Alternative]:
    if len(some) * len(others) > MOST_CASES:
        refuse(f"it has more than {MOST_CASES} cases")
    return [a + b for a, b in product(some, others)]


def _alternatives(expression: Expression) -> list[Alternative]:
    match expression:
        case ["or", *parts] if parts:
            return [each for part in parts for each in _alternatives(part)]
        case ["and", *parts] if parts:
            made: list[Alternative] = [()]
            for part in parts:
                made = _together(made, _alternatives(part))
            return made
        case ["<=", left, right]:
            return _compared(linear(right), linear(left))
        case [">=", left, right]:
            return _compared(linear(left), linear(right))
        case ["=", left, right]:
            ends = linear(left), linear(right)
            return _together(_compared(*ends), _compared(*reversed(ends)))
        case ["<" | ">", _, _]:
            refuse(
                f"{shown(expression)} is strict, which is not decided here; write <= or >=, "
                "with which a tie counts"
            )
    return refuse(f"{shown(expression)} is no comparison by <=, >= or =, nor an and, or of some")


def _compared(larger: Linear, smaller: Linear) -> list[Alternative]:
    """Larger >= smaller."""
    terms, constant = added(larger, scaled(smaller, Fraction(-1)))
    kinds = {variable.kind for variable in terms}
    if not terms:
        return [(ALWAYS,)] if constant >= 0 else []
    if "X" not in kinds:
        return [(_of_outputs(terms, -constant),)]
    if len(terms) > 1:
        place = min(variable.place for variable in terms if variable.kind == "X")
        refuse(f"X_{place} is compared with a variable; inputs are compared with numbers only")
    ((variable, factor),) = terms.items()
    side = "lower" if factor > 0 else "upper"
    return [(Bound(variable.place, side, -constant / factor),)]


def _of_outputs(terms: dict[Variable, Fraction], level: Fraction) -> Comparison:
    """Two outputs that are compared, or an output and a number; multiplied by what is theirs."""
    sizes = {abs(factor) for factor in terms.values()}
    if len(terms) > 2 or len(sizes) > 1 or (len(terms) == 2 and sum(terms.values()) != 0):
        few = " and ".join(f"{float(factor):g} Y_{each.place}" for each, factor in terms.items())
        refuse(
            f"a sum of {few} is compared; outputs are compared with one another, or with numbers"
        )
    size = sizes.pop()
    level /= size
    if abs(level) > LARGEST:
        refuse("an output is compared with a number beyond 1e300")
    shares = sorted((each.place, factor / size) for each, factor in terms.items())
    return Comparison(coefficients=tuple(shares), level=level)
