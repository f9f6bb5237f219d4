"""Literals of a case that no point of the box has together: for the checker.

A literal says that s (w . x - t) is at least 0, for s = +1, or above, for s = -1; so is a sum of
these with multipliers above 0. Where the greatest value of the sum's row over the box is too small
for that, the literals exclude each other. Sets of literals are bits.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from signflip.network import SignLayer
from signflip.proof.container import fail
from signflip.proof.evaluate import MANY, SMALL, Array, Box

MOST_KNOWN = 2**21
"""Sets of literals that may be referred to: the last ones."""


class _Sum(NamedTuple):
    """A sum of what literals say: row . x is at least need, or above."""

    literals: int
    row: Array
    need: int
    strict: bool
    factors: int
    """What the multipliers add up to."""


class Exclusions:
    """Sets of literals that exclude each other.

    Args:
        box: the images.
        first: the network's first layer.
        unstable: its neurons that have both signs in the box.
        read: gives the next number of the steps.
    """

    def __init__(
        self, box: Box, first: SignLayer, unstable: list[int], read: Callable[[], int]
    ) -> None:
        self._box, self._read = box, read
        self._rows = first.map.rows(np.array(unstable, np.int64)).astype(np.int64)
        self._thresholds = [box.thresholds[neuron] for neuron in unstable]
        self.known: list[int] = []
        """Sets that exclude each other, the last ones at least."""
        self._waiting: list[_Sum] = []  # to be looked at
        self._base: _Sum | None = None

    def note(self, case: str) -> None:
        """Enter the set of the next literals; sets before the last ones are forgotten."""
        found = self._sum(case)
        self._enter(found, case)
        self.known.append(found.literals)
        if len(self.known) == 2 * MOST_KNOWN:
            del self.known[:MOST_KNOWN]

    def close(self, held: int, back: int, case: str) -> None:
        """A case has all literals of a known set: the last one, or the one so many before that."""
        if back >= min(len(self.known), MOST_KNOWN) or self.known[-1 - back] & ~held:
            fail(case, "it has not all literals of the set that is to refute it")

    def keep_base(self, case: str) -> None:
        """Add up what the next literals say, for `close_with_base`."""
        self._base = self._sum(case)

    def close_with_base(self, held: int, case: str) -> None:
        """A case has all literals of the base, and the next one, which exclude each other."""
        literal, u = self._read(), self._read()
        base = self._base
        if base is None:
            fail(case, "there is no base")
        self._check_literal(literal, u, case)
        if (base.literals | 1 << literal) & ~held:
            fail(case, "it has not all literals of the base and the one that are to refute it")
        factor, place = u if literal % 2 else -u, literal // 2
        factors = base.factors + u
        row = base.row if factors * self._rows.shape[1] < SMALL else base.row.astype(object)
        self._enter(
            _Sum(
                literals=base.literals | 1 << literal,
                row=row + factor * self._rows[place].astype(row.dtype, copy=False),
                need=base.need + factor * self._thresholds[place],
                strict=base.strict or factor < 0,
                factors=factors,
            ),
            case,
        )

    def look(self, where: str) -> None:
        """The greatest value of each row must be below its need, or no more if that is enough."""
        for kind in (np.int64, object):
            sums = [each for each in self._waiting if each.row.dtype == kind]
            rows = np.array([each.row for each in sums], kind)
            rows = rows.reshape(len(sums), self._rows.shape[1])
            for (_, most), each in zip(self._box.extremes(rows), sums, strict=True):
                if most > each.need or (most == each.need and not each.strict):
                    fail(where, "a point may have literals that are said to exclude each other")
        self._waiting = []

    def _sum(self, case: str) -> _Sum:
        """What the next literals say, with the multipliers behind each."""
        count = self._read()
        if not 0 < count <= len(self._thresholds):
            fail(case, f"{count} literals cannot exclude each other")
        pairs = [(self._read(), self._read()) for _ in range(count)]
        for literal, u in pairs:
            self._check_literal(literal, u, case)
        factors = [u if literal % 2 else -u for literal, u in pairs]
        places = [literal // 2 for literal, _ in pairs]
        total = sum(map(abs, factors))
        kind = np.int64 if total * self._rows.shape[1] < SMALL else object
        return _Sum(
            literals=sum(1 << literal for literal in {literal for literal, _ in pairs}),
            row=np.array(factors, kind) @ self._rows[places].astype(kind, copy=False),
            need=sum(u * self._thresholds[j] for u, j in zip(factors, places, strict=True)),
            strict=min(factors) < 0,
            factors=total,
        )

    def _check_literal(self, literal: int, u: int, case: str) -> None:
        if literal >= 2 * len(self._thresholds) or u < 1:
            fail(case, "a literal is none, or a multiplier is 0")

    def _enter(self, found: _Sum, case: str) -> None:
        self._waiting.append(found)
        if len(self._waiting) >= MANY:
            self.look(f"up to {case}")
