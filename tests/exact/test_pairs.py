"""Pairs of signs that no image has, against linear programs in exact arithmetic."""

from itertools import combinations, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.exact.pairs import clashes
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.patterns.realise import Realiser
from signflip.patterns.space import PatternSpace
from signflip.problem import Box, Problem


@st.composite
def spaces(draw: st.DrawFn) -> PatternSpace:
    """Up to five neurons over six pixels in sixteenths, so that ends meet thresholds."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    weight = rng.choice([-1, 0, 1], (5, 6))
    ends = np.sort(rng.integers(0, 17, (2, 6)) / 16, axis=0)
    threshold = weight @ ends.mean(axis=0) + rng.integers(-8, 9, 5) / 16
    output = OutputLayer(rng.choice([-1, 1], (2, 5)), np.ones(2), np.zeros(2))
    network = BinaryNetwork((SignLayer.dense(weight, threshold),), output)
    box = Box(lower=ends[0], upper=ends[1])
    return PatternSpace.of(Problem(network, ends.mean(axis=0), box))


@settings(max_examples=100)
@given(spaces())
def test_a_pair_clashes_iff_no_real_point_has_it(space: PatternSpace) -> None:
    found = clashes(space)
    known = {
        (*pair, *values)
        for pair, values in zip(found.neurons.tolist(), found.toggled.tolist(), strict=True)
    }
    assert len(known) == len(found.neurons)
    read = np.abs(space.directions.astype(int)) @ np.abs(space.directions.astype(int)).T
    for a, b in combinations(range(space.size), 2):
        for values in product((True, False), repeat=2):
            demand = np.zeros(len(space.signs), dtype=np.int8)
            chosen = space.unstable[[a, b]]
            demand[chosen] = np.where(values, -space.signs[chosen], space.signs[chosen])
            refused = Realiser(space).realise(demand).refused
            clash = (a, b, *values) in known
            assert refused or not clash
            if refused and not clash:
                # only a pair that just meets, or neurons that read nothing in common
                assert read[a, b] == 0 or _meets(space, a, b, values)


def _meets(space: PatternSpace, a: int, b: int, values: tuple[bool, ...]) -> bool:
    """Whether what two signs need is all that the box gives, to rounding."""
    side = np.where(values, 1.0, -1.0)
    need = np.where(values, space.distance[[a, b]], -space.reluctance[[a, b]])
    pull = side @ space.directions[[a, b]]
    return bool(abs(need.sum() - space.radius @ np.abs(pull)) < 1e-9)
