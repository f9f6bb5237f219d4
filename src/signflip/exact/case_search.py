"""The search case by case of one problem: its tables, and room for what it learns."""

import copy
from typing import Self

import numpy as np

from signflip.arrays import Integers
from signflip.exact.cases import CLOSED, FULL, LEAF, Path, Sets, Table, advance, close, keep, turn
from signflip.exact.counting import Sums
from signflip.exact.geometry import MOST_FLIPS, Geometry, fresh_factor, geometry_of
from signflip.exact.kernel import Upper
from signflip.exact.tables import second_layer
from signflip.patterns.chains import chains_of
from signflip.patterns.space import Flips, PatternSpace

ASK = 0.6
"""Share of the ellipsoid's limit from which geometry is asked."""
ROOM = 1000
"""For steps, and for sets, at first."""
MOST_SETS = 2**20
"""Refused sets from which on all are forgotten, where no step may refer to one: some 100 MB."""


class CaseSearch:
    """The cases of one problem.

    Args:
        space: the patterns of the problem.
        upper: the layers above, with the incumbent that is to be beaten; it may rise.
        kept: whether the steps are kept.
    """

    def __init__(self, space: PatternSpace, upper: Upper, *, kept: bool) -> None:
        self._upper = upper
        self._geometry = geometry_of(space, ASK, 1.0)
        sums, effect = second_layer(space)
        self._table = Table(effect, _suffix(effect > 0), _suffix(effect < 0))
        self._sets = _fresh_sets(space.size)
        words = upper.want_plus.shape[1]
        self._path = _fresh_path(sums, space.size, words, self._geometry, kept)
        self._chains = chains_of(space)
        self._enter_chains()

    @property
    def visited(self) -> int:
        """Cases so far."""
        return int(self._path.tally[0])

    @property
    def done(self) -> bool:
        """Whether all is covered."""
        return bool(self._path.depth[0] < 0)

    @property
    def leaf(self) -> Flips:
        """(m,) bool, the toggles of the full case in hand."""
        return self._path.toggled.copy()

    def go_on(self, budget: int) -> int:
        """Look at so many cases, or go on to a full one or to the end; why it stopped."""
        while True:
            why = advance(self._geometry, self._table, self._upper, self._path, self._sets, budget)
            if why != FULL:
                return int(why)
            self._make_room()

    def close_leaf(self) -> None:
        """Close the full case in hand."""
        close(self._path, self._sets, CLOSED)

    def close_refused(self, neurons: Integers, multipliers: list[int]) -> None:
        """Close what has these signs of the full case in hand, which exclude each other.

        Args:
            neurons: (k,) places of the unstable neurons.
            multipliers: (k,) whole numbers above 0 that show it.
        """
        number = self._enter(2 * neurons + self._path.toggled[neurons], multipliers)
        close(self._path, self._sets, number)

    def _enter_chains(self) -> None:
        """Keep what chains exclude: a stronger neuron toggles and a weaker one does not."""
        chains = self._chains
        for stronger in np.flatnonzero(chains.weaker >= 0).tolist():
            weaker = int(chains.weaker[stronger])
            self._enter([2 * stronger + 1, 2 * weaker], [1, 1])
            if chains.twin[stronger]:
                self._enter([2 * weaker + 1, 2 * stronger], [1, 1])
        self._given = int(self._sets.size[0])

    def _enter(self, literals: Integers | list[int], multipliers: list[int]) -> int:
        """Keep a set that excludes itself with these multipliers; its number."""
        sets = self._sets
        begin = int(sets.start[sets.size[0]])
        if sets.size[0] + 2 > len(sets.words) or begin + len(literals) > len(sets.literals):
            sets = self._grow()
        own = slice(begin, begin + len(literals))
        sets.literals[own], sets.multipliers[own] = literals, multipliers
        return keep(sets, len(literals))

    def _grow(self) -> Sets:
        """Make room for as many sets again."""
        arrays = self._sets._asdict()
        grown = {name: _doubled(array) for name, array in arrays.items() if name in _OF_SETS}
        self._sets = self._sets._replace(**grown)
        return self._sets

    def _make_room(self) -> None:
        path, sets = self._path, self._sets
        if path.kept and int(path.written[0]) + 2 * len(path.toggled) + 2 > len(path.steps):
            self._path = path._replace(steps=_doubled(path.steps))
        elif not path.kept and int(sets.size[0]) - self._given >= MOST_SETS:
            sets.first[:] = -1
            sets.size[0] = 0
            self._enter_chains()
        else:
            self._grow()

    def split(self) -> Self | None:
        """Give the other half of the earliest case that has one away, if there is any.

        What has been learnt goes with it.
        """
        path = self._path
        halves = np.flatnonzero(~path.second[: max(0, path.depth[0])])
        if len(halves) == 0:
            return None
        neuron = int(halves[0])
        given = copy.copy(self)
        given._path = copy.deepcopy(path._replace(steps=path.steps[:0]))
        given._path = given._path._replace(steps=np.zeros(_room(len(path.toggled)), np.int32))
        given._sets = copy.deepcopy(self._sets)
        given._path.tally[:] = given._path.written[:] = 0
        if path.kept:
            path.least[0] = given._path.least[0] = neuron + 1
        path.second[neuron] = True
        turn(given._path, neuron)
        return given


class CasePart(CaseSearch):
    """A search by cases as a part of a frontier."""

    def __init__(self, space: PatternSpace, upper: Upper) -> None:
        super().__init__(space, upper, kept=False)

    def advance(self, leaves: Flips, budget: int) -> int:
        """Look at so many cases, or until `leaves` (N, m) is full; the leaves found."""
        found, end = 0, self.visited + budget
        while found < len(leaves) and self.visited < end:
            if self.go_on(end - self.visited) != LEAF:
                break
            leaves[found] = self.leaf
            found += 1
            self.close_leaf()
        return found


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


def _fresh_path(sums: Sums, size: int, span: int, geometry: Geometry, kept: bool) -> Path:
    path = Path(
        depth=np.zeros(1, dtype=np.int64),
        toggled=np.zeros(size, dtype=np.bool_),
        second=np.zeros(size, dtype=np.bool_),
        held=np.zeros(_span(size), dtype=np.uint64),
        sums=np.zeros((size + 1, len(sums)), dtype=np.int16),
        active=np.zeros(size + 1, dtype=np.int64),
        began=np.zeros(size + 1, dtype=np.int64),
        kept=kept,
        steps=np.zeros(_room(size), dtype=np.int32),
        written=np.zeros(1, dtype=np.int64),
        least=np.zeros(1, dtype=np.int64),
        tally=np.zeros(1, dtype=np.int64),
        factor=fresh_factor(geometry),
        words=np.zeros((4, span), dtype=np.uint64),
    )
    path.sums[0] = sums
    return path


def _room(size: int) -> int:
    """Steps at first."""
    return ROOM + 4 * size


def _span(size: int) -> int:
    """Words for two literals a neuron."""
    return -(-2 * size // 64)


def _suffix(changes: np.ndarray) -> np.ndarray:
    """(m + 1, K) int16: of changes (m, K) bool, how many come from each neuron on."""
    total = np.zeros((changes.shape[0] + 1, changes.shape[1]), dtype=np.int16)
    total[:-1] = np.cumsum(changes[::-1], axis=0)[::-1]
    return total
