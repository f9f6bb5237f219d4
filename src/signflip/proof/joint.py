"""Bounds of a case that make the neurons of a second layer share one choice: for the checker.

The plain bound lets each neuron of the second layer choose the free signs of the first for itself.
A *form* bounds all of them together; "Forms" in docs/proof-format.md has the argument. All numbers
are whole, and none that an array holds reaches 2^63.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from signflip.proof.container import fail
from signflip.proof.evaluate import Array, products
from signflip.proof.last_layer import LastLayer

POINT = 64
"""Points are in steps of 1 / 64."""
MOST_CURVE, MOST_DIAGONAL, MOST_SHIFT, MOST_WORTH = 2**16, 2**32, 40, 2**50
MOST_ROWS, MOST_PLACES, FACTOR, SLOTS = 2**14, 128, 23, 1024
"""Neurons of the second layer and of the first; bits of the factor in `semidefinite`."""


class Rival:
    """The lead of a rival, as a sum over the second layer: is `numbers . signs <= limit`?

    Args:
        settled: (neurons,) the layer's sums less its thresholds, without the unstable neurons.
        effect: (neurons, m) what these m neurons of the first layer add where they are +1.
        lead: numbers (neurons,) and limit.
    """

    def __init__(self, settled: Array, effect: Array, lead: tuple[Array, int]) -> None:
        numbers, limit = lead
        which = np.flatnonzero(numbers)
        self.sizes = [abs(n) for n in numbers[which].tolist()]
        self.room = limit + sum(self.sizes)
        self.side = np.where(numbers[which] > 0, 1, -1)
        self.settled, self.effect = settled[which], effect[which]


class Form:
    """What bounds a rival's lead in cases whose free neurons are all in its diagonal.

    Args:
        rival: of K neurons that count.
        worth: two numbers above 0; a neuron is worth their quotient times what it can add to the
            lead. If it were 0, neurons that are worth nothing would say that no lead is too high.
        shift: bits behind the point of worths, and of all that is compared with them.
        curves: (K,) below 2^16.
        diagonal: below 2^32, for each of some unstable neurons.

    Raises:
        ProofError: it is out of range, or the diagonal is not shown to dominate.
    """

    def __init__(
        self,
        rival: Rival,
        worth: tuple[int, int],
        shift: int,
        curves: list[int],
        diagonal: dict[int, int],
    ) -> None:
        up, down = worth
        if not up or not down or len(curves) > MOST_ROWS:
            fail("form", "its neurons are worth nothing, it divides by 0, or has too many curves")
        worths = [-(-2 * size * up // down) << shift for size in rival.sizes]
        if sum(worths) >= MOST_WORTH:
            fail("form", "its neurons are worth too much")
        pairs = zip(worths, curves, strict=True)
        roots = [math.isqrt(-(-worth // u) - 1) + 1 if u else 0 for worth, u in pairs]
        self.rival, self.diagonal = rival, diagonal
        self.need = (rival.room * up // down + 1) << shift
        self.worths, self.curves, self.roots = (
            np.array(each, np.int64) for each in (worths, curves, roots)
        )
        across = rival.effect[:, list(diagonal)]
        squares = products(across.T * self.curves, across.T)
        if not semidefinite(np.diag(np.array(list(diagonal.values()), np.int64)) - squares):
            fail("form", "its diagonal is not shown to dominate its curves")

    def bounds(self, signs: Array, point: list[int], parity: int = -1) -> bool:
        """Whether the lead keeps its bound for all signs of free neurons.

        Args:
            signs: (m,) of the unstable neurons, 0 for those that are free.
            point: from 0 to `POINT`, for each of the free ones.
            parity: of the number of unstable neurons that are +1, if it is known.
        """
        free, rival = np.flatnonzero(signs == 0), self.rival
        if not self.diagonal.keys() >= set(free.tolist()):
            return False
        effect, p = rival.effect[:, free], np.array(point, np.int64)
        # where all of them are -1; halved, and turned so that at least 0 is what helps the rival
        sums = (rival.settled + rival.effect @ signs - effect.sum(axis=1)) >> 1
        sums, effect = np.where(rival.side > 0, sums, -1 - sums), effect * rival.side[:, None]
        if parity >= 0:  # odd values: at least 0 is at least 1
            odd = (sums + parity - (signs > 0).sum()) % 2
            sums = sums - odd * (rival.effect != 0).all(axis=1)
        at = POINT * sums + effect @ p
        able = sums + np.maximum(effect, 0).sum(axis=1) >= 0
        sure = able & ((at >= 0) | (self.curves == 0))
        lift = np.where(able & ~sure, np.maximum(self.roots + at, 0), 0)
        force = 2 * (self.curves * lift) @ effect
        diagonal = np.array([self.diagonal[j] for j in free.tolist()], np.int64)
        stays = diagonal * p**2 - force * p
        moves = diagonal * (POINT - p) ** 2 + force * (POINT - p)
        parts = (self.worths[sure], self.curves * lift**2, np.maximum(stays, moves))
        return bool(sum(int(part.sum()) for part in parts) < self.need)


@dataclass(eq=False)
class Forms(LastLayer):
    """The forms of a proof, each in a slot until another takes that."""

    forms: dict[int, tuple[int, Form]] = field(default_factory=dict, init=False)
    """By slot, the number of the rival and its form."""

    @cached_property
    def rivals(self) -> list[Rival]:
        """The leads as sums over the second layer, which must be the last."""
        if len(self.above) != 1:
            fail("form", "the network has not two hidden layers")
        return [Rival(*self.columns, lead) for lead in self.leads]

    def keep(self) -> None:
        """Make a form of the next numbers."""
        slot, number = self._below(SLOTS), self._below(len(self.rivals))
        rival, size = self.rivals[number], len(self.unstable)
        worth, shift = (self.read(), self.read()), self._below(MOST_SHIFT + 1)
        curves = [self._below(MOST_CURVE) for _ in rival.sizes]
        count = self._below(min(size, MOST_PLACES) + 1)
        diagonal = {self._below(size): self._below(MOST_DIAGONAL) for _ in range(count)}
        self.forms[slot] = number, Form(rival, worth, shift, curves, diagonal)

    def _below(self, end: int) -> int:
        """The next number."""
        number = self.read()
        if number >= end:
            fail("form", f"there is a {number} where it must be below {end}")
        return number

    def bounded(self, signs: Array, parity: int, case: str) -> set[int]:
        """The rivals that forms bound in a case, by the next numbers.

        Args:
            signs: (neurons,) of the first layer, 0 for those that are free.
            parity: of the number of unstable neurons that are +1, or -1.
            case: its name.
        """
        signs, done = signs[self.unstable], set[int]()
        for _ in range(self._below(len(self.leads) + 1)):
            slot = self.read()
            point = [self._below(POINT + 1) for _ in range(int((signs == 0).sum()))]
            if slot not in self.forms:
                fail(case, f"there is no form in slot {slot}")
            number, form = self.forms[slot]
            if not form.bounds(signs, point, parity):
                fail(case, "the form that is to bound it does not")
            done.add(number)
        return done


def semidefinite(matrix: Array) -> bool:
    """Whether a symmetric matrix below 2^33 is shown to have no negative eigenvalue.

    Times a power of 4 it is L L' + R, with a whole L. L L' has none, and neither has R if in each
    row the diagonal outweighs the rest. Any L will do: this one is a rounded Cholesky factor.
    """
    size, largest = len(matrix), int(matrix.diagonal().max(initial=1))
    if np.abs(matrix).max(initial=0) > largest:
        return False
    scale = (2 * FACTOR - largest.bit_length()) // 2
    scaled = matrix << 2 * scale
    spare = 2 * size * math.isqrt(largest << 2 * scale)  # for the rounding
    factor = np.zeros_like(scaled)
    for j in range(size):
        column = scaled[j:, j] - factor[j:, :j] @ factor[j, :j]
        pivot = int(column[0]) - spare
        if pivot < 1:
            return False
        factor[j:, j] = column // math.isqrt(pivot)
        factor[j, j] = math.isqrt(pivot)
        if np.abs(factor[j:, j]).max() > 2**FACTOR:
            return False
    rest = scaled - products(factor, factor)
    return bool((2 * rest.diagonal() >= np.abs(rest).sum(axis=1)).all())
