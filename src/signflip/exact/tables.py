"""The kernel's tables of a problem: blocks of unstable neurons, upper layers, objectives."""

import itertools
import math
from collections.abc import Container
from fractions import Fraction
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from signflip.arrays import Integers, Signs
from signflip.clock import ENDLESS, Clock
from signflip.compiled import compiled
from signflip.errors import ProblemError
from signflip.exact.bits import BLOCK, FLIPPED, PATTERNS, REACH, SUBSETS, usable_patterns
from signflip.exact.counting import COUNTER_DIGITS, Sums, Words
from signflip.exact.geometry import Geometry, fresh_factor
from signflip.exact.kernel import Blocks, State, Upper
from signflip.exact.worth import need_of
from signflip.network import UNIT_ROUNDOFF, BinaryNetwork
from signflip.patterns.chains import Chains, chains_of
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem

NEVER = -20000
"""A halved sum that no flips make useful: padding."""
MOST_INPUTS = 32766
"""First-layer neurons whose halved sums, from `-neurons - 1` to `neurons`, 16 bits hold."""
_REACH_ROW = REACH.shape[1]


def blocks_of(
    space: PatternSpace, clock: Clock = ENDLESS, chains: Chains | None = None
) -> tuple[Blocks, Sums]:
    """Blocks of a pattern space, and the second layer's halved sums at the centre.

    Args:
        space: the space.
        clock: the run's.
        chains: neurons that hang together; where two toggle together (`twin`), or one only with
            the other, no other pattern is searched.

    Raises:
        OutOfTime: time was out before.
    """
    clock.check()
    if shallow(space.problem):
        sums, effect, segments = _turned(space, clock)
    else:
        (sums, effect), segments = second_layer(space), np.zeros(1, dtype=np.int64)
    chains = chains or chains_of(space)
    first = _bounds_of_blocks(chains.weaker)
    clock.check()
    rows, gain, loss = _changes(effect, first)
    usable = np.array(
        [usable_patterns(int(b - a)) for a, b in itertools.pairwise(first)], dtype=np.uint64
    )
    if chains.some:
        for block in range(len(usable)):
            _keep_chains(block, first, chains, effect, usable, gain, loss)
    blocks = Blocks(
        first=first,
        usable=usable,
        effect=effect,
        rows=rows,
        gain=gain,
        loss=loss,
        segments=segments,
    )
    return blocks, sums


def _bounds_of_blocks(weaker: Integers) -> Integers:
    """Where blocks of m neurons begin and end, filled from the end; chains of copies stay whole.

    The first block is the short one: most nodes are visited in the last ones.
    """
    bounds = [len(weaker)]
    while bounds[-1] > 0:
        end = bounds[-1]
        start = full = max(0, end - BLOCK)
        while 0 < start < end and (weaker[start] == start - 1 or weaker[start - 1] == start):
            start += 1
        bounds.append(start if start < end else full)
    return np.array(bounds[::-1], dtype=np.int64)


def _keep_chains(
    block: int,
    first: Integers,
    chains: Chains,
    effect: Sums,
    usable: Words,
    gain: Sums,
    loss: Sums,
) -> None:
    """Leave a block the patterns that chains allow, and what these change at most."""
    start, end = int(first[block]), int(first[block + 1])
    weaker = chains.weaker[start:end]
    chained = np.flatnonzero((weaker >= start) & (weaker < end))
    if not len(chained):
        return
    for neuron in chained:
        this, other = FLIPPED[neuron], FLIPPED[weaker[neuron] - start]
        usable[block] &= ~(this ^ other) if chains.twin[start + neuron] else ~this | other
    kept = SUBSETS[[index for index in range(PATTERNS) if int(usable[block]) >> index & 1]]
    flips = (kept[:, None] >> np.arange(end - start)) & 1
    change = flips.astype(np.int16) @ effect[start:end]
    freely = np.maximum(effect[start:end], 0).sum(axis=0)
    gain[: block + 1] -= (freely - change.max(axis=0)).astype(np.int16)
    freely = np.maximum(-effect[start:end], 0).sum(axis=0)
    loss[: block + 1] -= (freely + change.min(axis=0)).astype(np.int16)


