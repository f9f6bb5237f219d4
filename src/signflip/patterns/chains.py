"""First-layer neurons that read the same weights, but for the sign: their toggles are chains.

Two such neurons split the box by parallel planes. Moving along a common direction d reaches the
toggles of those that move that way one after the other: neuron j toggles iff `d . x >= c_j`, or
iff `d . x > c_j` where it is +1 at the centre. So one with a higher or a strict limit, the
*stronger*, toggles only where every weaker one does, and of k neurons with one limit no two differ
but for the images at the limit itself. Copies in a trained network, and a neuron beside its
negation, would otherwise be searched as if they could be chosen freely.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from signflip.arrays import Booleans, Floats, Integers
from signflip.patterns.space import PatternSpace


class Chains(NamedTuple):
    """For each of m neurons how it hangs on the next weaker one of its chain.

    Attributes:
        weaker: (m,) int64 its place, or -1: it toggles wherever this neuron does.
        level: (m,) bool whether both have one limit, and so toggle together but for images at it.
        twin: (m,) bool whether they toggle together everywhere.
    """

    weaker: Integers
    level: Booleans
    twin: Booleans

    @property
    def some(self) -> bool:
        """Whether there is any chain."""
        return bool((self.weaker >= 0).any())


def chains_of(space: PatternSpace) -> Chains:
    """The chains of a space, found by comparing weights and thresholds, exactly."""
    weaker = np.full(space.size, -1, dtype=np.int64)
    level = np.zeros(space.size, dtype=np.bool_)
    twin = np.zeros(space.size, dtype=np.bool_)
    # then no image stands at a limit
    apart = space.layer is not space.problem.network.hidden[0]
    for chain, limit, strict in _sorted_chains(space):
        weaker[chain[1:]] = chain[:-1]
        level[chain[1:]] = np.diff(limit) == 0
        twin[chain[1:]] = level[chain[1:]] & (apart | (strict[1:] == strict[:-1]))
    return Chains(weaker, level, twin)


def groups_of(space: PatternSpace) -> list[Integers]:
    """The m neurons by their places, in groups of one limit, the strongest last."""
    groups: list[Integers] = []
    alone = np.ones(space.size, dtype=np.bool_)
    for chain, limit, _ in _sorted_chains(space):
        alone[chain] = False
        groups += np.split(chain, np.flatnonzero(np.diff(limit)) + 1)
    groups += list(np.flatnonzero(alone)[:, None])
    return sorted(groups, key=min) if len(groups) < space.size else groups


def _sorted_chains(space: PatternSpace) -> Iterator[tuple[Integers, Floats, Booleans]]:
    """Each chain of two and more by places, weakest first; its limits, and which are strict."""
    layer = space.layer
    family = layer.parallel[space.unstable]
    if (family < 0).all():
        return
    for one in np.unique(family[family >= 0]):
        members = np.flatnonzero(family == one)
        along = (space.directions[members] == space.directions[members[0]]).all(axis=1)
        for chain in (members[along], members[~along]):
            if len(chain) > 1:
                neurons = space.unstable[chain]
                strict = space.signs[neurons] > 0
                limit = np.where(strict, -layer.threshold[neurons], layer.threshold[neurons])
                order = np.lexsort((strict, limit))
                yield chain[order], limit[order], strict[order]
