"""Runs of annealing on one problem, longer and longer, over its rivals in turn."""

import math
import time

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.patterns.chains import groups_of
from signflip.patterns.space import PatternSpace
from signflip.run import Run
from signflip.walk.anneal import BEST, BINS, DICE, HEAT, Schedule, Walk, anneal, begin, spread
from signflip.walk.dual import (
    FINE,
    Singles,
    frame_of,
    fresh_dual,
    image_of,
    load,
    pursue,
    settle_all,
)
from signflip.walk.kinds import LOOSE, TIGHT, Kind, kind_of, length_of
from signflip.walk.rivals import Rival, next_rival, rivals_of
from signflip.walk.tables import halved_sums, tables_of, wires_of

LEAST_MOVES = 100
"""Of a run that is cut to the time that is left."""
REHEATED = 0.3
"""The first one of a run from a start that is not the clean image."""
SOFTNESS = (0.3, 0.1, 0.6)
"""Widths of a softened sign, as shares of the fan-in's square root; runs take them in turn."""
FLAT = 0.003
"""Signs are softened more widely while a random toggle changes less of the objective than this."""
WIDENINGS = 12
"""Doublings at most. Where few neurons of the last layer count, all may be far from turning."""
SWAPS = 0.3
LAST_SWEEPS = 30
"""Over all unstable neurons, to mend the point of a run's best pattern."""
FORGET = 0.7
"""What the gate keeps of its counts from run to run."""
_SAMPLES = 100
_TIE = 1e-6
"""Where a tie flips, objectives of this little below 0, in units of a coefficient, are tried."""
STEP_SECONDS = 0.004
_LEAST_SLICE = 64
"""Moves between two looks at the clock at least, some 0.1 ms."""
_BLOCK = 1_024
"""Moves whose random numbers are drawn at once."""


