"""Deciding a query: each comparison becomes a class that must beat one that is always 0."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

import numpy as np

from signflip.arrays import Floats
from signflip.attack import Method, attack, refusal
from signflip.clock import Clock
from signflip.errors import ProblemError
from signflip.network import UNIT_ROUNDOFF, BinaryNetwork, InputRange, OutputLayer
from signflip.problem import Box, Problem, Ties, Untargeted
from signflip.queries.query import Case, Comparison, Query
from signflip.result import Verdict


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
    centre = np.clip(query.lower + (query.upper - query.lower) / 2, query.lower, query.upper)
    if query.is_witness(centre):
        return Decision(answer=Answer.SAT, witness=centre, seconds=clock.elapsed())
    open_parts = False
    for part in _parts(query.cases):
        found = _decide_part(query, part, centre, turns, clock)
        if isinstance(found, np.ndarray):
            return Decision(answer=Answer.SAT, witness=found, seconds=clock.elapsed())
        open_parts = open_parts or not found
    if not open_parts:
        answer = Answer.UNSAT
    else:
        answer = Answer.TIMEOUT if clock.expired() else Answer.UNKNOWN
    return Decision(answer=answer, witness=None, seconds=clock.elapsed())


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
        problem = _problem(query, group, centre)
        if problem is None:
            # the centre fulfils this comparison already: it rules nothing out
            continue
        start = None
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
            start = result.witness
            if query.is_witness(result.witness):
                return result.witness
            if result.verdict is Verdict.ROBUST:
                return True
    return False


def _problem(query: Query, group: tuple[Comparison, ...], centre: Floats) -> Problem | None:
    """One class for each comparison, which flips where it holds; None if one holds already."""
    network = _compared(query, group)
    if int(network.predict(centre[None])[0]) != 0 or _ties(network, centre):
        return None
    box = Box(lower=query.lower, upper=query.upper, inputs=network.input_range)
    return Problem(network, centre, box, Untargeted(), ties=Ties.FLIP)


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
    for each in group:
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
    lower, upper = float(query.lower.min()), float(query.upper.max())
    spread = upper - lower or 1.0
    return replace(
        query.network,
        output=OutputLayer(made, scales, np.array(biases)),
        input_range=InputRange(lower=lower, upper=lower + spread),
    )


def _halved(rows: Floats) -> tuple[Floats, Floats]:
    """Rows of -2, 0 and 2 as -1, 0 and 1 with a scale of 2: a difference of two binary classes."""
    even = bool(np.all((rows == 0) | (np.abs(rows) == 2)))
    factor = 2.0 if even else 1.0
    return rows / factor, np.full(len(rows), factor)
