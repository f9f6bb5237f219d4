"""Marabou's query files: linear equations and signs in a flat text, with the network in them.

An input may be scaled by itself before the first sums (`a x - b`). The network then reads `a x`, so
the query's inputs are divided by `scale` to be those of the file. Its box is rounded outward, so
that a proof covers the whole box of the file; a witness is replayed with the file's own numbers.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from signflip.arrays import Floats
from signflip.errors import NetworkError, ProblemError
from signflip.formats.assembly import Assembly
from signflip.formats.value import Value
from signflip.network import BinaryNetwork, InputRange
from signflip.queries.marabou_file import (
    AT_LEAST,
    AT_MOST,
    EQUAL,
    Equation,
    MarabouFile,
    Terms,
    parsed,
)
from signflip.queries.marabou_replay import Found, Replay, Row
from signflip.queries.outputs import Outputs
from signflip.queries.query import Case, Comparison, Query
from signflip.queries.reading import (
    LARGEST,
    LARGEST_INPUT,
    FaultyError,
    float_from,
    refuse,
    text_of,
)

Known = dict[int, tuple[int, Terms, Fraction]]
"""Variable -> number of signs below it, and its terms and constant in what is just below."""
_ONE = Fraction(1)
"""The weight of what is known as itself."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MarabouQuery:
    """A query file.

    Attributes:
        queries: the question, over scaled inputs; none where the box is empty.
        scale: (inputs,) float64: what the file's inputs were multiplied by.
        replay: the same question in the file's own numbers.
    """

    queries: tuple[Query, ...]
    scale: Floats
    replay: Replay

    def witness(self, image: Floats) -> Found | None:
        """A witness of the file beside one of the scaled query. Exact; None if none is found."""
        return self.replay.witness_near(image / self.scale)


def read_marabou(path: Path) -> MarabouQuery:
    """The query of a file, plain or compressed by gzip.

    Raises:
        ProblemError: the file cannot be read, or says what cannot be said exactly.
    """
    text = text_of(path)
    try:
        return _assembled(parsed(iter(text.splitlines())))
    except (FaultyError, NetworkError) as error:
        raise ProblemError(f"{path}: {error}") from error
    except (ArithmeticError, LookupError, ValueError) as error:
        raise ProblemError(f"{path} is no whole Marabou query ({error!r})") from error


def _assembled(file: MarabouFile) -> MarabouQuery:
    known: Known = {
        variable: (0, {place: _ONE}, Fraction(0)) for place, variable in enumerate(file.inputs)
    }
    asked = set(file.outputs)
    waiting = [
        each for each in file.equations if each.kind == EQUAL and not asked.issuperset(each.terms)
    ]
    signs = dict(file.signs)
    layers: list[list[int]] = [[]]
    rows: list[list[Row]] = []
    while waiting or signs:
        rest = [each for each in waiting if not _solved(each, known)]
        ready = [output for output, source in signs.items() if source in known]
        moved = len(rest) < len(waiting)
        waiting = rest
        if moved:
            continue
        if not ready:
            refuse("its equations leave some variable undefined, or need more than a layer order")
        depth = max(known[signs[output]][0] for output in ready)
        now = [output for output in ready if known[signs[output]][0] == depth]
        if depth != len(layers) - 1 or len(now) < len(ready):
            refuse("a sign reads several layers; each layer must read the one below only")
        rows.append([Row(*known[signs[output]][1:]) for output in now])
        for place, output in enumerate(now):
            if output in known:
                refuse(f"its variable {output} is a sign, and an input or in an equation's place")
            known[output] = (depth + 1, {place: _ONE}, Fraction(0))
            del signs[output]
        layers.append(now)
    undefined = [variable for variable in file.outputs if variable not in known]
    if undefined:
        refuse(f"its output {undefined[0]} is undefined")
    depths = {known[variable][0] for variable in file.outputs}
    if not rows or depths != {len(rows)}:
        refuse("its outputs are no sums of the last signs")
    return _query(file, rows, known)


def _solved(equation: Equation, known: Known) -> bool:
    """Whether the equation defines its one unknown variable, which is then known."""
    name, _, scalar, terms = equation
    unknown = [variable for variable in terms if variable not in known]
    if not unknown:
        refuse(
            f"its equation {name} defines no variable, so that it limits the others; only outputs "
            "can be limited by equations"
        )
    if len(unknown) > 1:
        return False
    (variable,) = unknown
    depths = {known[each][0] for each in terms if each != variable}
    if len(depths) > 1:
        refuse("an equation reads several layers; each layer must read the one below only")
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


