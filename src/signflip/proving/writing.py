"""Steps of a proof as bytes, in Numba, in the order in which they are found."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled
from signflip.exact.frames import State
from signflip.exact.rows import Rows
from signflip.proof.check import BASE, FORM, JOINT, KNOWN, NEW, WITH
from signflip.proof.exclusions import MOST_KNOWN
from signflip.proof.joint import POINT, SLOTS

U64 = np.uint64
Longs = npt.NDArray[np.int64]
RING = 32
"""Refused sets that are kept for each neuron."""


class Writer(NamedTuple):
    """What was written, and what it refers to; m neurons, R rivals, T frames."""

    out: npt.NDArray[np.uint8]
    place: Longs  # (1,) where the next number goes
    number: Longs  # (m,) what a checker calls the neurons
    away: npt.NDArray[np.bool_]  # (m,) whether a toggled neuron is +1
    order: Longs  # (m,) neurons by number
    heads: npt.NDArray[np.uint16]  # (R, bytes) what a form says of worths, after the bytes' number
    made: Longs  # (2,) forms and refused sets so far
    form: Longs  # (T, R) number of the form of a frame
    first: Longs  # (T, R) where its neurons begin in the frame's list
    slots: Longs  # (SLOTS,) the form that a checker has in each slot, or -1
    words: npt.NDArray[np.uint64]  # (m, RING, span) refused sets with the neuron
    name: Longs  # (m, RING) number of each; -1 for none
    next: Longs  # (m,) where the next goes
    held: npt.NDArray[np.uint64]  # (span,) toggled neurons of the case
    open: npt.NDArray[np.bool_]  # (m,) scratch
    literals: Longs  # (2, flips) scratch
    least: Longs  # (1,) frames that are another part's
    base: Longs  # (2, flips) neurons whose toggles may exclude several others, and multipliers


@compiled(inner=True)
def write(number: int, out: npt.NDArray[np.uint8], place: int) -> int:
    """Write a number as proof files have it; where the next one begins."""
    while number > 127:
        out[place] = np.uint8(number & 127 | 128)
        number >>= 7
        place += 1
    out[place] = np.uint8(number)
    return place + 1


@compiled(inner=True)
def put(number: int, w: Writer) -> None:
    """Write a number."""
    w.place[0] = write(number, w.out, w.place[0])


@compiled(inner=True)
def toggled(neuron: int, w: Writer) -> int:
    """What a checker calls the literal that a neuron toggles."""
    return int(2 * w.number[neuron] + (1 if w.away[neuron] else 0))


@compiled(inner=True)
def hold(neuron: int, w: Writer) -> None:
    """Note that a neuron toggles in the case in hand."""
    w.held[neuron >> 6] |= U64(1) << U64(neuron & 63)


@compiled(inner=True)
def let_go(neuron: int, w: Writer) -> None:
    """Note that it does not."""
    w.held[neuron >> 6] &= ~(U64(1) << U64(neuron & 63))


@compiled(inner=True)
def put_joint(frame: int, points: npt.NDArray[np.uint8], rows: Rows, w: Writer, s: State) -> None:
    """Write that forms close a frame, for the rivals that are marked in the last of `points`.

    Args:
        frame: it.
        points: (R, m + 1) of each rival for each neuron; at the end 1 where it is to be written.
        rows: of the rivals.
        w: written to.
        s: the search.
    """
    rivals, size = points.shape[0], points.shape[1] - 1
    count = 0
    for rival in range(rivals):
        if points[rival, size]:
            count += 1
            slot = _slot(frame, rival, s)
            form = w.form[s.data[frame, rival], rival]
            if w.slots[slot] != form:
                w.slots[slot] = form
                _put_form(slot, frame, rival, rows, w, s)
    put(JOINT, w)
    put(count, w)
    for q in range(s.next[frame], s.length[frame]):
        w.open[s.live[frame, q]] = True
    for rival in range(rivals):
        if points[rival, size]:
            put(_slot(frame, rival, s), w)
            for neuron in w.order:
                if w.open[neuron]:
                    p = int(points[rival, neuron])
                    put(p if w.away[neuron] else POINT - p, w)
    w.open[:] = False


@compiled(inner=True)
def _slot(frame: int, rival: int, s: State) -> int:
    return int((s.data[frame, rival] * s.hopeful.shape[1] + rival) % SLOTS)


@compiled(inner=True)
def _put_form(slot: int, frame: int, rival: int, rows: Rows, w: Writer, s: State) -> None:
    source = s.data[frame, rival]
    put(FORM, w)
    put(slot, w)
    put(rival, w)
    for i in range(1, w.heads[rival, 0] + 1):
        w.out[w.place[0]] = w.heads[rival, i]
        w.place[0] += 1
    for k in range(rows.weight.shape[1]):
        if rows.weight[rival, k] > 0:
            put(int(s.curve[source, rival, k]), w)
    live = s.live[source, w.first[source, rival] : s.length[source]]
    put(live.shape[0], w)
    for neuron in live:
        put(int(w.number[neuron]), w)
        put(int(s.diagonal[source, rival, neuron]), w)


@compiled(inner=True)
def keep_base(size: int, w: Writer, s: State) -> None:
    """Keep the `size` toggles that `combine` has just added up, and their multipliers."""
    for i in range(size):
        w.base[0, i] = s.span.factor.taking[i]
        w.base[1, i] = s.span.factor.whole[i]


@compiled(inner=True)
def put_base(size: int, w: Writer) -> None:
    """Write the first `size` that are kept, as the base."""
    put(BASE, w)
    put(size, w)
    for i in range(size):
        put(toggled(w.base[0, i], w), w)
        put(w.base[1, i], w)


@compiled(inner=True)
def put_with_base(neuron: int, multiplier: int, w: Writer) -> None:
    """Write that the base excludes one more toggle."""
    put(WITH, w)
    put(toggled(neuron, w), w)
    put(multiplier, w)


@compiled(inner=True)
def put_refused(size: int, w: Writer) -> None:
    """Write that toggles exclude each other: the first of `literals`, and keep them."""
    neurons, multipliers = w.literals[0], w.literals[1]
    name = w.made[1]
    w.made[1] += 1
    put(NEW, w)
    put(size, w)
    for i in range(size):
        put(toggled(neurons[i], w), w)
        put(int(multipliers[i]), w)
    for i in range(size):
        neuron = neurons[i]
        at = w.next[neuron]
        w.next[neuron] = (at + 1) % RING
        w.name[neuron, at] = name
        words = w.words[neuron, at]
        words[:] = U64(0)
        for j in range(size):
            words[neurons[j] >> 6] |= U64(1) << U64(neurons[j] & 63)


@compiled(inner=True)
def put_known(neuron: int, w: Writer) -> bool:
    """Write that a set refuses the case with one more toggle, if one that is kept does."""
    hold(neuron, w)
    found = -1
    for i in range(RING):
        if w.name[neuron, i] < 0:
            break
        if w.made[1] - w.name[neuron, i] > MOST_KNOWN:
            continue
        missing = U64(0)
        for k in range(w.held.shape[0]):
            missing |= w.words[neuron, i, k] & ~w.held[k]
        if missing == U64(0):
            found = w.name[neuron, i]
            break
    let_go(neuron, w)
    if found < 0:
        return False
    put(KNOWN, w)
    put(int(w.made[1] - 1 - found), w)
    return True
