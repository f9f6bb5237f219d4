"""How long the runs of a walk are, and how each is made."""

import math
from typing import NamedTuple

from signflip.walk.dual import ROOM

FIRST_PASSES, LAST_PASSES = 16, 128
"""Moves for each neuron that can toggle, in a rival's first run, and in its fifth and all later
ones: there as many as there are neurons, if these are more. Those between rise by one factor."""
FIRST_MOVES, MOST_MOVES = 1_000, 256_000
"""Of a first run, and of any run, at most: on a large network an image has to come out soon."""
_RISES = 4
TURN, MOST_TIGHT = 4, 100
"""Every fourth run of a rival is a tight one, where at most so many neurons can toggle: with more
its sweeps take too long. Softness has a turn of three, so that each meets each."""


class Kind(NamedTuple):
    """How a run is made.

    Attributes:
        hottest: temperature at its start, in units of the mean change by a random toggle, and
        coldest: at its end.
        sweeps: of the ascent after a toggle; runs take them in turn.
        room: how far beyond its margin a neuron is moved, see `dual.ROOM`.
    """

    hottest: float
    coldest: float
    sweeps: tuple[int, ...]
    room: float


LOOSE = Kind(hottest=0.45, coldest=0.03, sweeps=(20, 20, 20, 40), room=ROOM)
"""Quick moves, which find what is easy to reach."""
TIGHT = Kind(hottest=1.0, coldest=0.3, sweeps=(1000,), room=0.02)
"""For toggles that just fit together. A loose run says that there is no room for them; often there
is, after many sweeps that move each neuron no further than it must."""


def length_of(size: int, runs: int) -> int:
    """Moves of a rival's next run after so many, where `size` neurons can toggle."""
    first = min(FIRST_PASSES * size, FIRST_MOVES)
    last = min(max(LAST_PASSES, size) * size, MOST_MOVES)
    risen = min(runs, _RISES) / _RISES
    return round(math.exp((1 - risen) * math.log(first) + risen * math.log(last)))


def kind_of(size: int, runs: int) -> Kind:
    """How that run is made."""
    return TIGHT if runs % TURN == TURN - 1 and size <= MOST_TIGHT else LOOSE
