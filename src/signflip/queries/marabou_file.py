"""The lines of a Marabou query file, taken apart. Nothing is understood yet.

variables, lower bounds, upper bounds, equations, constraints      five counts, a line each
input variables, then a line `number,variable` of each; output variables, likewise
`variable,bound` of each lower, then of each upper bound
`number,type,scalar,variable,coefficient,...`                      0: =, 1: >=, 2: <= scalar
`number,sign,output,input`                                         sign(0) = +1
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from signflip.queries.reading import number, refuse

MOST_VARIABLES = 1_000_000
EQUAL, AT_LEAST, AT_MOST = 0, 1, 2
Terms = dict[int, Fraction]


class Equation(NamedTuple):
    """`sum terms = scalar`, or `>=`, `<=` by its kind; `name` is its number in the file."""

    name: str
    kind: int
    scalar: Fraction
    terms: Terms


@dataclass
class MarabouFile:
    """The lines of a file; `signs` are variables, each with the one that it is the sign of."""

    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    lower: Terms = field(default_factory=dict)
    upper: Terms = field(default_factory=dict)
    equations: list[Equation] = field(default_factory=list)
    signs: dict[int, int] = field(default_factory=dict)


def parsed(lines: Iterator[str]) -> MarabouFile:
    """A file of its lines.

    Raises:
        ValueError: they are no whole query, or a `FaultyError` says what is wrong.
    """
    variables, lowers, uppers, equations, constraints = (int(_next(lines)) for _ in range(5))
    if not 0 < variables <= MOST_VARIABLES:
        refuse(f"it has {variables} variables; there can be {MOST_VARIABLES} at most")
    file = MarabouFile()
    for names in (file.inputs, file.outputs):
        names.extend(int(_next(lines).split(",")[1]) for _ in range(int(_next(lines))))
        if len(set(names)) < len(names):
            refuse("an input or output is named twice; each is one variable")
    for side, bounds, count in (("lower", file.lower, lowers), ("upper", file.upper, uppers)):
        for _ in range(count):
            name, text = _next(lines).split(",")
            if int(name) in bounds:
                refuse(f"its variable {name} has two {side} bounds; give the tighter one only")
            bounds[int(name)] = number(text)
    for _ in range(equations):
        file.equations.append(_equation(_next(lines)))
    for _ in range(constraints):
        _, kind, *ends = _next(lines).split(",")
        if kind != "sign" or len(ends) != 2:
            refuse(f"it has a constraint {kind!r}; only signs can be said")
        if int(ends[0]) in file.signs:
            refuse(f"its variable {ends[0]} is the sign of two others; it can be that of one")
        file.signs[int(ends[0])] = int(ends[1])
    return file


def _next(lines: Iterator[str]) -> str:
    line = next(lines, None)
    return line if line is not None else refuse("it is no whole Marabou query: it ends too early")


def _equation(line: str) -> Equation:
    name, kind, scalar, *rest = line.split(",")
    if int(kind) not in (EQUAL, AT_LEAST, AT_MOST):
        refuse(f"its equation {name} is of the kind {kind}; kinds are 0 (=), 1 (>=) and 2 (<=)")
    terms: Terms = {}
    for text, coefficient in zip(rest[::2], rest[1::2], strict=True):
        variable, weight = int(text), number(coefficient)
        terms[variable] = terms[variable] + weight if variable in terms else weight
    terms = {variable: weight for variable, weight in terms.items() if weight}
    if not terms:
        refuse(f"its equation {name} is of no variable; leave it out, or give it coefficients")
    return Equation(name, int(kind), number(scalar), terms)
