"""The steps of a proof that no pattern of a box has an objective above a bound."""

from typing import ClassVar

import numpy as np

from signflip.exact.counting import Sums
from signflip.exact.geometry import MOST_FLIPS, Geometry, fresh_factor, geometry_of
from signflip.exact.kernel import Upper
from signflip.exact.tables import second_layer
from signflip.patterns.space import Flips, PatternSpace
from signflip.proof.container import Packed
from signflip.proving.growing import FULL, End
from signflip.proving.kernel import (
    CLOSED,
    Path,
    Sets,
    Table,
    Written,
    advance,
    close,
    keep,
    written,
)
from signflip.proving.no_proof import NoProofError
from signflip.proving.packing import Packing
from signflip.proving.refusals import Refusal, literals_of

ASK = 0.6
"""Share of the ellipsoid's limit from which geometry is asked, as in the search."""
ROOM = 1000
"""For steps, and for sets, at first."""
MOST_STEPS = 200_000_000
"""Steps of a proof at most: a longer one would take a checker hours."""
PIECE = 2**22
"""Bytes that are packed together, at least."""


class Cases:
    """The cases of one problem.

    Args:
        space: the patterns of the problem.
        upper: the layers above, with the incumbent that no pattern is to be above; it may rise.
    """

    budget: ClassVar = 50_000

    def __init__(self, space: PatternSpace, upper: Upper) -> None:
        self._space, self._upper = space, upper
        self._geometry = geometry_of(space, ASK, 1.0)
        sums, effect = second_layer(space)
        self._table = Table(effect, _suffix(effect > 0), _suffix(effect < 0))
        self._sets = _fresh_sets(space.size)
        self._path = _fresh_path(sums, space.size, upper.want_plus.shape[1], self._geometry)

    @property
    def written(self) -> int:
        """Steps so far."""
        return int(self._path.written[0])

    @property
    def leaf(self) -> Flips:
        """(m,) bool, the toggles of the full case in hand."""
        return self._path.toggled.copy()

    def advance(self, budget: int) -> End:
        """Look at so many cases, or go on to a full one or to the end.

        Raises:
            NoProofError: there are too many.
        """
        while True:
            why = advance(self._geometry, self._table, self._upper, self._path, self._sets, budget)
            if why != FULL:
                return End(why)
            self._make_room()

    def close(self, refusal: Refusal | None) -> None:
        """Close the full case in hand: why no point has it; None where it keeps the bound."""
        if refusal is None:
            close(self._path, self._sets, CLOSED)
            return
        sets, count = self._sets, len(refusal.neurons)
        begin = int(sets.start[sets.size[0]])
        own = slice(begin, begin + count)
        sets.literals[own] = 2 * refusal.neurons + self._path.toggled[refusal.neurons]
        sets.multipliers[own] = refusal.multipliers
        close(self._path, sets, keep(sets, count))

    def _make_room(self) -> None:
        if len(self._path.steps) > MOST_STEPS:
            raise NoProofError(f"it has over {MOST_STEPS} steps")
        if int(self._path.written[0]) + 2 * self._space.size + 2 > len(self._path.steps):
            self._path = self._path._replace(steps=_doubled(self._path.steps))
        else:
            arrays = self._sets._asdict()
            grown = {name: _doubled(array) for name, array in arrays.items() if name in _OF_SETS}
            self._sets = self._sets._replace(**grown)

    def packed(self) -> Packed:
        """The steps, once all is covered."""
        sets, packing, literals = self._sets, Packing(), literals_of(self._space)
        done = Written(
            steps=np.zeros(2, dtype=np.int64),
            order=np.full(int(sets.size[0]), -1, dtype=np.int64),
        )
        room = 16 + 14 * 2 * self._space.size
        out = np.empty(PIECE + room, dtype=np.uint8)
        while size := written(self._path, sets, literals, done, room, out):
            packing.add(out[:size].tobytes())
        return packing.steps()


_OF_SETS = ("words", "start", "literals", "multipliers", "following")
"""What grows with the number of sets."""


def _fresh_sets(size: int) -> Sets:
    most = ROOM * 8 + 2 * max(MOST_FLIPS, size)
    return Sets(
        words=np.zeros((ROOM, _span(size)), dtype=np.uint64),
        start=np.zeros(ROOM + 1, dtype=np.int64),
        literals=np.zeros(most, dtype=np.int32),
        multipliers=np.zeros(most, dtype=np.int64),
        following=np.zeros(ROOM, dtype=np.int32),
        first=np.full(2 * size, -1, dtype=np.int32),
        size=np.zeros(1, dtype=np.int64),
    )


def _doubled(array: np.ndarray) -> np.ndarray:
    return np.concatenate([array, np.zeros_like(array)])


def _fresh_path(sums: Sums, size: int, span: int, geometry: Geometry) -> Path:
    path = Path(
        depth=np.zeros(1, dtype=np.int64),
        toggled=np.zeros(size, dtype=np.bool_),
        second=np.zeros(size, dtype=np.bool_),
        held=np.zeros(_span(size), dtype=np.uint64),
        sums=np.zeros((size + 1, len(sums)), dtype=np.int16),
        active=np.zeros(size + 1, dtype=np.int64),
        began=np.zeros(size + 1, dtype=np.int64),
        steps=np.zeros(ROOM + 4 * size, dtype=np.int32),
        written=np.zeros(1, dtype=np.int64),
        factor=fresh_factor(geometry),
        words=np.zeros((4, span), dtype=np.uint64),
    )
    path.sums[0] = sums
    return path


def _span(size: int) -> int:
    """Words for two literals a neuron."""
    return -(-2 * size // 64)


def _suffix(changes: np.ndarray) -> np.ndarray:
    """(m + 1, K) int16: of changes (m, K) bool, how many come from each neuron on."""
    total = np.zeros((changes.shape[0] + 1, changes.shape[1]), dtype=np.int16)
    total[:-1] = np.cumsum(changes[::-1], axis=0)[::-1]
    return total
