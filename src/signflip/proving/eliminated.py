"""The steps of a proof where neurons read few others: sets that exclude each other, elimination."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from signflip.arrays import Integers
from signflip.clock import Clock
from signflip.exact.elimination import order_of
from signflip.exact.neighbourhoods import KEPT, MOST_READ, SHARE, WIDTHS, Neighbourhoods
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.space import PatternSpace
from signflip.problem import NO_FLIP, Standing
from signflip.proof.check import ELIMINATED, NOTED
from signflip.proof.container import steps_of
from signflip.proving.refusals import Refusals, literals_of
from signflip.search import Search


@dataclass(kw_only=True)
class _Bounded(Neighbourhoods):
    """The search for what is above a bound, wherever the incumbent is."""

    bound: Standing = NO_FLIP

    @property
    def floor(self) -> Standing:
        """What is no better than this keeps the bound."""
        return self.bound

    def keeps_bound(self) -> bool:
        """Whether all that is above the bound was refused."""
        refuted = all(self.refute(rival) for rival in self.run.problem.nearest_rivals)
        return refuted and self._open is None


def eliminated(
    space: PatternSpace,
    bound: Fraction,
    strict: tuple[int, ...],
    clock: Clock,
    share: float = SHARE,
) -> Iterator[bytes]:
    """Steps as a proof file has them, with tables that get wider: a checker is to try them.

    Each neuron is eliminated at one time for all rivals, and not for each as in the search: what
    was narrow enough there need not be here. There are none where neurons read too many others, or
    a rival is above the bound, or time is out.

    Args:
        space: the patterns of the problem, of some unstable neurons.
        bound: what no objective is to be above.
        strict: rivals whose lead is to be below the bound.
        clock: when to give up.
        share: the largest share of the unstable neurons that a neuron may read.
    """
    search = Search(space.problem, clock)
    local = _Bounded.of(search, SearchGoal.OPTIMISE, space, share, sparing=True)
    if local is None:
        return
    local.bound = Standing(bound, flipped=bound > 0 or (bound == 0 and not strict))
    if not local.keeps_bound():
        return
    literals = literals_of(space)
    sets = _sets(local, literals, clock)
    if sets is None:
        return
    names = literals[::2] // 2
    scopes = [*local.scopes, *(part.scope for part in local.ruled_out)]
    order = names[order_of(scopes, space.size)].tolist()
    # the dearest first: those that toggle most easily are kept
    kept = [0] if local.complete else [KEPT, *names.tolist()]
    for width in WIDTHS:
        if width >= local.width and not clock.expired():
            yield steps_of([*sets, ELIMINATED, max(width, MOST_READ), *kept, *order])


def _sets(local: Neighbourhoods, literals: Integers, clock: Clock) -> list[int] | None:
    """Steps that note what was ruled out; None if whole multipliers cannot show it, or in time."""
    steps: list[int] = []
    for part in local.ruled_out:
        neurons = np.array(part.scope)
        toggled = np.argwhere(part.table)[0].astype(np.bool_)
        refusal = Refusals(local.space.part(neurons)).of(toggled, clock)
        if refusal is None:
            return None
        steps += [NOTED, len(refusal.neurons)]
        for place, multiplier in zip(refusal.neurons.tolist(), refusal.multipliers, strict=True):
            steps += [int(literals[2 * neurons[place] + toggled[place]]), multiplier]
    return steps
