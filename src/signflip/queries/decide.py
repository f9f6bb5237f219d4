"""Deciding a query: each comparison becomes a class that must beat one that is always 0."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from signflip.arrays import Floats
from signflip.attack import Method, attack, refusal
from signflip.clock import Clock
from signflip.errors import ProblemError
from signflip.network import UNIT_ROUNDOFF, BinaryNetwork, InputRange, OutputLayer
from signflip.problem import Box, Problem, Ties, Untargeted
from signflip.problem.grids import GridName
from signflip.problem.regions.grid_points import GridPoints
from signflip.problem.regions.region import Region
from signflip.queries.query import Case, Comparison, Query
from signflip.result import Verdict

MOST_SUMS = 1000
"""Of comparisons that have to hold together."""


class Answer(Enum):
    """What the competition calls it."""

    SAT = "sat"
    UNSAT = "unsat"
    UNKNOWN = "unknown"
    TIMEOUT = "timeout"


class Turn(NamedTuple):
    """A method, and its share of the time that is left when its turn comes."""

    method: Method
    share: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Decision:
    """An answer.

    Attributes:
        answer: `SAT` with a witness that was replayed exactly, `UNSAT` with a proof, or neither.
        witness: (inputs,) float64, or None.
        seconds: the time that it took.
    """

    answer: Answer
    witness: Floats | None
    seconds: float


def decide(query: Query, turns: Sequence[Turn], *, time_limit: float | None = None) -> Decision:
    """Look for a witness of the query, or a proof that there is none.

    Args:
        query: the question.
        turns: methods that are tried one after the other on each part, each from the best point of
            those before. Those that refuse the problem are left out.
        time_limit: seconds for all of it.
    """
    clock = Clock.start(time_limit)
    on_grid = query.on_grid()
    if on_grid is None:
        return Decision(answer=Answer.UNSAT, witness=None, seconds=clock.elapsed())
    query = on_grid
    centre = query.centre
    if query.is_witness(centre):
        return Decision(answer=Answer.SAT, witness=centre, seconds=clock.elapsed())
    open_parts = False
    for part in _parts(query.cases):
        if clock.expired():
            open_parts = True
            break
        found = _decide_part(query, part, centre, turns, clock)
        if isinstance(found, np.ndarray):
            return Decision(answer=Answer.SAT, witness=found, seconds=clock.elapsed())
        open_parts = open_parts or not found
    if not open_parts:
        answer = Answer.UNSAT
    else:
        answer = Answer.TIMEOUT if clock.expired() else Answer.UNKNOWN
    return Decision(answer=answer, witness=None, seconds=clock.elapsed())


def rounded_to_float32(
    query: Query, witness: Floats, turns: Sequence[Turn], *, time_limit: float
) -> Floats:
    """A witness of float32 numbers, which others can check in float32; else the one that is there.

    Args:
        query: the question.
        witness: (inputs,) float64.
        turns: methods that are tried, as of `decide`.
        time_limit: seconds for looking for another witness where rounding this one spoils it.
    """
    narrowed = replace(query, float32=True)
    on_grid = narrowed.on_grid()
    if on_grid is None or narrowed.grid is None:
        return witness
    near = np.clip(narrowed.grid.nearest(witness), on_grid.lower, on_grid.upper)
    if narrowed.is_witness(near):
        return near
    found = decide(narrowed, turns, time_limit=time_limit).witness
    return witness if found is None else found


def _parts(cases: tuple[Case, ...]) -> list[tuple[Case, ...]]:
    """Cases of one comparison are decided together; each other one by itself."""
    single = tuple(case for case in cases if len(case) == 1)
    rest: list[tuple[Case, ...]] = [(case,) for case in cases if len(case) > 1]
    return [single, *rest] if single else rest


def _decide_part(
    query: Query,
    part: tuple[Case, ...],
    centre: Floats,
    turns: Sequence[Turn],
    clock: Clock,
) -> Floats | bool:
    """A witness; or whether there is none, with proof."""
    joint = len(part) > 1 or len(part[0]) == 1
    groups = [tuple(case[0] for case in part)] if joint else [(each,) for each in part[0]]
    for group in groups:
        if clock.expired():
            return False
        asked = _ask(query, group, centre, turns, clock)
        if asked.refuted:
            return True
        if query.is_witness(asked.best):
            return asked.best
    return False if joint else _decide_together(query, part[0], centre, turns, clock)


def _decide_together(
    query: Query, case: Case, centre: Floats, turns: Sequence[Turn], clock: Clock
) -> Floats | bool:
    """As `_decide_part`, for comparisons that all have to hold, by sums of them.

    Where all hold, every sum of them with weights above 0 does. A sum that cannot hold refutes the
    case; a point where it does is a witness, or fails some comparisons, which weigh more in the
    next sum.
    """
    weights = [Fraction(1)] * len(case)
    for turn in range(MOST_SUMS):
        if clock.expired():
            break
        asked = _ask(query, (_summed(case, weights),), centre, turns, clock)
        if asked.refuted:
            return True
        if query.is_witness(asked.best):
            return asked.best
        values = query.network.output.exact_values(
            query.network.activations(asked.best[None])[-1][0]
        )
        failing = [not each.holds(values) for each in case]
        # where the sum fails, too, every weight would rise, and the sum stay
        rise = failing if not all(failing) else [i == turn % len(case) for i in range(len(case))]
        weights = [w + int(up) for w, up in zip(weights, rise, strict=True)]
    return False


def _summed(case: Case, weights: Sequence[Fraction]) -> Comparison:
    coefficients: dict[int, Fraction] = {}
    for each, weight in zip(case, weights, strict=True):
        for c, factor in each.coefficients:
            coefficients[c] = coefficients.get(c, Fraction(0)) + weight * factor
    level = sum((w * each.level for each, w in zip(case, weights, strict=True)), start=Fraction(0))
    return Comparison(coefficients=tuple(sorted(coefficients.items())), level=level)


class _Asked(NamedTuple):
    """What came of asking whether one of some comparisons can hold."""

    refuted: bool
    best: Floats


def _ask(
    query: Query,
    group: tuple[Comparison, ...],
    centre: Floats,
    turns: Sequence[Turn],
    clock: Clock,
) -> _Asked:
    """Whether no point fulfils one of the comparisons, with proof; and the best point found."""
    problem = _problem(query, group, centre)
    if problem is None:
        # the centre fulfils one already: it rules nothing out
        return _Asked(refuted=False, best=centre)
    start, best = None, centre
    for method, share in turns:
        left = clock.remaining()
        if left <= 0:
            break
        if refusal(method, problem) is not None:
            continue
        limit = None if np.isinf(left) else share * left
        try:
            result = attack(problem, method, time_limit=limit, start=start)
        except ProblemError:  # such as a layer too wide for its tables: others may answer
            continue
        start = best = result.witness
        if result.verdict is Verdict.ROBUST:
            return _Asked(refuted=True, best=best)
        if query.is_witness(best) or result.verdict is Verdict.FLIPPED:
            break
    return _Asked(refuted=False, best=best)


def _problem(query: Query, group: tuple[Comparison, ...], centre: Floats) -> Problem | None:
    """One class for each comparison, which flips where it holds; None if one holds already."""
    network = _compared(query, group)
    if int(network.predict(centre[None])[0]) != 0 or _ties(network, centre):
        return None
    inputs = network.input_range
    region: Region = Box(lower=query.lower, upper=query.upper, inputs=inputs)
    if inputs.step is not None:
        region = GridPoints(region, GridName.EIGHT_BIT.of(inputs))
    elif query.grid is not None:
        region = GridPoints(region, query.grid)
    return Problem(network, centre, region, Untargeted(), ties=Ties.FLIP)


def _ties(network: BinaryNetwork, image: Floats) -> bool:
    values = network.output.exact_values(network.activations(image[None])[-1][0])
    return max(values[1:]) >= values[0]


def _compared(query: Query, group: tuple[Comparison, ...]) -> BinaryNetwork:
    """The network with an output for each comparison, after one that is always 0.

    Each output is at least the comparison's true sum less its level: what rounding may have taken
    is added, so that a proof holds for the query. A witness is replayed by the query itself.
    """
    output = query.network.output
    rows, biases = [np.zeros(output.inputs)], [0.0]
    for each in (_within_reach(asked, output) for asked in group):
        row, lift = np.zeros(output.inputs), 0.0
        bias = -each.level
        for c, factor in each.coefficients:
            scale = float(factor) * float(output.scale[c])
            terms = scale * output.weight[c]
            row = row + terms
            lift += 8 * UNIT_ROUNDOFF * float(np.abs(terms).sum() + np.abs(row).sum())
            bias += factor * type(factor)(float(output.bias[c]))
        exact = all(
            float(factor) in (-1.0, 1.0) and float(output.scale[c]) == 1.0 and not output.real
            for c, factor in each.coefficients
        )
        rows.append(row)
        rounded = float(bias)
        if type(bias)(rounded) < bias:
            rounded = float(np.nextafter(rounded, np.inf))
        biases.append(rounded if exact else float(np.nextafter(rounded + lift, np.inf)))
    made, scales = _halved(np.array(rows))
    step = query.network.input_range.step
    lower, upper = float(query.lower.min()), float(query.upper.max())
    return replace(
        query.network,
        output=OutputLayer(made, scales, np.array(biases)),
        input_range=InputRange(lower=lower, upper=max(upper, lower + (step or 1.0)), step=step),
    )


def _within_reach(asked: Comparison, output: OutputLayer) -> Comparison:
    """The same comparison in numbers that an output layer holds: by factors of 1 at most.

    A level that no class values reach, or that all do, stays one when it is just beyond them.
    """
    largest = max(abs(factor) for _, factor in asked.coefficients) or Fraction(1)
    factors = tuple((c, factor / largest) for c, factor in asked.coefficients)
    reach = Fraction(1)
    for c, factor in factors:
        # by more than the rounding of these sums
        size = abs(float(output.scale[c])) * float(np.abs(output.weight[c]).sum(dtype=np.float64))
        reach += abs(factor) * 2 * Fraction(size + abs(float(output.bias[c])))
    level = max(-reach, min(reach, asked.level / largest))
    return Comparison(coefficients=factors, level=level)


def _halved(rows: Floats) -> tuple[Floats, Floats]:
    """Rows of -2, 0 and 2 as -1, 0 and 1 with a scale of 2: a difference of two binary classes."""
    even = bool(np.all((rows == 0) | (np.abs(rows) == 2)))
    factor = 2.0 if even else 1.0
    return rows / factor, np.full(len(rows), factor)
