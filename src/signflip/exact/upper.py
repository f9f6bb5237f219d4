"""The kernel's tables of what lies above the second layer, and of the objectives.

Most of them depend on the network only, or on it, the prediction and the rivals: they are kept.
"""

import math
from collections.abc import Container
from fractions import Fraction
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers, Signs
from signflip.exact.counting import COUNTER_DIGITS, Sums, Words
from signflip.exact.interval_bits import NEURONS
from signflip.exact.kernel import Upper
from signflip.exact.worth import need_of
from signflip.network import UNIT_ROUNDOFF, BinaryNetwork
from signflip.problem import Problem

_Goal = tuple[int, tuple[int, ...]]
"""The prediction and the rivals."""


class GoalTables(NamedTuple):
    """What one prediction and its R rivals make of K second-layer neurons, or last-layer ones.

    Attributes:
        coefficients: (R, K) of the objectives.
        want_plus: (R, words) the neurons that are wanted at +1, and
        want_minus: at -1.
        counts: (R,) how many these are together.
        segments: (R + 1,) where the places of each rival begin, in sixteens.
        neurons: (n,) those of the first rival that matter, those of the second, and so on,
        side: (n,) the sign that is wanted of each, and
        place: (n,) its place of a row.
    """

    coefficients: Floats
    want_plus: Words
    want_minus: Words
    counts: Integers
    segments: Integers
    neurons: Integers
    side: Sums
    place: Integers


class _Layers(NamedTuple):
    """The first fields of `Upper`, which are the same for all problems of a network."""

    plus: npt.NDArray[np.uint64]
    minus: npt.NDArray[np.uint64]
    neurons: npt.NDArray[np.int64]
    for_plus: npt.NDArray[np.int64]
    for_minus: npt.NDArray[np.int64]


class _Kept(NamedTuple):
    """What is kept of a network."""

    layers: _Layers
    shallow: bool
    goals: dict[_Goal, GoalTables]


_KEPT: "WeakKeyDictionary[BinaryNetwork, _Kept]" = WeakKeyDictionary()


def _kept(network: BinaryNetwork) -> _Kept:
    kept = _KEPT.get(network)
    if kept is None:
        kept = _KEPT[network] = _Kept(_layers_of(network), _is_shallow(network), {})
    return kept


def _layers_of(network: BinaryNetwork) -> _Layers:
    layers = network.hidden[2:]
    widths = network.widths[1:] or network.widths
    span = max(math.ceil(width / 64) for width in widths)
    most = max((layer.neurons for layer in layers), default=0)
    most = math.ceil(most / NEURONS) * NEURONS
    plus = np.zeros((len(layers), span, most), dtype=np.uint64)
    minus = np.zeros_like(plus)
    # none of those that fill up a table may be either
    for_plus = np.full((len(layers), most), 64 * span + 1, dtype=np.int64)
    for_minus = for_plus.copy()
    for index, layer in enumerate(layers):
        weight = layer.map.rows(slice(None))
        plus[index, :, : layer.neurons] = packed(weight > 0, span).T
        minus[index, :, : layer.neurons] = packed(weight < 0, span).T
        # of `fan_in` inputs n suit the weights iff the sum is 2 n - fan_in, which has its parity
        fan_in, threshold = layer.map.fan_in, layer.integer_threshold
        for_plus[index, : layer.neurons] = (fan_in + threshold) // 2
        for_minus[index, : layer.neurons] = (fan_in - threshold) // 2 + 1
    neurons = np.array([layer.neurons for layer in layers], dtype=np.int64)
    return _Layers(plus, minus, neurons, for_plus, for_minus)


def shallow(network: BinaryNetwork) -> bool:
    """Whether the kernel counts useful second-layer neurons: two full layers and a plain output.

    Its counters have room for `2 ** COUNTER_DIGITS - 1` neurons; a wider layer goes by intervals.
    """
    return _kept(network).shallow


