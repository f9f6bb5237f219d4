"""The kernel's tables of a problem's patterns: blocks of unstable neurons, and what they change."""

import itertools

import numpy as np
import numpy.typing as npt

from signflip.arrays import Integers, Signs
from signflip.clock import ENDLESS, Clock
from signflip.compiled import compiled
from signflip.errors import ProblemError
from signflip.exact.bits import BLOCK, FLIPPED, PATTERNS, REACH, SUBSETS, usable_patterns
from signflip.exact.counting import Sums, Words
from signflip.exact.geometry import Geometry, fresh_factor
from signflip.exact.kernel import Blocks, State, Upper
from signflip.exact.upper import goal_tables, shallow
from signflip.patterns.chains import Chains, chains_of
from signflip.patterns.space import PatternSpace

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
    if shallow(space.problem.network):
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


@compiled(allocates=True)
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
    sums = _halved(space)
    effect = -(hidden[1].map.columns(space.unstable) * space.signs[space.unstable]).T
    return sums, np.ascontiguousarray(effect, dtype=np.int16)


def _halved(space: PatternSpace) -> Sums:
    """Halved sums (K,) of the second layer at the centre; refuses as `second_layer` does."""
    second = space.problem.network.hidden[1]
    if second.inputs > MOST_INPUTS:
        raise ProblemError(
            f"the first hidden layer has {second.inputs} neurons; the exact method counts them in "
            f"16 bits and takes up to {MOST_INPUTS}: use another method"
        )
    sums = second.sums(space.signs[None])[0].astype(np.int64) - second.integer_threshold
    # integer thresholds have the parity of the sums: every difference is even
    halved: Sums = (sums // 2).astype(np.int16)
    return halved


def _turned(space: PatternSpace, clock: Clock) -> tuple[Sums, Sums, Integers]:
    """Halved sums turned so that 0 or more is useful, a segment of sixteens for each rival."""
    goal, sums = goal_tables(space.problem), _halved(space)
    clock.check()
    turned = np.full(goal.segments[-1], NEVER, dtype=np.int16)
    chosen = sums[goal.neurons]
    # a neuron that is useful at -1 is so at a halved sum of -1 or less
    turned[goal.place] = np.where(goal.side > 0, chosen, -1 - chosen)
    # a gather of columns may come in either order: the kernel is compiled for one
    read = np.ascontiguousarray(space.problem.network.hidden[1].map.columns(space.unstable).T)
    signs = space.signs[space.unstable]
    changes = _placed(read, signs, goal.neurons, goal.side, goal.place, len(turned))
    return turned, changes, goal.segments


@compiled(allocates=True)
def _placed(
    read: Signs, signs: Signs, neurons: Integers, side: Sums, place: Integers, width: int
) -> Sums:
    """What each of m flips changes, at the places of a row (width,).

    Args:
        read: (m, K) what K second-layer neurons read of them.
        signs: (m,) their signs at the centre.
        neurons: (n,) the second-layer neurons that matter, and
        side: (n,) the sign that is wanted of each, and
        place: (n,) its place.
        width: of a row.
    """
    changes = np.zeros((len(signs), width), dtype=np.int16)
    for flip in range(len(signs)):
        row = read[flip]
        for index in range(len(neurons)):
            changes[flip, place[index]] = -row[neurons[index]] * signs[flip] * side[index]
    return changes


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