@compiled()
def _changes(effect: Sums, first: npt.NDArray[np.int64]) -> tuple[Sums, Sums, Sums]:
    """The blocks' `rows`, `gain` and `loss` for the effects (m, K) of each flip."""
    blocks = len(first) - 1
    rows = np.zeros((blocks, effect.shape[1]), dtype=np.int16)
    gain = np.zeros((blocks + 1, effect.shape[1]), dtype=np.int16)
    loss = np.zeros_like(gain)
    for block in range(blocks - 1, -1, -1):
        gain[block] = gain[block + 1]
        loss[block] = loss[block + 1]
        for neuron in range(first[block], first[block + 1]):
            row = np.int16(_REACH_ROW << (neuron - first[block]))
            for k in range(effect.shape[1]):
                change = effect[neuron, k]
                if change > 0:
                    rows[block, k] += row
                    gain[block, k] += 1
                elif change < 0:
                    loss[block, k] += 1
    return rows, gain, loss


def shallow(problem: Problem) -> bool:
    """Whether the kernel counts useful second-layer neurons: two full layers and a plain output.

    Its counters have room for `2 ** COUNTER_DIGITS - 1` neurons; a wider layer goes by intervals.
    """
    network = problem.network
    fits = network.output.inputs < 2**COUNTER_DIGITS
    if len(network.hidden) != 2 or not network.output.plain or not fits:
        return False
    second = network.hidden[1]
    # its counting takes every first-layer neuron for one that each neuron reads
    return bool((second.map.fan_in == second.inputs).all())


