"""A search case by case, one unstable neuron after the other, in Numba.

A case is refuted by intervals, by geometry, or by a set of literals that geometry has refused
before: such sets are kept, and refute every later case that has all their literals. A set without
the last assumption refutes an earlier case. Each step is one that a checker can follow, where
`signflip.exact.kernel` looks at 64 patterns at once; so proofs are made by it, too.

A literal `2 j + 1` says that unstable neuron j, dearest first, toggles, and `2 j` that it does not.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.counting import Sums, Words
from signflip.exact.geometry import (
    MOST_FLIPS,
    Factor,
    Geometry,
    extend,
    refused,
    size_of,
    whole_multiplier,
)
from signflip.exact.kernel import Upper, promising

U64 = np.uint64
MOST_TRIED = 64
"""Refused sets that a case is compared with; those that were of use last come first."""

DONE, LEAF, FULL, PAUSE = 0, 1, 2, 3
"""Why `advance` returns: all is covered; a full case is open; no room is left; its budget is."""

CLOSED = -1
"""What stands for a case that its bound closes; one closed by set i is `-2 - i`."""


class Table(NamedTuple):
    """The second layer, in halved sums: +1 iff 0 or more."""

    effect: Sums  # (m, K) what a toggle adds
    gain: Sums  # (m + 1, K) most that the neurons from here on can add
    loss: Sums  # (m + 1, K) most that they can take away


class Sets(NamedTuple):
    """Sets of literals that exclude each other, with room for S of them.

    A set stands in the list of its deepest literal.
    """

    words: Words  # (S, span) the literals as bits
    start: npt.NDArray[np.int64]  # (S + 1,) where the set begins in the next two
    literals: npt.NDArray[np.int32]
    multipliers: npt.NDArray[np.int64]
    following: npt.NDArray[np.int32]  # (S,) the next of the list, -1 at its end
    first: npt.NDArray[np.int32]  # (2 m,) of each list
    size: npt.NDArray[np.int64]  # (1,) how many there are


class Path(NamedTuple):
    """Where the search stands."""

    depth: npt.NDArray[np.int64]  # (1,) neurons that are assumed; -1 when all is covered
    toggled: npt.NDArray[np.bool_]  # (m,)
    second: npt.NDArray[np.bool_]  # (m,) whether the opposite is refuted
    held: Words  # (span,) literals as bits
    sums: Sums  # (m + 1, K)
    active: npt.NDArray[np.int64]  # (m + 1,) flips in the factor
    began: npt.NDArray[np.int64]  # (m + 1,) steps that were written before the case
    kept: bool  # whether steps are
    steps: npt.NDArray[np.int32]  # (room,) literals, and what closes cases
    written: npt.NDArray[np.int64]  # (1,) how many of the steps
    least: npt.NDArray[np.int64]  # (1,) neurons assumed in all cases that are closed here
    tally: npt.NDArray[np.int64]  # (1,) cases that were looked at
    factor: Factor
    words: Words  # (4, words) scratch


@compiled()
def _known(sets: Sets, path: Path, last: int) -> int:
    """A set that the case has, with the literal that was assumed last; -1 if there is none."""
    before = -1
    current = sets.first[last]
    for _ in range(MOST_TRIED):
        if current < 0:
            return -1
        missing = U64(0)
        for w in range(path.held.shape[0]):
            missing |= sets.words[current, w] & ~path.held[w]
        if missing == U64(0):
            if before >= 0:
                sets.following[before] = sets.following[current]
                sets.following[current] = sets.first[last]
                sets.first[last] = current
            return int(current)
        before = current
        current = sets.following[current]
    return -1


@compiled()
def keep(sets: Sets, count: int) -> int:
    """Enter the set whose `count` literals were written behind the last one's; its number."""
    number = sets.size[0]
    sets.size[0] = number + 1
    sets.start[number + 1] = sets.start[number] + count
    deepest = -1
    sets.words[number, :] = U64(0)
    for i in range(sets.start[number], sets.start[number + 1]):
        literal = sets.literals[i]
        sets.words[number, literal >> 6] |= U64(1) << U64(literal & 63)
        deepest = max(deepest, literal)
    sets.following[number] = sets.first[deepest]
    sets.first[deepest] = number
    return int(number)


@compiled(inner=True)
def _add(total: npt.NDArray[np.int16], times: np.int16, row: npt.NDArray[np.int8]) -> None:
    for k in range(total.shape[0]):
        total[k] += np.int16(times * np.int16(row[k]))


@compiled(inner=True)
def active_flips(
    geometry: Geometry,
    factor: Factor,
    count: int,
    neurons: npt.NDArray[np.int32] | npt.NDArray[np.int64],
    multipliers: npt.NDArray[np.int64],
) -> int:
    """Write the active flips that `refused` refused, with their multipliers; how many count."""
    largest = 0.0
    for i in range(count):
        largest = max(largest, factor.u[i])
    scale = geometry.limit / largest
    size = 0
    for i in range(count):
        multiplier = whole_multiplier(factor.u[i], largest, scale)
        if multiplier > 0:
            neurons[size] = factor.members[i]
            multipliers[size] = multiplier
            size += 1
    return size


