"""Marabou's query files: linear equations and signs in a flat text, with the network in them.

    variables, lower bounds, upper bounds, equations, constraints      five counts, a line each
    input variables, then a line `number,variable` of each; output variables, likewise
    `variable,bound` of each lower, then of each upper bound
    `number,type,scalar,variable,coefficient,...`                      0: =, 1: >=, 2: <= scalar
    `number,sign,output,input`                                         sign(0) = +1

An input may be scaled by itself before the first sums (`a x - b`). The network then reads `a x`, so
the query's inputs are divided by `scale` to be those of the file.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

import numpy as np

from signflip.arrays import Floats
from signflip.errors import NetworkError, ProblemError
from signflip.formats.assembly import Assembly
from signflip.formats.value import Value, exact
from signflip.network import InputRange
from signflip.queries.query import Comparison, Query

MOST_BYTES = 2**28
MOST_VARIABLES = 1_000_000
Terms = dict[int, Fraction]
Known = dict[int, tuple[int, Terms, Fraction]]
"""Variable -> number of signs below it, and its terms and constant in what is just below."""
_ONE = Fraction(1)
"""The weight of what is known as itself."""


class _FaultyError(ValueError):
    """What is wrong with a query."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MarabouQuery:
    """A query file.

    Attributes:
        query: the question, over scaled inputs.
        scale: (inputs,) float64: what the file's inputs were multiplied by.
    """

    query: Query
    scale: Floats


@dataclass
class _File:
    """The lines of a file, taken apart."""

    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    lower: Terms = field(default_factory=dict)
    upper: Terms = field(default_factory=dict)
    equations: list[tuple[int, Fraction, Terms]] = field(default_factory=list)
    signs: list[tuple[int, int]] = field(default_factory=list)