def _query(file: MarabouFile, layers: list[list[Row]], known: Known) -> MarabouQuery:
    for variable in file.inputs:
        if variable not in file.lower or variable not in file.upper:
            refuse("an input has no bounds; every input needs a lower and an upper one")
    replay = Replay(
        lower=[file.lower[variable] for variable in file.inputs],
        upper=[file.upper[variable] for variable in file.inputs],
        layers=layers,
        outputs=[Row(*known[variable][1:]) for variable in file.outputs],
        case=_comparisons(file),
    )
    factors = _input_scale(len(file.inputs), layers[0])
    scale = np.array([float(factor) for factor in factors])
    if any(low > high for low, high in zip(replay.lower, replay.upper, strict=True)):
        return MarabouQuery(queries=(), scale=scale, replay=replay)
    _refuse_bounds(file, known, replay)
    low = np.array([_scaled(*each, -np.inf) for each in zip(replay.lower, factors, strict=True)])
    high = np.array([_scaled(*each, np.inf) for each in zip(replay.upper, factors, strict=True)])
    least, most = float(low.min()), float(high.max())
    assembly = Assembly((len(scale),), InputRange(lower=least, upper=max(most, least + 1.0)))
    value = assembly.image()
    for index, layer in enumerate(layers):
        value = assembly.sign(_summed(assembly, value, layer, None if index else factors))
    network = assembly.finish(
        _summed(assembly, value, replay.outputs, None), {"source": "a Marabou query"}
    )
    case = _widened(replay.case, replay.outputs, network)
    query = Query(network=network, lower=low, upper=high, cases=(Outputs.of(network).asked(case),))
    return MarabouQuery(queries=(query,), scale=scale, replay=replay)


def _comparisons(file: MarabouFile) -> Case:
    """What is asked of outputs: by equations and inequalities of them only, and by bounds."""
    place = {variable: c for c, variable in enumerate(file.outputs)}
    asked = []
    for name, kind, scalar, terms in file.equations:
        if not set(terms) <= set(place):
            if kind == EQUAL:
                continue
            refuse(f"its inequality {name} is of other variables than outputs; bound inputs singly")
        if kind != AT_MOST:
            asked.append((terms, scalar, 1))
        if kind != AT_LEAST:
            asked.append((terms, scalar, -1))
    for bounds, side in ((file.lower, 1), (file.upper, -1)):
        asked += [({v: _ONE}, bounds[v], side) for v in file.outputs if v in bounds]
    return tuple(
        Comparison(
            coefficients=tuple((place[v], side * factor) for v, factor in sorted(terms.items())),
            level=side * level,
        )
        for terms, level, side in asked
    )


def _refuse_bounds(file: MarabouFile, known: Known, replay: Replay) -> None:
    """Refuse bounds of other variables than inputs and outputs that say more than equations do."""
    apart = {*file.inputs, *file.outputs}
    for side, bounds in (("lower", file.lower), ("upper", file.upper)):
        for variable in bounds.keys() - apart:
            if variable not in known:
                refuse(f"its variable {variable} has a bound, and no equation defines it")
            depth, weights, constant = known[variable]
            lower, upper = replay.lower, replay.upper
            if depth:
                width = len(replay.layers[depth - 1])
                lower, upper = [-_ONE] * width, [_ONE] * width
            least, most = Row(weights, constant).range(lower, upper)
            bound = bounds[variable]
            if bound > least if side == "lower" else bound < most:
                refuse(
                    f"its variable {variable} has the {side} bound {float(bound):g}, which limits "
                    f"it ({float(least):g} to {float(most):g} without); only inputs and outputs "
                    "can be limited"
                )


def _scaled(bound: Fraction, factor: Fraction, towards: float) -> float:
    """Rounded outward."""
    if abs(bound * factor) > LARGEST_INPUT:
        refuse("an input's bound, times its weight, is beyond 1e30; scale the query down")
    return float_from(bound * factor, towards)


def _input_scale(inputs: int, rows: list[Row]) -> list[Fraction]:
    """What each input is multiplied by, so that each row's weights are of one size."""
    scale = [Fraction(0)] * inputs
    for row in rows:
        for place, weight in row.weights.items():
            scale[place] = scale[place] or abs(weight)
    if any(factor and not 1 / LARGEST <= factor <= LARGEST for factor in scale):
        refuse("a weight of an input is beyond 1e300, or below 1e-300; scale the query")
    return [factor or Fraction(1) for factor in scale]


def _summed(
    assembly: Assembly,
    value: Value,
    layer: list[Row],
    divide: list[Fraction] | None,
) -> Value:
    rows = [
        {place: factor / divide[place] for place, factor in row.items()} if divide else row
        for row, _ in layer
    ]
    # decimals of one size are signs times an exact number; others are rounded to float64
    sizes = [{abs(factor) for factor in row.values()} for row in rows]
    alike = all(len(each) < 2 for each in sizes)
    gains = [each.pop() if alike and each else _ONE for each in sizes]
    weight = np.zeros((len(layer), value.size))
    for number, (row, gain) in enumerate(zip(rows, gains, strict=True)):
        for place, factor in row.items():
            weight[number, place] = factor / gain
    constants = np.array([constant for _, constant in layer], dtype=object)
    return assembly.linear(value, weight).scaled(np.array(gains, dtype=object), constants)


def _widened(case: Case, outputs: list[Row], network: BinaryNetwork) -> Case:
    """What a case asks of outputs that are rounded to float64: at least what holds of the exact.

    A proof then holds for the file's numbers, by which a witness is replayed.
    """
    made = network.output
    first = network.classes - len(outputs)  # of one output a network makes two class values
    errors = []
    for c, row in enumerate(outputs, first):
        scale = Fraction(float(made.scale[c]))
        held = [scale * Fraction(weight) for weight in made.weight[c].tolist()]
        error = abs(row.constant - Fraction(float(made.bias[c])))
        for place, weight in enumerate(held):
            error += abs(row.weights.get(place, Fraction(0)) - weight)
        errors.append(error)
    return tuple(
        replace(
            each, level=each.level - sum(abs(factor) * errors[c] for c, factor in each.coefficients)
        )
        for each in case
    )
