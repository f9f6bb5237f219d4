"""The steps of a proof that no pattern of a box has an objective above a bound."""

from typing import ClassVar

import numpy as np

from signflip.clock import Clock
from signflip.exact.case_search import CaseSearch
from signflip.exact.kernel import Upper
from signflip.exact.tables import MOST_INPUTS
from signflip.patterns.space import PatternSpace
from signflip.proving.growing import FIRST, End
from signflip.proving.no_proof import NoProofError
from signflip.proving.packing import PIECE, Packing
from signflip.proving.refusals import Refusal, literals_of
from signflip.proving.steps import Written, written

MOST_STEPS = 200_000_000
"""Steps of a proof at most: a longer one would take a checker hours."""
ENTRY, PRODUCT = 5e-8, 2e-11
"""Seconds for each entry of the tables of neurons, and each product of those of geometry."""


def entries(space: PatternSpace) -> int:
    """Of a table of what each unstable neuron does to each one of the second layer."""
    widths = space.problem.network.widths
    return space.size * (widths[1:] or widths)[0]


def have_room(space: PatternSpace, clock: Clock) -> bool:
    """Whether there are sums and time for the tables of cases."""
    hidden = space.problem.network.hidden
    products = space.size**2 * len(space.radius)
    counted = len(hidden) == 1 or hidden[0].neurons <= MOST_INPUTS
    return counted and clock.suffices(ENTRY * entries(space) + PRODUCT * products)


class Cases(CaseSearch):
    """The cases of one problem, as a proof that grows.

    Args:
        space: the patterns of the problem.
        upper: the layers above, with the incumbent that no pattern is to be above; it may rise.
    """

    budget: ClassVar = 50_000
    first: ClassVar = FIRST

    def __init__(self, space: PatternSpace, upper: Upper) -> None:
        super().__init__(space, upper, kept=True)
        self._literals = literals_of(space)

    @property
    def written(self) -> int:
        """Steps so far."""
        return int(self._path.written[0])

    def advance(self, budget: int) -> End:
        """Look at so many cases, or go on to a full one or to the end.

        Raises:
            NoProofError: there are too many.
        """
        why = End(self.go_on(budget))
        if self.written > MOST_STEPS:
            raise NoProofError(f"it has over {MOST_STEPS} steps")
        return why

    def close(self, refusal: Refusal | None) -> None:
        """Close the full case in hand: why no point has it; None where it keeps the bound."""
        if refusal is None:
            self.close_leaf()
        else:
            self.close_refused(refusal.neurons, refusal.multipliers)

    def packing(self) -> Packing:
        """The steps, once all is covered."""
        packing, sets = Packing(), int(self._sets.size[0])
        done = Written(steps=np.zeros(2, np.int64), order=np.full(sets, -1, np.int64))
        room = 16 + 14 * len(self._literals)
        out = np.empty(PIECE + room, dtype=np.uint8)
        while size := written(self._path, self._sets, self._literals, done, room, out):
            packing.add(out[:size].tobytes())
        return packing