def second_layer(space: PatternSpace) -> tuple[Sums, Sums]:
    """Halved sums (K,) at the centre, +1 iff 0 or more, and their changes (m, K) by each flip.

    With one hidden layer the first layer stands in for the second: a neuron's halved sum is 0 at
    +1 and -1 at -1, and its own flip changes it by one.

    Raises:
        ProblemError: the first layer is too wide for sums of 16 bits.
    """
    hidden = space.problem.network.hidden
    if len(hidden) == 1:
        effect = np.zeros((space.size, len(space.signs)), dtype=np.int16)
        effect[np.arange(space.size), space.unstable] = -space.signs[space.unstable]
        return np.where(space.signs > 0, 0, -1).astype(np.int16), effect
    second = hidden[1]
    if second.inputs > MOST_INPUTS:
        raise ProblemError(
            f"the first hidden layer has {second.inputs} neurons; the exact method counts them in "
            f"16 bits and takes up to {MOST_INPUTS}: use another method"
        )
    sums = second.sums(space.signs[None])[0].astype(np.int64) - second.integer_threshold
    # integer thresholds have the parity of the sums: every difference is even
    effect = -(second.map.columns(space.unstable) * space.signs[space.unstable]).T
    return (sums // 2).astype(np.int16), np.ascontiguousarray(effect, dtype=np.int16)


def _turned(space: PatternSpace, clock: Clock) -> tuple[Sums, Sums, npt.NDArray[np.int64]]:
    """Halved sums turned so that 0 or more is useful, a segment of sixteens for each rival."""
    sums, effect = second_layer(space)
    coefficients = np.array([space.problem.coefficients(rival) for rival in space.problem.rivals])
    clock.check()
    matter = coefficients != 0
    lengths = -(-matter.sum(axis=1) // 16) * 16
    segments = np.concatenate(([0], np.cumsum(lengths)))
    # where each neuron that matters has its place: one row after another, each with its padding
    rivals, neurons = map(np.ascontiguousarray, np.nonzero(matter))
    place = segments[rivals] + (np.cumsum(matter, axis=1) - 1)[rivals, neurons]
    side = np.sign(coefficients[rivals, neurons]).astype(np.int16)
    turned = np.full(segments[-1], NEVER, dtype=np.int16)
    # a neuron that is useful at -1 is so at a halved sum of -1 or less
    turned[place] = np.where(side > 0, sums[neurons], -1 - sums[neurons])
    clock.check()
    changes = _placed(effect, neurons, side, place, int(segments[-1]))
    return turned, changes, segments


@compiled()
def _placed(effect: Sums, neurons: Integers, side: Sums, place: Integers, width: int) -> Sums:
    """Effects (m, K) of the neurons (n,), turned to their sides, at their places of a row."""
    changes = np.zeros((effect.shape[0], width), dtype=np.int16)
    for flip in range(effect.shape[0]):
        for index in range(len(neurons)):
            changes[flip, place[index]] = effect[flip, neurons[index]] * side[index]
    return changes


class _Layers(NamedTuple):
    """The first fields of `Upper`, which are the same for all problems of a network."""

    plus: npt.NDArray[np.uint64]
    minus: npt.NDArray[np.uint64]
    neurons: npt.NDArray[np.int64]
    for_plus: npt.NDArray[np.int64]
    for_minus: npt.NDArray[np.int64]


_LAYERS: "WeakKeyDictionary[BinaryNetwork, _Layers]" = WeakKeyDictionary()


def _layers_of(network: BinaryNetwork) -> _Layers:
    layers = network.hidden[2:]
    widths = network.widths[1:] or network.widths
    span = max(math.ceil(width / 64) for width in widths)
    most = max((layer.neurons for layer in layers), default=0)
    plus = np.zeros((len(layers), most, span), dtype=np.uint64)
    minus, for_plus = np.zeros_like(plus), np.zeros((len(layers), most), dtype=np.int64)
    for_minus = np.zeros_like(for_plus)
    for index, layer in enumerate(layers):
        weight = layer.map.rows(slice(None))
        plus[index, : layer.neurons] = packed(weight > 0, span)
        minus[index, : layer.neurons] = packed(weight < 0, span)
        # of `fan_in` inputs n suit the weights iff the sum is 2 n - fan_in, which has its parity
        fan_in, threshold = layer.map.fan_in, layer.integer_threshold
        for_plus[index, : layer.neurons] = (fan_in + threshold) // 2
        for_minus[index, : layer.neurons] = (fan_in - threshold) // 2 + 1
    neurons = np.array([layer.neurons for layer in layers], dtype=np.int64)
    return _Layers(plus, minus, neurons, for_plus, for_minus)


def upper_of(problem: Problem) -> Upper:
    """The layers above the second, and the objectives of the problem's rivals."""
    network = problem.network
    if network not in _LAYERS:
        _LAYERS[network] = _layers_of(network)
    layers = _LAYERS[network]
    span = layers.plus.shape[2]
    coefficients = np.array([problem.coefficients(rival) for rival in problem.rivals])
    counts = (coefficients != 0).sum(axis=1)
    plain = network.output.plain
    return Upper(
        *layers,
        want_plus=packed(coefficients > 0, span),
        want_minus=packed(coefficients < 0, span),
        coefficients=coefficients[:, :0] if plain else coefficients,
        counts=counts.astype(np.int64),
        need=np.zeros(len(coefficients), dtype=np.int64),
        floor=np.zeros(len(coefficients)),
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


def fresh_state(geometry: Geometry, blocks: Blocks, upper: Upper, sums: Sums) -> State:
    """The state of a search that has visited nothing."""
    levels, width = len(blocks.usable), len(sums)
    state = State(
        level=np.zeros(1, dtype=np.int64),
        open=np.zeros(levels, dtype=np.uint64),
        sums=np.zeros((levels + 1, width), dtype=np.int16),
        active=np.zeros(levels + 1, dtype=np.int64),
        chosen=np.zeros(levels, dtype=np.uint64),
        factor=fresh_factor(geometry),
        hopeful=np.zeros((levels, len(upper.need)), dtype=np.uint64),
        where=np.zeros(width, dtype=np.int32),
        masks=np.zeros(width, dtype=np.uint64),
        words=np.zeros((4, upper.want_plus.shape[1]), dtype=np.uint64),
        tally=np.zeros(4, dtype=np.int64),
    )
    state.sums[0] = sums
    return state