def _is_shallow(network: BinaryNetwork) -> bool:
    fits = network.output.inputs < 2**COUNTER_DIGITS
    if len(network.hidden) != 2 or not network.output.plain or not fits:
        return False
    second = network.hidden[1]
    # its counting takes every first-layer neuron for one that each neuron reads
    return bool((second.map.fan_in == second.inputs).all())


def goal_tables(problem: Problem) -> GoalTables:
    """The tables of the problem's objectives."""
    goals = _kept(problem.network).goals
    goal = problem.prediction, problem.rivals
    tables = goals.get(goal)
    if tables is None:
        tables = goals[goal] = _goal_tables(problem)
    return tables


def _goal_tables(problem: Problem) -> GoalTables:
    coefficients = np.array([problem.coefficients(rival) for rival in problem.rivals])
    span = _kept(problem.network).layers.plus.shape[1]
    matter = coefficients != 0
    counts = matter.sum(axis=1).astype(np.int64)
    segments = np.concatenate(([0], np.cumsum(-(-counts // 16) * 16)))
    # where each neuron that matters has its place: one row after another, each with its padding
    rivals, neurons = map(np.ascontiguousarray, np.nonzero(matter))
    return GoalTables(
        coefficients=coefficients,
        want_plus=packed(coefficients > 0, span),
        want_minus=packed(coefficients < 0, span),
        counts=counts,
        segments=segments,
        neurons=neurons,
        side=np.sign(coefficients[rivals, neurons]).astype(np.int16),
        place=segments[rivals] + (np.cumsum(matter, axis=1) - 1)[rivals, neurons],
    )


def upper_of(problem: Problem) -> Upper:
    """The layers above the second, and the objectives of the problem's rivals."""
    goal = goal_tables(problem)
    plain = problem.network.output.plain
    return Upper(
        *_kept(problem.network).layers,
        want_plus=goal.want_plus,
        want_minus=goal.want_minus,
        coefficients=goal.coefficients[:, :0] if plain else goal.coefficients,
        counts=goal.counts,
        need=np.zeros(len(goal.counts), dtype=np.int64),
        floor=np.zeros(len(goal.counts)),
    )


def set_incumbent(
    upper: Upper, problem: Problem, value: Fraction, level: Container[int] = ()
) -> None:
    """Make the kernel look for objectives above `value` only.

    A plain objective is `2 (useful - useless)` over the neurons that matter. A real one is summed
    in floating point by the kernel: its floor is lowered by the sum's error bound.

    Args:
        upper: what the kernel reads.
        problem: the problem.
        value: objectives up to this one are of no interest.
        level: rivals that are of interest at `value` itself, too.
    """
    for index, rival in enumerate(problem.rivals):
        if problem.network.output.plain:
            # 2 (2 useful - count) > value, or >= value; whole numbers, as fractions take longer
            least = value.numerator + 2 * int(upper.counts[index]) * value.denominator
            whole, rest = divmod(least, 4 * value.denominator)
            upper.need[index] = whole if rival in level and rest == 0 else whole + 1
        else:
            constant = problem.constant(rival)
            size = np.abs(upper.coefficients[index]).sum() + abs(constant) + abs(float(value))
            terms = upper.coefficients.shape[1] + 4
            error = 4 * terms * UNIT_ROUNDOFF * (size + _scale_size(problem, rival))
            floor = float(value) - constant - error
            upper.floor[index] = math.nextafter(floor, -math.inf) if rival in level else floor
            lead = problem.network.output.lead(rival, problem.prediction)
            upper.need[index] = need_of(lead, value, level=rival in level)


def _scale_size(problem: Problem, rival: int) -> float:
    # a coefficient is a difference of two scaled weights, rounded relative to them
    return problem.network.output.size(rival, problem.prediction)


def packed(rows: npt.NDArray[np.bool_] | Signs, span: int) -> Words:
    """Rows (N, width) bool as words (N, span) uint64, neuron k at bit k % 64 of word k // 64."""
    padded = np.zeros((rows.shape[0], span * 64), dtype=np.uint8)
    padded[:, : rows.shape[1]] = rows
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)