class Walker:
    """A pattern walk, made in short steps.

    What it does depends on the seed and the moves made, not on the clock, but for one thing: a run
    that would end after the time limit is made shorter.

    Args:
        run: where images go.
        space: the patterns of the run's problem, at least two.
        seed: of the random choices.
        settle: whether to end a run at the first pattern that flips.
        share: share of the time that this walk gets.
        start: (inputs,) where the first run starts; the run's best point if it is None.
    """

    def __init__(
        self,
        run: Run,
        space: PatternSpace,
        *,
        seed: int,
        settle: bool,
        share: float = 1.0,
        start: Floats | None = None,
    ) -> None:
        started = time.monotonic()
        problem = run.problem
        self._run, self._settle, self._share = run, settle, share
        self._origin = run.witness if start is None else start
        groups = groups_of(space)
        # one of each group moves: the others toggle with it
        self._space = space.part(np.array([group[-1] for group in groups]))
        self._rng = np.random.default_rng(seed)
        self._tables = tables_of(problem.network)
        self._wires = wires_of(self._tables)
        self._base = halved_sums(problem.network, space.signs)
        self._frame = frame_of(self._space)
        self._dual, self._last = fresh_dual(self._frame), fresh_dual(self._frame)
        self._walk = _fresh_walk(space, groups, len(self._last.z))
        self._fan_in = _fan_in(space)
        self._rivals = rivals_of(space)
        self._number = 0
        self._left = 0
        self._ended = False
        self._kind = LOOSE
        self._gates = {kind: (np.zeros(BINS), np.zeros(BINS)) for kind in (LOOSE, TIGHT)}
        self._pace: dict[Kind, float] = {}
        self._schedule = Schedule(1.0, 1.0, SWAPS, LOOSE.sweeps[0], LOOSE.room, math.inf)
        self._rival: Rival
        self._dice: Singles = np.zeros((0, DICE), dtype=np.float32)
        self.moves = 0
        """Moves made so far."""
        self.seconds = time.monotonic() - started
        """Time spent so far, from the first line of this on."""

    @property
    def idle(self) -> bool:
        """Whether no rival can gain anything from any neuron."""
        return not self._rivals

    @property
    def runs(self) -> int:
        """Runs begun so far, of the rival that had the most."""
        return max((rival.runs for rival in self._rivals), default=0)

    @property
    def near(self) -> bool:
        """Whether a run came so close that one more neuron of the last layer would be a flip."""
        return any(rival.best + 2.0 * rival.scale > 0.0 for rival in self._rivals)

    def step(self, most: int | None = None, seconds: float = STEP_SECONDS) -> None:
        """Go on for about `seconds`, to the end of a run at most, and at most `most` moves."""
        started = time.monotonic()
        before = self.moves
        self._ended = self.idle
        while not self._ended:
            left = _BLOCK if most is None else most - (self.moves - before)
            if left == 0:
                break
            self._timed(min(left, self._slice(seconds)))
            # looked at afterwards: a step that waited for a processor goes on, too
            if time.monotonic() - started >= seconds:
                break
        self.seconds += time.monotonic() - started

    def _timed(self, most: int) -> None:
        """The same as `_advance`; how long a move took is noted."""
        started, before = time.monotonic(), self.moves
        self._advance(most)
        if self.moves > before:
            self._pace[self._kind] = (time.monotonic() - started) / (self.moves - before)

    def _advance(self, most: int) -> None:
        """Make up to `most` moves; offer what they led to where a run ends."""
        if self._left == 0:
            self._start()
        if len(self._dice) == 0:
            self._dice = self._rng.random((_BLOCK, DICE), dtype=np.float32)
        dice = self._dice[: min(most, self._left)]
        before = self._walk.numbers[BEST]
        made = anneal(
            self._tables, self._wires, self._walk, self._frame, self._dual,
            self._rival.coefficients, self._schedule, dice,
        )  # fmt: skip
        self._dice = self._dice[made:]
        self._left -= made
        self.moves += made
        best = self._walk.numbers[BEST]
        self._ended = self._left == 0 or best > max(before, self._schedule.enough)
        if self._ended:
            self.finish()

    def finish(self) -> None:
        """Offer an image of the run's best pattern, if that would be the best so far."""
        if self._number == 0:
            return
        rival, walk = self._rival, self._walk
        value = walk.numbers[BEST] * rival.scale + rival.constant
        rival.best = max(rival.best, value)
        if value > float(self._run.value) or self._breaks_tie(value):
            load(self._frame, self._last, walk.best, walk.best_u, walk.best_z)
            settle_all(self._frame, self._last, LAST_SWEEPS, np.float32(FINE))
            self._run.offer(image_of(self._space, self._last))

    def _breaks_tie(self, value: float) -> bool:
        run = self._run
        level = self._rival.index in run.problem.tied_rivals
        return level and not run.flipped and value >= float(run.value)

    def _slice(self, seconds: float) -> int:
        pace = self._pace.get(self._kind, 0.0)
        if self._left == 0 or pace == 0.0:  # the next run may be of another kind
            return _LEAST_SLICE
        return max(_LEAST_SLICE, int(seconds / pace))

    def _start(self) -> None:
        """Begin the next run."""
        rival = next_rival(self._rivals, self._number)
        self._rival = rival
        softness = SOFTNESS[rival.runs % len(SOFTNESS)]
        inverse = 1.0 / (softness * math.sqrt(self._fan_in))
        kind = kind_of(self._space.size, rival.runs)
        self._take(kind)
        moves = self._fitted(length_of(self._space.size, rival.runs))
        hottest = self._place()
        self._begin(inverse)
        unit = self._unit(inverse)
        for _ in range(WIDENINGS):
            if unit >= FLAT:
                break
            inverse /= 2.0
            unit = self._unit(inverse)
            self._begin(inverse)
        self._walk.numbers[HEAT] = hottest * unit
        enough = -rival.constant / rival.scale if self._settle else math.inf
        if rival.index in self._run.problem.tied_rivals:
            enough -= _TIE
        self._schedule = Schedule(
            cooling=(kind.coldest / hottest) ** (1.0 / moves),
            inverse=inverse,
            swaps=SWAPS,
            sweeps=kind.sweeps[rival.runs % len(kind.sweeps)],
            room=kind.room,
            enough=enough,
        )
        self._left = moves
        self._number += 1
        rival.runs += 1

    def _begin(self, inverse: float) -> None:
        """Put the walk where the dual is, its signs softened over `1 / inverse`."""
        begin(
            self._tables, self._wires, self._walk, self._frame, self._dual,
            self._rival.coefficients, inverse, self._base,
        )  # fmt: skip

    def _take(self, kind: Kind) -> None:
        """Make the next run of this kind: its gate goes on from what that of its last one saw."""
        self._kind = kind
        tried, settled = self._gates[kind]
        tried *= FORGET
        settled *= FORGET
        self._walk = self._walk._replace(tried=tried, settled=settled)

    def _fitted(self, moves: int) -> int:
        """So many moves, fewer if the time does not suffice for them."""
        left = self._run.clock.remaining() * self._share
        pace = self._pace.get(self._kind, 0.0)
        if pace == 0.0 or left == math.inf:
            return moves  # nobody knows how long a move takes
        return max(LEAST_MOVES, min(moves, int(left / pace)))

    def _place(self) -> float:
        """Put the dual where the next run starts; the temperature, in units, to start with."""
        dual = self._dual
        none = np.zeros(self._space.size, dtype=np.bool_)
        load(self._frame, dual, none, np.zeros_like(dual.u), np.zeros_like(dual.z))
        if self._number > 0 or np.array_equal(self._origin, self._run.problem.image):
            return self._kind.hottest
        toggles = self._space.toggles_of(self._origin)
        pursue(self._frame, dual, toggles, self._kind.sweeps[0], np.float32(self._kind.room))
        return REHEATED

    def _unit(self, inverse: float) -> float:
        """The mean change of the present rival's softened objective by a random toggle."""
        units = self._rival.units
        if inverse not in units:
            dice = self._rng.random(_SAMPLES, dtype=np.float32)
            unit = spread(
                self._tables, self._wires, self._walk, self._dual, self._rival.coefficients,
                inverse, dice,
            )  # fmt: skip
            units[inverse] = max(unit, 1e-3)
        return units[inverse]


def _fan_in(space: PatternSpace) -> float:
    """The mean number of weights of a last-layer neuron, at least 1."""
    hidden = space.problem.network.hidden
    return max(1.0, float(hidden[-1].map.fan_in.mean())) if len(hidden) > 1 else 1.0


def _fresh_walk(space: PatternSpace, groups: list[Integers], pixels: int) -> Walk:
    size = len(groups)
    unstable = space.unstable[np.concatenate(groups)].astype(np.int64)
    return Walk(
        first=np.cumsum([0, *map(len, groups)], dtype=np.int64),
        unstable=unstable,
        sign=space.signs[unstable],
        members=np.zeros(size, dtype=np.int64),
        place=np.full(size, -1, dtype=np.int64),
        toggles=np.zeros(1, dtype=np.int64),
        numbers=np.zeros(4),
        best=np.zeros(size, dtype=np.bool_),
        best_u=np.zeros(size, dtype=np.float32),
        best_z=np.zeros(pixels, dtype=np.float32),
        tried=np.zeros(BINS),
        settled=np.zeros(BINS),
    )