def read_marabou(path: Path) -> MarabouQuery:
    """The query of a file, plain or compressed by gzip.

    Raises:
        ProblemError: the file cannot be read, or says what cannot be said exactly.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data, MOST_BYTES)
        text = data.decode("ascii")
    except (OSError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise ProblemError(f"{path} is no whole Marabou query ({error})") from error
    try:
        return _assembled(_read(iter(text.splitlines())))
    except (_FaultyError, NetworkError) as error:
        raise ProblemError(f"{path}: {error}") from error
    except (ArithmeticError, LookupError, ValueError) as error:
        raise ProblemError(f"{path} is no whole Marabou query ({error!r})") from error


@lru_cache(maxsize=1 << 14)
def _number(text: str) -> Fraction:
    """The weights of a layer are few different texts."""
    return Fraction(text)


def _refuse(reason: str) -> NoReturn:
    raise _FaultyError(reason)


def _next(lines: Iterator[str]) -> str:
    line = next(lines, None)
    return line if line is not None else _refuse("it is no whole Marabou query: it ends too early")


def _read(lines: Iterator[str]) -> _File:
    variables, lowers, uppers, equations, constraints = (int(_next(lines)) for _ in range(5))
    if not 0 < variables <= MOST_VARIABLES:
        _refuse(f"it has {variables} variables; there can be {MOST_VARIABLES} at most")
    file = _File()
    for names in (file.inputs, file.outputs):
        names.extend(int(_next(lines).split(",")[1]) for _ in range(int(_next(lines))))
    for bounds, count in ((file.lower, lowers), (file.upper, uppers)):
        for _ in range(count):
            variable, number = _next(lines).split(",")
            bounds[int(variable)] = Fraction(number)
    for _ in range(equations):
        _, kind, scalar, *terms = _next(lines).split(",")
        pairs = zip(terms[::2], terms[1::2], strict=True)
        file.equations.append(
            (int(kind), _number(scalar), {int(v): _number(c) for v, c in pairs if _number(c)})
        )
    for _ in range(constraints):
        _, kind, *ends = _next(lines).split(",")
        if kind != "sign" or len(ends) != 2:
            _refuse(f"it has a constraint {kind!r}; only signs can be said")
        file.signs.append((int(ends[0]), int(ends[1])))
    return file


def _assembled(file: _File) -> MarabouQuery:
    known: Known = {
        variable: (0, {place: _ONE}, Fraction(0)) for place, variable in enumerate(file.inputs)
    }
    waiting = [each for each in file.equations if each[0] == 0]
    signs = dict(file.signs)
    layers: list[list[int]] = [[]]
    rows: list[list[tuple[Terms, Fraction]]] = []
    while waiting or signs:
        rest = [each for each in waiting if not _solved(each, known)]
        ready = [output for output, source in signs.items() if source in known]
        moved = len(rest) < len(waiting)
        waiting = rest
        if moved:
            continue
        if not ready:
            _refuse("its equations leave some variable undefined, or need more than a layer order")
        depth = max(known[signs[output]][0] for output in ready)
        now = [output for output in ready if known[signs[output]][0] == depth]
        if depth != len(layers) - 1 or len(now) < len(ready):
            _refuse("a sign reads several layers; each layer must read the one below only")
        rows.append([(known[signs[output]][1], known[signs[output]][2]) for output in now])
        for place, output in enumerate(now):
            known[output] = (depth + 1, {place: _ONE}, Fraction(0))
            del signs[output]
        layers.append(now)
    undefined = [variable for variable in file.outputs if variable not in known]
    if undefined:
        _refuse(f"its output {undefined[0]} is undefined")
    outputs = [known[variable] for variable in file.outputs]
    return _query(file, rows, outputs)


def _solved(equation: tuple[int, Fraction, Terms], known: Known) -> bool:
    """Whether the equation defines its one unknown variable, which is then known."""
    _, scalar, terms = equation
    unknown = [variable for variable in terms if variable not in known]
    if len(unknown) != 1:
        return not unknown
    (variable,) = unknown
    depths = {known[each][0] for each in terms if each != variable}
    if len(depths) > 1:
        _refuse("an equation reads several layers; each layer must read the one below only")
    factor = -1 / terms[variable]
    plain = factor == 1  # as most are, which saves most of the time
    row: Terms = {}
    constant = -scalar * factor
    for each, coefficient in terms.items():
        if each == variable:
            continue
        _, below, shift = known[each]
        share = coefficient if plain else coefficient * factor
        if shift:
            constant += share * shift
        for place, weight in below.items():
            part = share if weight is _ONE else share * weight
            row[place] = row[place] + part if place in row else part
    known[variable] = (depths.pop() if depths else 0, row, constant)
    return True


def _query(
    file: _File,
    layers: list[list[tuple[Terms, Fraction]]],
    outputs: list[tuple[int, Terms, Fraction]],
) -> MarabouQuery:
    if not layers or any(depth != len(layers) for depth, _, _ in outputs):
        _refuse("its outputs are no sums of the last signs")
    scale = _input_scale(len(file.inputs), [row for row, _ in layers[0]])
    lower, upper = (
        [bounds.get(variable) for variable in file.inputs] for bounds in (file.lower, file.upper)
    )
    if None in lower or None in upper:
        _refuse("an input has no bounds; every input needs a lower and an upper one")
    ends = [
        sorted((low * factor, high * factor))
        for low, high, factor in zip(lower, upper, scale, strict=True)
        if low is not None and high is not None
    ]
    # outward: a proof covers the whole box of the file
    low = np.array([_outward(end[0], -np.inf) for end in ends])
    high = np.array([_outward(end[1], np.inf) for end in ends])
    least, most = float(low.min()), float(high.max())
    assembly = Assembly((len(scale),), InputRange(lower=least, upper=max(most, least + 1.0)))
    value = assembly.image()
    for index, layer in enumerate(layers):
        divide = scale if index == 0 else None
        value = assembly.sign(_summed(assembly, value, layer, divide))
    last = _summed(assembly, value, [(row, constant) for _, row, constant in outputs], None)
    network = assembly.finish(last, {"source": "a Marabou query"})
    place = {variable: c for c, variable in enumerate(file.outputs)}
    comparisons = []
    for kind, scalar, terms in file.equations:
        if kind == 0:
            continue
        if not set(terms) <= set(place):
            _refuse("an inequality is of other variables than outputs")
        side = 1 if kind == 1 else -1
        coefficients = tuple((place[v], side * c) for v, c in sorted(terms.items()))
        comparisons.append(Comparison(coefficients=coefficients, level=side * scalar))
    for variable, c in place.items():
        if variable in file.lower:
            comparisons.append(
                Comparison(coefficients=((c, Fraction(1)),), level=file.lower[variable])
            )
        if variable in file.upper:
            comparisons.append(
                Comparison(coefficients=((c, Fraction(-1)),), level=-file.upper[variable])
            )
    query = Query(network=network, lower=low, upper=high, cases=(tuple(comparisons),))
    return MarabouQuery(query=query, scale=np.array([float(factor) for factor in scale]))


def _input_scale(inputs: int, rows: list[Terms]) -> list[Fraction]:
    """What each input is multiplied by, so that each row's weights are of one size."""
    scale = [Fraction(0)] * inputs
    for row in rows:
        for place, weight in row.items():
            scale[place] = scale[place] or abs(weight)
    return [factor or Fraction(1) for factor in scale]


def _summed(
    assembly: Assembly,
    value: Value,
    layer: list[tuple[Terms, Fraction]],
    divide: list[Fraction] | None,
) -> Value:
    weight = np.zeros((len(layer), value.size))
    for number, (row, _) in enumerate(layer):
        for place, coefficient in row.items():
            weight[number, place] = coefficient / divide[place] if divide else coefficient
    constants = np.array([constant for _, constant in layer], dtype=object)
    return assembly.linear(value, weight).scaled(exact([1]), constants)


def _outward(number: Fraction, towards: float) -> float:
    rounded = float(number)
    inside = Fraction(rounded) > number if towards < 0 else Fraction(rounded) < number
    return float(np.nextafter(rounded, towards)) if inside else rounded
