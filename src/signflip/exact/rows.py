"""What the search over sets of flips counts: second-layer neurons, each worth something if useful.

An objective of two hidden layers is `constant + sum_k c_k h_k`, and its rival wins iff the neurons
with the sign of c_k are worth enough together. That is all that the search knows of a network: any
matrix of effects of -1, 0 and 1 on halved sums will do.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.arrays import Integers
from signflip.exact.counting import Sums
from signflip.exact.joint import MOST_LIVE, MOST_ROWS
from signflip.exact.tables import NEVER, second_layer
from signflip.exact.upper import shallow
from signflip.exact.worth import FRACTION, worths_of
from signflip.patterns.chains import chains_of
from signflip.patterns.space import PatternSpace

MOST_BOUNDED = 110
"""Undecided neurons up to which a node is bounded jointly."""
MOST_WORK = 2**26
"""Of rivals times rows times these squared: the first choice of curvatures takes some 15 times as
many multiplications, and no one looks at the clock meanwhile."""


class Rows(NamedTuple):
    """For each of R rivals K halved sums, each worth something at 0 or more; padded to sixteens."""

    effect: npt.NDArray[np.int16]  # (R, m, K) -1, 0 or 1: what a flip adds
    weight: npt.NDArray[np.int32]  # (R, K) worth, in steps of 2^-fraction
    fraction: int
    stronger: Integers  # (m,) the next neuron that flips only where this one does, or -1
    twin: Integers  # (m,) the next neuron that flips just where this one does, or -1
    blocks: bool  # whether blocks of six can count them: each is worth 1, no effect is 0


def countable(space: PatternSpace) -> bool:
    """Whether the objective is a sum over the second layer, of a size that the search can hold."""
    network = space.problem.network
    width, rivals = network.output.inputs, len(space.problem.rivals)
    fits = space.size <= MOST_LIVE and width <= MOST_ROWS
    quick = rivals * width * min(space.size, MOST_BOUNDED) ** 2 <= MOST_WORK
    return len(network.hidden) == 2 and fits and quick


def rows_of(space: PatternSpace) -> tuple[Rows, Sums]:
    """The rows of a countable space, and their sums (R, K) at the centre."""
    problem = space.problem
    sums, effect = second_layer(space)
    output, plain = problem.network.output, problem.network.output.plain
    leads = [output.lead(rival, problem.prediction) for rival in problem.rivals]
    matter = [np.flatnonzero(lead.numerators) for lead in leads]
    width = max(16, math.ceil(max(map(len, matter)) / 16) * 16)
    turned = np.full((len(leads), width), NEVER, dtype=np.int16)
    changes = np.zeros((len(leads), space.size, width), dtype=np.int16)
    weight = np.zeros((len(leads), width), dtype=np.int32)
    for rival, (lead, neurons) in enumerate(zip(leads, matter, strict=True)):
        side = np.where(lead.numerators[neurons] > 0, 1, -1).astype(np.int16)
        here = slice(0, len(neurons))
        # a neuron that is useful at -1 is so at a halved sum of -1 or less
        turned[rival, here] = np.where(side > 0, sums[neurons], -1 - sums[neurons])
        changes[rival, :, here] = effect[:, neurons] * side
        weight[rival, here] = 1 if plain else worths_of(lead)[neurons]
    chains = chains_of(space)
    chained = np.flatnonzero(chains.weaker >= 0)
    stronger = np.full(space.size, -1, dtype=np.int64)
    stronger[chains.weaker[chained]] = chained
    rows = Rows(
        effect=changes,
        weight=weight,
        fraction=0 if plain else FRACTION,
        stronger=stronger,
        twin=np.where(chains.twin, chains.weaker, -1),
        blocks=shallow(problem.network),
    )
    return rows, turned
