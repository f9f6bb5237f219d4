"""Simulated annealing over sets of flips: finds witnesses where the tree is too large to.

It proves nothing. A state is a set of flips that geometry cannot refuse; a move flips one neuron or
flips it back; the energy is the objective with the last layer's signs softened, so that progress
shows before a neuron turns. The best states by the true objective are handed out as leaves.
"""

import math
import time
from collections.abc import Container
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats
from signflip.compiled import compiled
from signflip.exact.bits import popcount
from signflip.exact.counting import Sums, Words
from signflip.exact.geometry import Factor, Geometry, extend, fresh_factor, refused
from signflip.exact.kernel import Upper
from signflip.exact.tables import second_layer
from signflip.patterns.space import Flips, PatternSpace

U64 = np.uint64
SOFTNESS = (0.3, 0.1, 0.6)
"""Widths of a softened sign, as shares of the fan-in's square root; runs take them in turn."""
HOTTEST, COLDEST = 4.0, 0.3
"""Temperatures at the ends of a run, in units of the largest coefficient."""
FIRST_MOVES = 1_000
MOST_MOVES = 100_000
LONGEST_RUN = 0.1
"""Seconds of one run, so that the caller can look at the clock."""


class Walk(NamedTuple):
    """The state of an annealing run, and room to work."""

    flips: Flips  # (m,)
    best: Flips  # (m,)
    sums: Sums  # (K,) halved sums of the second layer
    trial: Sums  # (K,)
    effect: Sums  # (m, K)
    words: Words  # (2, words)
    last: npt.NDArray[np.int64]  # (width,) halved sums of the last layer
    factor: Factor


