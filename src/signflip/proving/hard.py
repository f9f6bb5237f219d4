"""The steps of a proof over two hidden layers that has many cases: by frames and forms."""

import copy
import math
from fractions import Fraction
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from signflip.exact.cases import FULL
from signflip.exact.frames import OWN_DATA, Rules, State, fresh_sets
from signflip.exact.geometry import MOST_FLIPS, geometry_of
from signflip.exact.joint import CURVE_BITS
from signflip.exact.parity import excess
from signflip.exact.rows import MOST_BOUNDED, Rows, rows_of
from signflip.network import Lead
from signflip.patterns.space import Flips, PatternSpace
from signflip.proof.check import BOUND, NEW
from signflip.proof.container import steps_of
from signflip.proof.joint import SLOTS
from signflip.proving.forms import BITS
from signflip.proving.frames import advance_frames, leave
from signflip.proving.growing import FIRST, End
from signflip.proving.halved import NONE, Halved, fresh_halved
from signflip.proving.last import fresh_last, turn_last
from signflip.proving.packing import PIECE, Packing
from signflip.proving.refusals import Refusal, literals_of
from signflip.proving.writing import RING, Writer

ASK, GATE = 0.65, 0.65
"""Shares of the ellipsoid's limit, as in the search."""
RULES = Rules(bottom=14)
"""As in the search, but that fewer neurons are the last ones, as each of their cases is a step."""
HALVED = 100_000
"""Looks at frames after which a proof goes on by halves."""


class Frames:
    """The cases of one problem.

    Args:
        space: its patterns, `countable`.
        need: (R,) what each rival is worth where it breaks the bound; it may rise.
    """

    budget: ClassVar = 2000
    first: ClassVar = FIRST

    def __init__(self, space: PatternSpace, need: npt.NDArray[np.int64]) -> None:
        self._space, self._need = space, need
        self._geometry = geometry_of(space, ASK, GATE)
        rows, sums = rows_of(space)
        self._rows = rows._replace(blocks=False)
        self._state = fresh_sets(self._geometry, self._rows, sums, RULES)
        heads = _heads(space, rows.fraction)
        rivals, width = rows.weight.shape
        # bytes of a frame: sets of toggles with multipliers, forms and points
        self._room = space.size * (8 * MOST_FLIPS + 16)
        self._room += rivals * (3 * width + 12 * space.size + heads.shape[1] + 32)
        self._writer = _fresh_writer(space, heads, self._room + PIECE)
        self._halved = _fresh_halved(space, self._state, self._rows)
        self._looked = 0
        self._begin()

    def _begin(self) -> None:
        """Make what is no other part's."""
        rivals, width, size = *self._rows.weight.shape, self._space.size
        most = min(size, MOST_BOUNDED)
        self._packing = Packing()
        self._last = fresh_last(RULES.bottom, rivals, width)
        self._points = np.zeros((rivals, size + 1), dtype=np.uint8)
        self._scratch = (
            np.zeros(width, np.int32),
            np.zeros(width, np.int64),
            np.zeros((most, most), np.int64),
        )

    @property
    def leaf(self) -> Flips:
        """(m,) bool, the toggles of the full case in hand."""
        toggled = np.zeros(self._space.size, dtype=np.bool_)
        top, level = int(self._state.top[0]), int(self._last.level[0])
        toggled[self._state.flip[:top]] = True
        if level >= 0:
            first = int(self._state.next[top])
            last = self._state.live[top, first : first + level]
            toggled[last[self._last.toggled[:level]]] = True
        return toggled

    def advance(self, budget: int) -> End:
        """Look at so many frames, or go on to a full case or to the end.

        Raises:
            NoProofError: there are too many.
        """
        self._looked += budget
        self._halved.due[0] = self._looked > HALVED
        while True:
            why = advance_frames(
                self._geometry,
                self._rows,
                self._need,
                RULES,
                self._points,
                self._scratch,
                self._room,
                self._last,
                self._halved,
                self._writer,
                self._state,
                budget,
            )
            if why != FULL:
                return End(why)
            self._pack()

    def close(self, refusal: Refusal | None) -> None:
        """Close the full case in hand: why no point has it; None where it keeps the bound."""
        numbers = [BOUND]
        if refusal is not None:
            signs = self.leaf[refusal.neurons]
            literals = literals_of(self._space)[2 * refusal.neurons + signs]
            numbers = [NEW, len(literals)]
            for literal, multiplier in zip(literals.tolist(), refusal.multipliers, strict=True):
                numbers += [literal, multiplier]
            self._writer.made[1] += 1
        self._pack()
        self._packing.add(steps_of(numbers))
        if self._last.level[0] >= 0:
            top = self._state.top[0]
            turn_last(top, self._rows, self._need, self._last, self._writer, self._state)
        if self._last.level[0] < 0:
            leave(self._halved, self._writer, self._state)

    def split(self) -> "Frames | None":
        """Give away the rest of the first frame that has one, and of all before it."""
        state, writer = self._state, self._writer
        least, top = int(writer.least[0]), max(0, int(state.top[0]))
        rest = np.flatnonzero(state.next[least:top] < state.length[least:top])
        if len(rest) == 0:
            return None
        frame = least + int(rest[0])
        given = copy.copy(self)
        given._state = copy.deepcopy(state)
        given._state.top[0] = frame
        given._writer = _given_writer(writer, state.flip[:frame])
        given._halved = copy.deepcopy(self._halved)
        if given._halved.frame[0] > frame:
            given._halved.frame[0] = NONE
        given._begin()
        writer.least[0] = frame + 1
        return given

    def packing(self) -> Packing:
        """The steps, once all is covered."""
        self._pack()
        return self._packing

    def _pack(self) -> None:
        self._packing.add(self._writer.out[: self._writer.place[0]].tobytes())
        self._writer.place[0] = 0


def compile_frames(space: PatternSpace) -> None:
    """Compile what is compiled, on a small problem of two hidden layers."""
    rivals = len(space.problem.rivals)
    everything = np.full(rivals, 1 << 20, dtype=np.int64)
    frames = Frames(space, everything)
    while frames.advance(frames.budget) is not End.DONE:
        frames.close(None)
    frames.packing()


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
        least=np.zeros(1, dtype=np.int64),
        literals=np.zeros((2, MOST_FLIPS + 1), dtype=np.int64),
        base=np.zeros((2, MOST_FLIPS + 1), dtype=np.int64),
    )


def _fresh_halved(space: PatternSpace, state: State, rows: Rows) -> Halved:
    lowered = np.array([excess(rows, state.sums[0], parity) for parity in (0, 1)])
    # of no toggles, or an even number of them, this is the parity of what is +1
    even = int((space.signs[space.unstable] > 0).sum()) % 2
    literals = 2 * space.size + np.array([even, 1 - even])
    return fresh_halved(state, lowered, literals)


def _given_writer(writer: Writer, flips: npt.NDArray[np.int64]) -> Writer:
    """The writer of a part that begins with these toggles: it refers to no step before its own."""
    given = copy.deepcopy(writer._replace(out=writer.out[:0]))
    given = given._replace(out=np.zeros_like(writer.out))
    given.place[0] = 0
    given.slots[:] = given.name[:] = -1
    given.next[:] = 0
    given.held[:] = 0
    for neuron in flips.tolist():
        given.held[neuron >> 6] |= np.uint64(1 << (neuron & 63))
    return given