@compiled(inner=True)
def minimal(
    geometry: Geometry,
    factor: Factor,
    count: int,
    neurons: npt.NDArray[np.int32] | npt.NDArray[np.int64],
    multipliers: npt.NDArray[np.int64],
) -> int:
    """Write the active flips that `refused` refused, without those that it can do without.

    Returns how many are left in `neurons`, with their multipliers.
    """
    size = active_flips(geometry, factor, count, neurons, multipliers)
    need = np.int64(0)
    for i in range(size):
        need += multipliers[i] * geometry.grid_distance[neurons[i]]
    # the deepest first: a set without it refutes an earlier case
    i = size - 1
    while i >= 0 and size > 1:
        u = np.int16(multipliers[i])
        less = need - np.int64(u) * geometry.grid_distance[neurons[i]]
        _add(factor.v, np.int16(-u), geometry.directions[neurons[i]])
        if less > size_of(geometry.grid_radius, factor.v):
            need = less
            for j in range(i, size - 1):
                neurons[j], multipliers[j] = neurons[j + 1], multipliers[j + 1]
            size -= 1
        else:
            _add(factor.v, u, geometry.directions[neurons[i]])
        i -= 1
    return size


@compiled()
def _refusal(geometry: Geometry, factor: Factor, count: int, sets: Sets) -> int:
    """The set of the active flips that `refused` refused, entered; its number."""
    begin = sets.start[sets.size[0]]
    literals = sets.literals[begin:]
    size = minimal(geometry, factor, count, literals, sets.multipliers[begin:])
    for i in range(size):
        literals[i] = 2 * literals[i] + 1
    return keep(sets, size)


@compiled()
def close(path: Path, sets: Sets, number: int) -> None:
    """Close the earliest case that has a set; or the one in hand by its bound, for `CLOSED`.

    Where the steps of what is given away are kept too, that is a case of this part.
    """
    depth = path.depth[0]
    if number >= 0:
        deepest = -1
        for i in range(sets.start[number], sets.start[number + 1]):
            deepest = max(deepest, sets.literals[i])
        end = (deepest >> 1) + 1
        if end < path.least[0]:
            end = path.least[0]
        while depth > end:
            depth = _back(path, depth)
        path.written[0] = path.began[depth]
    if path.kept:
        path.steps[path.written[0]] = number if number == CLOSED else -2 - number
        path.written[0] += 1
    while depth > 0 and path.second[depth - 1]:
        depth = _back(path, depth)
    if depth == 0:
        path.depth[0] = -1
        return
    toggled = path.toggled[depth - 1]
    _back(path, depth)
    _assume(path, depth - 1, not toggled)
    path.second[depth - 1] = True
    path.depth[0] = depth


@compiled()
def _back(path: Path, depth: int) -> int:
    literal = 2 * (depth - 1) + path.toggled[depth - 1]
    path.held[literal >> 6] &= ~(U64(1) << U64(literal & 63))
    return depth - 1


@compiled()
def _assume(path: Path, neuron: int, toggled: bool) -> None:
    literal = 2 * neuron + toggled
    path.held[literal >> 6] |= U64(1) << U64(literal & 63)
    path.toggled[neuron] = toggled


@compiled()
def turn(path: Path, neuron: int) -> None:
    """Go back to an assumption and take the opposite, with nothing left to do before that."""
    depth = path.depth[0]
    while depth > neuron:
        depth = _back(path, depth)
    _assume(path, neuron, not path.toggled[neuron])
    for i in range(neuron + 1):
        path.second[i] = True
    path.depth[0] = neuron + 1


@compiled()
def advance(
    geometry: Geometry, table: Table, upper: Upper, path: Path, sets: Sets, budget: int
) -> int:
    """Go on until all is covered, a full case is open, or `budget` cases were looked at."""
    size = table.effect.shape[0]
    width = table.effect.shape[1]
    for _ in range(budget):
        depth = path.depth[0]
        if depth < 0:
            return DONE
        if path.kept and path.written[0] + 2 * size + 2 > path.steps.shape[0]:
            return FULL
        room = sets.literals.shape[0] - sets.start[sets.size[0]]
        if sets.size[0] + 2 > sets.words.shape[0] or room < max(size, MOST_FLIPS):
            return FULL
        path.tally[0] += 1
        path.began[depth] = path.written[0]
        count = 0
        if depth > 0:
            neuron = depth - 1
            toggled = path.toggled[neuron]
            number = _known(sets, path, 2 * neuron + toggled)
            if number >= 0:
                close(path, sets, number)
                continue
            for k in range(width):
                change = table.effect[neuron, k] if toggled else np.int16(0)
                path.sums[depth, k] = path.sums[neuron, k] + change
            count = path.active[neuron]
        if not promising(path.sums[depth], table.gain[depth], table.loss[depth], upper, path.words):
            close(path, sets, CLOSED)
            continue
        if depth > 0 and path.toggled[depth - 1]:
            before = count
            count = extend(geometry, path.factor, count, depth - 1)
            if (
                count > before
                and path.factor.value[count] > geometry.ask
                and refused(geometry, path.factor, count)
            ):
                close(path, sets, _refusal(geometry, path.factor, count, sets))
                continue
        path.active[depth] = count
        if depth == size:
            return LEAF
        if path.kept:
            path.steps[path.written[0]] = 2 * depth + 1
            path.written[0] += 1
        _assume(path, depth, True)
        path.second[depth] = False
        path.depth[0] = depth + 1
    return PAUSE
