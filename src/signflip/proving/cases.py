"""The steps of a proof that no pattern of a box has an objective above a bound."""

import math
from fractions import Fraction

import numpy as np

from signflip.clock import Clock
from signflip.exact.counting import Sums
from signflip.exact.geometry import MOST_FLIPS, Geometry, fresh_factor, geometry_of
from signflip.exact.rows import countable
from signflip.exact.tables import second_layer
from signflip.exact.upper import set_incumbent, upper_of
from signflip.patterns.space import Flips, PatternSpace
from signflip.proving.hard import Frames
from signflip.proving.kernel import (
    CLOSED,
    DONE,
    FULL,
    LEAF,
    PAUSE,
    Path,
    Sets,
    Table,
    advance,
    close,
    keep,
    written,
)
from signflip.proving.no_proof import NoProofError
from signflip.proving.refusals import Refusal, Refusals, literals_of

ASK = 0.6
"""Share of the ellipsoid's limit from which geometry is asked, as in the search."""
FEW = 2_000
"""Steps of an easy proof: where there are more, another kind of proof may be shorter."""
EASY = 20_000
"""Cases that are looked at before a proof over two hidden layers begins again, by frames."""
BUDGET = 50_000
"""Cases between two looks at the clock."""
ROOM = 1000
"""For steps, and for sets, at first."""
MOST_STEPS = 20_000_000
"""Steps of a proof at most: a longer one would take a checker hours."""


class Cases:
    """The cases of one problem.

    Args:
        space: the patterns of the problem.
        bound: what no objective is to be above.
        strict: rivals whose lead is to be below the bound.
        clock: when to give up.
    """

    def __init__(
        self, space: PatternSpace, bound: Fraction, strict: tuple[int, ...], clock: Clock
    ) -> None:
        self._space, self._bound, self._strict, self._clock = space, bound, strict, clock
        problem = space.problem
        self._upper = upper_of(problem)
        set_incumbent(self._upper, problem, bound, strict)
        self._geometry = geometry_of(space, ASK, 1.0)
        sums, effect = second_layer(space)
        self._table = Table(effect, _suffix(effect > 0), _suffix(effect < 0))
        self._sets = _fresh_sets(space.size)
        self._path = _fresh_path(sums, space.size, self._upper.want_plus.shape[1], self._geometry)
        self._refusals = Refusals(space)

    def few(self) -> bytes | None:
        """The steps, as a proof file has them, where few do; None if not, or if there are none."""
        try:
            return self._go_on(FEW, FEW)
        except NoProofError:
            return None

    def steps(self) -> bytes:
        """The steps, as a proof file has them; those that were found before are kept.

        Raises:
            NoProofError: there are none.
        """
        found = self._go_on(EASY)
        if found is None and countable(self._space):
            return self._frames().steps()
        while found is None:
            found = self._go_on(BUDGET)
        return found

    def _go_on(self, budget: int, most: float = math.inf) -> bytes | None:
        """Look at so many cases without a pause, or more; the steps if that was all.

        It ends, too, once there are more than `most` steps.

        Raises:
            NoProofError: one cannot be refuted, or time is out.
        """
        while True:
            why = advance(self._geometry, self._table, self._upper, self._path, self._sets, budget)
            if why == DONE:
                return self._bytes()
            if self._clock.expired():
                raise NoProofError("time was out before all cases were refuted")
            if why == PAUSE or self._path.written[0] > most:
                return None
            if why == FULL:
                self._make_room()
            elif why == LEAF:
                self._refute_leaf()

    def _frames(self) -> Frames:
        return Frames(self._space, self._upper.need, self._refuted, self._clock)

    def _refuted(self, toggled: Flips) -> Refusal | None:
        """Why no point has a full pattern; None where it keeps the bound.

        Raises:
            NoProofError: neither is so, or time is out.
        """
        if keeps(self._space, toggled, self._bound, self._strict):
            return None
        refusal = self._refusals.of(toggled, self._clock)
        if refusal is None:
            raise NoProofError("a pattern above the bound could not be refused")
        return refusal

    def _refute_leaf(self) -> None:
        toggled = self._path.toggled.copy()
        refusal = self._refuted(toggled)
        if refusal is None:
            close(self._path, self._sets, CLOSED)
            return
        sets, count = self._sets, len(refusal.neurons)
        number = int(sets.size[0])
        begin = int(sets.start[number])
        own = slice(begin, begin + count)
        sets.literals[own] = 2 * refusal.neurons + toggled[refusal.neurons]
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

    def _bytes(self) -> bytes:
        sets, path, literals = self._sets, self._path, literals_of(self._space)
        count = int(sets.size[0])
        room = 5 * int(path.written[0]) + 16 * count + 14 * int(sets.start[count])
        out = np.empty(room, dtype=np.uint8)
        return out[: written(path, sets, literals, out)].tobytes()


def keeps(space: PatternSpace, flips: Flips, bound: Fraction, strict: tuple[int, ...]) -> bool:
    """Whether the objective of a pattern keeps a bound, that of strict rivals strictly."""
    problem = space.problem
    signs = problem.network.activations_of_pattern(space.pattern(flips)[None])[-1][0]
    values = problem.network.output.exact_values(signs)
    room = bound + values[problem.prediction]
    level = {c for c in problem.rivals if values[c] == room}
    return max(values[c] for c in problem.rivals) <= room and not level & set(strict)


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