class Annealer:
    """Runs of annealing on one problem, longer and longer, over its rivals in turn."""

    def __init__(self, space: PatternSpace, geometry: Geometry, upper: Upper) -> None:
        self._problem = space.problem
        self._geometry = geometry
        self._upper = upper
        self._start, effect = second_layer(space)
        network = space.problem.network
        self._fan_in = (network.hidden[-1] if len(network.hidden) > 1 else network.output).inputs
        self._walk = Walk(
            flips=np.zeros(space.size, dtype=np.bool_),
            best=np.zeros(space.size, dtype=np.bool_),
            sums=self._start.copy(),
            trial=self._start.copy(),
            effect=effect,
            words=np.zeros((2, upper.want_plus.shape[1]), dtype=np.uint64),
            last=np.zeros(network.output.inputs, dtype=np.int64),
            factor=fresh_factor(geometry),
        )
        self._coefficients = [space.problem.coefficients(rival) for rival in space.problem.rivals]
        self._runs = 0
        self._seconds_per_move = 0.0
        self.seconds = 0.0
        """Time spent so far."""

    def run(self, floor: float, enough: float, level: Container[int] = ()) -> Flips | None:
        """One run from the centre's pattern.

        Args:
            floor: objectives (1) up to this one are of no interest.
            enough: stop at the first objective above this one.
            level: rivals for which both hold at the given objective itself, too.

        Returns:
            The flips (m,) of the best pattern above `floor`; geometry may yet refuse it.
        """
        number, self._runs = self._runs, self._runs + 1
        rival = number % len(self._coefficients)
        coefficients = self._coefficients[rival]
        largest = float(np.abs(coefficients).max())
        if largest == 0.0:
            return None
        walk = self._walk
        walk.flips[:] = False
        walk.sums[:] = self._start
        softness = SOFTNESS[number // len(self._coefficients) % len(SOFTNESS)]
        constant = self._problem.constant(self._problem.rivals[rival])
        if self._problem.rivals[rival] in level:
            floor, enough = math.nextafter(floor, -math.inf), math.nextafter(enough, -math.inf)
        moves = self._moves(number)
        started = time.monotonic()
        value, made = anneal(
            walk, self._geometry, self._upper, coefficients, softness * math.sqrt(self._fan_in),
            HOTTEST * largest, COLDEST * largest, moves, number, enough - constant,
        )  # fmt: skip
        seconds = time.monotonic() - started
        self.seconds += seconds
        self._seconds_per_move = seconds / made
        return walk.best.copy() if value + constant > floor else None

    def _moves(self, number: int) -> int:
        moves = min(FIRST_MOVES << (number // len(self._coefficients)), MOST_MOVES)
        if self._seconds_per_move == 0.0:
            return min(moves, FIRST_MOVES)
        return max(100, min(moves, int(LONGEST_RUN / self._seconds_per_move)))


@compiled()
def _last_layer(sums: Sums, upper: Upper, words: Words, last: npt.NDArray[np.int64]) -> None:
    """Halved sums of the last layer, 0 or more at +1, from those of the second."""
    if upper.fan_in.shape[0] == 0:
        for k in range(sums.shape[0]):
            last[k] = sums[k]
        return
    current, other = words[0], words[1]
    current[:] = U64(0)
    for k in range(sums.shape[0]):
        if sums[k] >= 0:
            current[k >> 6] |= U64(1) << U64(k & 63)
    top = upper.fan_in.shape[0] - 1
    for layer in range(top + 1):
        other[:] = U64(0)
        for j in range(upper.neurons[layer]):
            unlike = np.int64(0)
            for w in range(current.shape[0]):
                weight, against = upper.plus[layer, j, w], upper.minus[layer, j, w]
                unlike += np.int64(popcount((weight & ~current[w]) | (against & current[w])))
            half = (upper.fan_in[layer, j] - 2 * unlike - upper.threshold[layer, j]) // 2
            if layer == top:
                last[j] = half
            elif half >= 0:
                other[j >> 6] |= U64(1) << U64(j & 63)
        current, other = other, current


@compiled()
def _energy(
    sums: Sums,
    upper: Upper,
    coefficients: Floats,
    softness: float,
    words: Words,
    last: npt.NDArray[np.int64],
) -> tuple[float, float]:
    """The softened objective and the true one, without the constant."""
    _last_layer(sums, upper, words, last)
    soft = 0.0
    true = 0.0
    for k in range(coefficients.shape[0]):
        c = coefficients[k]
        x = last[k] + 0.5
        true += c if x > 0 else -c
        soft += c * min(max(x / softness, -1.0), 1.0)
    return soft, true


@compiled()
def _factorise(flips: Flips, geometry: Geometry, factor: Factor) -> int:
    """The factor of a set of flips."""
    count = 0
    for neuron in range(flips.shape[0]):
        if flips[neuron]:
            count = extend(geometry, factor, count, neuron)
    return count


@compiled()
def anneal(
    walk: Walk,
    geometry: Geometry,
    upper: Upper,
    coefficients: Floats,
    softness: float,
    hottest: float,
    coldest: float,
    moves: int,
    seed: int,
    enough: float,
) -> tuple[float, int]:
    """Walk `moves` steps from hot to cold, or until the true objective exceeds `enough`.

    Returns the best true objective, without its constant, and the number of moves made;
    `walk.best` holds its flips.
    """
    np.random.seed(seed)
    size = walk.flips.shape[0]
    best = -np.inf
    count = _factorise(walk.flips, geometry, walk.factor)
    soft, _ = _energy(walk.sums, upper, coefficients, softness, walk.words, walk.last)
    cooling = (coldest / hottest) ** (1.0 / moves)
    temperature = hottest
    for move in range(moves):
        temperature *= cooling
        neuron = np.random.randint(size)
        sign = np.int16(-1) if walk.flips[neuron] else np.int16(1)
        for k in range(walk.sums.shape[0]):
            walk.trial[k] = walk.sums[k] + sign * walk.effect[neuron, k]
        trial, true = _energy(walk.trial, upper, coefficients, softness, walk.words, walk.last)
        if trial < soft and np.random.random() >= np.exp((trial - soft) / temperature):
            continue
        if sign > 0:
            more = extend(geometry, walk.factor, count, neuron)
            if more > count and refused(geometry, walk.factor, more):
                continue
            count = more
            walk.flips[neuron] = True
        else:
            walk.flips[neuron] = False
            count = _factorise(walk.flips, geometry, walk.factor)
        walk.sums[:] = walk.trial
        soft = trial
        if true > best:
            best = true
            walk.best[:] = walk.flips
            if true > enough:
                return best, move + 1
    return best, moves
