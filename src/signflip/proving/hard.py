"""The steps of a proof over two hidden layers that has many cases: by frames and forms."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from signflip.clock import Clock
from signflip.exact.frames import OWN_DATA, Rules, fresh_sets
from signflip.exact.geometry import MOST_FLIPS, geometry_of
from signflip.exact.joint import CURVE_BITS
from signflip.exact.rows import MOST_BOUNDED, rows_of
from signflip.network import Lead
from signflip.patterns.space import Flips, PatternSpace
from signflip.proof.check import BOUND, NEW
from signflip.proof.container import MOST_BYTES, steps_of
from signflip.proof.joint import SLOTS
from signflip.proving.forms import BITS
from signflip.proving.frames import DONE, FULL, LEAF, advance_frames, leave
from signflip.proving.no_proof import NoProofError
from signflip.proving.refusals import Refusal, literals_of
from signflip.proving.writing import RING, Writer

ASK, GATE = 0.6, 0.65
"""Shares of the ellipsoid's limit, as in the search."""
RULES = Rules()
BUDGET = 2000
"""Frames between two looks at the clock."""


class Frames:
    """The cases of one problem.

    Args:
        space: its patterns, `countable`.
        need: (R,) what each rival is worth where it breaks the bound.
        refuted: why no point has a full pattern; None where it keeps the bound.
        clock: when to give up.
    """

    def __init__(
        self,
        space: PatternSpace,
        need: npt.NDArray[np.int64],
        refuted: Callable[[Flips], Refusal | None],
        clock: Clock,
    ) -> None:
        self._space, self._need, self._refuted, self._clock = space, need, refuted, clock
        self._geometry = geometry_of(space, ASK, GATE)
        rows, sums = rows_of(space)
        self._rows = rows._replace(blocks=False)
        self._state = fresh_sets(self._geometry, self._rows, sums, RULES)
        self._heads = _heads(space, rows.fraction)
        rivals, width = rows.weight.shape
        # bytes of a frame: sets of toggles with multipliers, forms and points
        self._room = space.size * (8 * MOST_FLIPS + 16)
        self._room += rivals * (3 * width + 12 * space.size + self._heads.shape[1] + 32)
        self._writer = _fresh_writer(space, self._heads, 2 * self._room)

    def steps(self) -> bytes:
        """The steps, as a proof file has them.

        Raises:
            NoProofError: there are none.
        """
        rivals, width = self._rows.weight.shape
        size, most = self._space.size, min(self._space.size, MOST_BOUNDED)
        points = np.zeros((rivals, size + 1), dtype=np.uint8)
        scratch = np.zeros((2, width), dtype=np.int64), np.zeros((most, most), dtype=np.int64)
        while True:
            why = advance_frames(
                self._geometry,
                self._rows,
                self._need,
                RULES,
                points,
                scratch,
                self._room,
                self._writer,
                self._state,
                BUDGET,
            )
            if why == DONE:
                return self._writer.out[: self._writer.place[0]].tobytes()
            if self._clock.expired():
                raise NoProofError("time was out before all cases were refuted")
            if why == FULL:
                self._make_room()
            elif why == LEAF:
                self._refute_leaf()

    def _make_room(self) -> None:
        if len(self._writer.out) > MOST_BYTES:
            raise NoProofError(f"it has over {MOST_BYTES} bytes")
        out = np.concatenate([self._writer.out, np.zeros_like(self._writer.out)])
        self._writer = self._writer._replace(out=out)

    def _refute_leaf(self) -> None:
        toggled = np.zeros(self._space.size, dtype=np.bool_)
        toggled[self._state.flip[: self._state.top[0]]] = True
        refusal, numbers = self._refuted(toggled), [BOUND]
        if refusal is not None:
            literals = literals_of(self._space)[2 * refusal.neurons + toggled[refusal.neurons]]
            numbers = [NEW, len(literals)]
            for literal, multiplier in zip(literals.tolist(), refusal.multipliers, strict=True):
                numbers += [literal, multiplier]
            self._writer.made[1] += 1
        steps = np.frombuffer(steps_of(numbers), np.uint8)
        while self._writer.place[0] + len(steps) > len(self._writer.out):
            self._make_room()
        begin = self._writer.place[0]
        self._writer.out[begin : begin + len(steps)] = steps
        self._writer.place[0] += len(steps)
        leave(self._writer, self._state)


def compile_frames(space: PatternSpace) -> None:
    """Compile what is compiled, on a small problem of two hidden layers."""
    rivals = len(space.problem.rivals)
    everything = np.full(rivals, 1 << 20, dtype=np.int64)
    Frames(space, everything, lambda _: None, Clock.start(None)).steps()


def _heads(space: PatternSpace, fraction: int) -> npt.NDArray[np.uint16]:
    """(R, bytes) what a form says of the worths of each rival: the number of bytes, and these."""
    problem = space.problem
    leads = [problem.network.output.lead(rival, problem.prediction) for rival in problem.rivals]
    heads = [_head(lead, fraction) for lead in leads]
    room = max(map(len, heads))
    rows = [[len(head), *head, *bytes(room - len(head))] for head in heads]
    return np.array(rows, dtype=np.uint16)


def _head(lead: Lead, fraction: int) -> bytes:
    gaps = [abs(Fraction(int(n), lead.denominator)) for n in lead.numerators if n]
    total = sum(gaps) * math.lcm(*(gap.denominator for gap in gaps))  # as a checker has them
    up, down = len(gaps) << fraction, max(2 * int(total), 1)
    return steps_of([up, down, CURVE_BITS + 2 * BITS - fraction])


def _fresh_writer(space: PatternSpace, heads: npt.NDArray[np.uint16], room: int) -> Writer:
    size, rivals = space.size, len(heads)
    number, span = literals_of(space)[1::2] // 2, -(-size // 64)
    return Writer(
        out=np.zeros(room, dtype=np.uint8),
        place=np.zeros(1, dtype=np.int64),
        number=number,
        away=literals_of(space)[1::2] % 2 == 1,
        order=np.argsort(number),
        heads=heads,
        made=np.zeros(2, dtype=np.int64),
        form=np.zeros((OWN_DATA, rivals), dtype=np.int64),
        first=np.zeros((OWN_DATA, rivals), dtype=np.int64),
        slots=np.full(SLOTS, -1, dtype=np.int64),
        words=np.zeros((size, RING, span), dtype=np.uint64),
        name=np.full((size, RING), -1, dtype=np.int64),
        next=np.zeros(size, dtype=np.int64),
        held=np.zeros(span, dtype=np.uint64),
        open=np.zeros(size, dtype=np.bool_),
        literals=np.zeros((2, MOST_FLIPS + 1), dtype=np.int64),
    )
